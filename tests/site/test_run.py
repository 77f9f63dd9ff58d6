"""`App.run`: what it takes, and what it makes of it."""

from __future__ import annotations

import typing
from collections.abc import Sequence

import pytest

from fanlight import App, Limits
from fanlight.settings.options import Options
from fanlight.settings.sources import SETTINGS
from fanlight.site.run_arguments import Settings


class Recording(App):
    """An app that keeps the options it would have served with."""

    def serve(self, options: Options) -> None:
        self.options = options


@pytest.fixture
def app() -> Recording:
    return Recording({"/": "x"})


def test_its_settings_are_those_there_are() -> None:
    """The names and types that an editor shows are the fields' own, but that lists may be of any kind."""
    expected = {
        name: {"tuple[str, ...]": "Sequence[str]", "int": "int"}.get(str(each.type), str(each.type))
        for name, each in SETTINGS.items()
    } | {"workers": "int | Literal['auto']"}
    names = {"Sequence": Sequence, "Literal": typing.Literal}
    written = typing.get_type_hints(Settings)
    assert written == {name: eval(each, names) for name, each in expected.items()}


def test_every_setting_can_be_given(app: Recording) -> None:
    """Options, limits one by one, and limits as a whole, of which the single ones are changed."""
    app.run(port=9, workers=2, threads=3, limits=Limits(threads=4, connections=5), trusted_proxies=["10.0.0.1"])
    assert app.options == Options(
        bind=("localhost:9",),
        workers=2,
        trusted_proxies=("10.0.0.1",),
        control="auto",
        limits=Limits(threads=3, connections=5),
    )


def test_the_environment_has_the_last_word(app: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment takes precedence over the program."""
    monkeypatch.setenv("FANLIGHT_THREADS", "1")
    monkeypatch.setenv("FANLIGHT_BIND", "unix:/x")
    app.run("0.0.0.0", 9, threads=3)
    assert (app.options.limits.threads, app.options.bind) == (1, ("unix:/x",))


@pytest.mark.parametrize("none", ["", "none"])
def test_a_site_may_be_without_a_control_socket(app: Recording, none: str) -> None:
    """Both "none" and "" switch the control socket off."""
    app.run(bind=["127.0.0.1:7"], control=none)
    assert app.options.control == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"head_byts": 1}, "fanlight: run() has no setting head_byts; did you mean head_bytes?"),
        ({"threads": 0}, "fanlight: Limits.threads is 0"),
        ({"port": 9, "bind": [":1"]}, "fanlight: bind and host are given together"),
        ({"port": 99999}, "is not an address"),
    ],
)
def test_an_invalid_setting_ends_the_program(app: Recording, given: dict[str, typing.Any], message: str) -> None:
    """The message goes to stderr, and nothing is served."""
    with pytest.raises(SystemExit) as caught:
        app.run(**given)
    assert message in str(caught.value)
    assert not hasattr(app, "options")


@pytest.mark.parametrize("given", [(), ("main",)])
def test_an_app_without_a_table_says_how_routes_are_written(given: tuple[typing.Any, ...]) -> None:
    """`App()` and `App(__name__)` are of other frameworks."""
    with pytest.raises(TypeError, match=r"table of URLs, not .*; views stand in a table: app = App\(\{"):
        App(*given)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("route", "an App has no route; views stand in a table: URLS = {"),
        ("get", "an App has no get; views stand in a table"),
        ("include_router", "tables nest"),
        ("errorhandler", "App(URLS, errors={404: not_found})"),
        ("add_middleware", "App(URLS, middleware=[timing])"),
        ("on_event", "App(URLS, lifespan=lifespan)"),
        ("test_client", "fanlight.testing"),
        ("nonsense", "has no attribute 'nonsense'"),
    ],
)
def test_a_method_of_other_frameworks_apps_is_refused_with_a_hint(app: Recording, name: str, message: str) -> None:
    """An attribute that there is not is an AttributeError as ever, with what to write."""
    with pytest.raises(AttributeError) as caught:
        getattr(app, name)
    assert message in str(caught.value)
    assert not hasattr(app, name)
