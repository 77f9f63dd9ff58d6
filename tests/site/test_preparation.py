"""An app gets its store and its keys before the port opens, if anything in it needs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight.app.application import Application
from fanlight.errors import InvalidSetting
from fanlight.message.request import Request
from fanlight.message.type_provider import TypeProvider
from fanlight.services import services_of
from fanlight.settings.options import Options
from fanlight.signing.site_secrets import make_secret
from fanlight.site.preparation import STORE_FILE, prepare


class Counter:
    """A type that needs the store."""

    @classmethod
    def __fanlight_provider__(cls, argument: type | None) -> TypeProvider:
        return COUNTER


class CounterProvider(TypeProvider):
    needs_services = True

    def __call__(self, request: Request) -> bytes | None:
        return services_of(request).store.get("count")


COUNTER = CounterProvider()


def counting(counter: Counter) -> str:
    return str(counter)


def guarded() -> Iterator[None]:
    yield


@pytest.fixture
def app(tmp_path: Path) -> Application:
    return Application({"/": counting}, folder=tmp_path)


def _options(tmp_path: Path, **settings: Any) -> Options:
    return Options(state_folder=str(tmp_path / "state"), **settings)


def test_a_site_that_needs_nothing_gets_nothing(tmp_path: Path) -> None:
    """No folder and no secret is made for it."""
    app = Application({"/": "home"}, folder=tmp_path)
    prepare(app, _options(tmp_path), {})
    assert not app.needs_services
    assert not (tmp_path / "state").exists()


def test_a_secret_and_a_store_are_made_in_the_state_folder(app: Application, tmp_path: Path) -> None:
    """Both are there before the first request, and sessions stay in cookies."""
    prepare(app, _options(tmp_path), {})
    made = {each.name for each in (tmp_path / "state").iterdir()}
    assert {"secret", STORE_FILE} <= made
    assert not app.services.keeps_sessions


def test_the_secret_of_the_environment_is_used(app: Application, tmp_path: Path) -> None:
    """No other is made; what was signed with an older one can be read."""
    old, new = make_secret(), make_secret()
    prepare(app, _options(tmp_path), {"FANLIGHT_SECRET": old})
    text = app.services.keys.sign("test", b"data")
    prepare(app, _options(tmp_path), {"FANLIGHT_SECRET": f"{new},{old}"})
    assert app.services.keys.read("test", text) == b"data"
    assert not (tmp_path / "state" / "secret").exists()


def test_the_store_of_the_options_has_the_sessions(app: Application, tmp_path: Path) -> None:
    """It is the one that the setting names."""
    prepare(app, _options(tmp_path, store=f"sqlite:{tmp_path / 'own.sqlite'}"), {})
    app.services.store.set("count", b"1", 60)
    assert app.services.keeps_sessions
    assert (tmp_path / "own.sqlite").exists()


def test_a_shared_store_needs_a_shared_secret(app: Application, tmp_path: Path) -> None:
    """A secret of this machine's own would be another one on the next."""
    with pytest.raises(InvalidSetting, match="FANLIGHT_SECRET"):
        prepare(app, _options(tmp_path, store="redis://127.0.0.1:1/0"), {})


def test_a_weak_secret_is_refused_where_it_matters(app: Application, tmp_path: Path) -> None:
    """In development it is taken."""
    with pytest.raises(InvalidSetting, match="FANLIGHT_SECRET"):
        prepare(app, _options(tmp_path), {"FANLIGHT_SECRET": "weak"})
    prepare(app, _options(tmp_path), {"FANLIGHT_SECRET": "weak"}, is_development=True)


def test_a_folder_that_can_not_be_made_is_refused(app: Application, tmp_path: Path) -> None:
    """The message says which one it is, and how to choose another."""
    (tmp_path / "state").write_text("a file")
    with pytest.raises(InvalidSetting, match="state-folder"):
        prepare(app, _options(tmp_path), {})


def test_an_app_that_is_not_deployed_has_services_of_its_own(app: Application) -> None:
    """Tests run without any setting."""
    app.services.store.set("count", b"1", 60)
    assert app.services.store.get("count") == b"1"
    assert app.services.keys.read("test", app.services.keys.sign("test", b"data")) == b"data"


def test_copies_of_an_app_share_its_services(app: Application, tmp_path: Path) -> None:
    """What is prepared for one is there for the other."""
    other = app.overridden({COUNTER: lambda: b"7"})
    prepare(app, _options(tmp_path), {})
    assert other.services is app.services
