"""Which reader of heads is chosen, and what is said of it."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from fanlight.wire.http1.head_reader import INTERFACE, choose


def test_without_the_package_python_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is not installed is nothing to speak of."""
    monkeypatch.setitem(sys.modules, "fanlight_speed", None)
    assert choose({}) == (None, "Python", "")


@pytest.mark.parametrize("value", ["off", " OFF "])
def test_the_environment_turns_it_off(value: str) -> None:
    """FANLIGHT_SPEED=off: the package is not even imported."""
    assert choose({"FANLIGHT_SPEED": value}) == (None, "Python (FANLIGHT_SPEED is off)", "")


def test_a_package_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that another Fanlight would use is left alone, for a reason that says what to do."""
    monkeypatch.setitem(sys.modules, "fanlight_speed", SimpleNamespace(INTERFACE=INTERFACE + 1))
    read, name, reason = choose({})
    assert (read, name) == (None, "Python")
    assert reason == "fanlight-speed is not used, as it belongs to another version of fanlight; install its own"


def test_a_package_that_can_not_be_loaded_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A file that was built for another machine does not keep the server from starting."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "fanlight_speed.py").write_text("raise ImportError('wrong machine')")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "fanlight_speed", raising=False)
    assert choose({}) == (None, "Python", "fanlight-speed is not used, as it can't be loaded: wrong machine")


def test_an_installed_package_is_used() -> None:
    """With the package, plain heads are read compiled."""
    pytest.importorskip(
        "fanlight_speed", exc_type=ImportError, reason="`make test` builds and installs it: pip install ./speed"
    )
    from fanlight.wire.http1.plain_head import PlainHead

    assert choose({"FANLIGHT_SPEED": "on"}) == (PlainHead.read, "fanlight-speed", "")
