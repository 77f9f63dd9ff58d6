"""The password of a Redis is in no message, no repr and no log."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from pathlib import Path

import pytest
from tests.redis_server import RedisServer
from tests.speed import PATIENCE

from fanlight.errors import StoreUnavailable
from fanlight.stores.open_store import open_store

PASSWORD = "hunter2hunter2"


def test_a_server_that_repeats_the_password_is_not_repeated() -> None:
    """Whatever the server has put into its error, the password is not in the reason."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]

        def serve() -> None:
            client, _ = sock.accept()
            with client:
                client.recv(4096)
                client.sendall(b"-ERR no user has the password " + PASSWORD.encode() + b"\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(StoreUnavailable) as caught:
            open_store(f"redis://:{PASSWORD}@127.0.0.1:{port}").get("a")
        thread.join(PATIENCE)
    assert caught.value.reason == "it refuses this user or password"


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
