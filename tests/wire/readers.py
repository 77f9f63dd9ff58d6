"""The two readers of heads: the one written in Python, and the compiled one of `speed/`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

READERS = ("Python", "compiled")


@contextmanager
def reading_with(name: str) -> Iterator[None]:
    """Have wires read heads with this reader; skip the test where the package is not installed."""
    read = None
    if name == "compiled":
        pytest.importorskip(
            "fanlight_speed", exc_type=ImportError, reason="`make test` builds and installs it: pip install ./speed"
        )
        from fanlight.wire.http1.plain_head import PlainHead

        read = PlainHead.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fanlight.wire.http1.http1_connection.read_plain_head", read)
        yield


@pytest.fixture(scope="module", params=READERS)
def reader(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the tests of a module once with each reader."""
    with reading_with(request.param):
        yield request.param
