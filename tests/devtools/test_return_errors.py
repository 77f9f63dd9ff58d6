"""A value that its annotation does not allow is an error in development, and is sent by `fanlight run`."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fanlight import App
from fanlight.devtools.dev_context import DevContext
from fanlight.devtools.dev_observer import DevObserver
from fanlight.testing import Client


class Cat(msgspec.Struct):
    name: str


def cat() -> Cat:
    return {"name": 7}  # type: ignore[return-value]  # that is the point


def gone(error: Exception) -> dict[str, int]:
    return {"id": "seven"}  # type: ignore[dict-item]  # as above


def lost() -> None:
    raise KeyError(7)


def test_what_an_error_view_returns_is_compared_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The description of an API has its annotation for what is sent."""
    app = App({"/lost": lost}, errors={KeyError: gone}, file=Path(__file__))
    observed = app.observed(DevObserver(DevContext(folder=tmp_path, generation=1), app))
    with Client(observed) as client:
        assert client.get("/lost").status == 500
    assert "is annotated -> dict[str, int], but id: 'seven' is not an integer; change one of them" in caplog.text


def test_only_development_compares(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log has the line of the view, its annotation, and what is wrong."""
    app = App({"/cat": cat}, file=Path(__file__))
    with Client(app) as client:
        assert client.get("/cat").json() == {"name": 7}
    observed = app.observed(DevObserver(DevContext(folder=tmp_path, generation=1), app))
    with Client(observed) as client:
        assert client.get("/cat").status == 500
    assert "is annotated -> Cat, but name: 7 is not a string; change one of them" in caplog.text
