"""The password of a Redis is in no message, no repr and no log."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest
from tests.redis_server import RedisServer

from fanlight.errors import StoreUnavailable
from fanlight.stores.open_store import open_store

PASSWORD = "hunter2hunter2"


@pytest.mark.parametrize("given", ["wrong", "right", "none"])
def test_the_password_is_never_shown(tmp_path: Path, given: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not by a store that is used, nor by one whose password is wrong, missing, or whose server is gone."""
    caplog.set_level(logging.DEBUG)
    server = RedisServer(tmp_path / "redis", password=PASSWORD)
    shown: list[str] = []
    try:
        typed = {"wrong": f":{PASSWORD}x@", "right": f":{PASSWORD}@", "none": ""}[given]
        store = open_store(f"redis://{typed}127.0.0.1:{server.port}")
        if given == "right":
            store.set("a", b"1", 10)
            assert store.get("a") == b"1"
            server.kill()
        with pytest.raises(StoreUnavailable) as caught:
            store.get("a")
        shown += [repr(store), repr(caught.value), caught.value.reason, caught.value.detail]
        shown += traceback.format_exception(caught.value)
        store.close()
    finally:
        server.stop()
    assert caplog.text.count("can't be used") == 1
    assert "hunter2" not in "".join([caplog.text, *shown])
    if given != "right":
        assert "refuses this user or password" in caught.value.reason
