"""`App.run`: its arguments, and the settings they become."""

from __future__ import annotations

import typing
from collections.abc import Sequence

import pytest

from fanlight import App, Limits
from fanlight.settings.options import Options
from fanlight.settings.sources import SETTINGS
from fanlight.site.run_arguments import Settings


class Recording(App):
    """An app that records the options it would have served with."""

    def serve(self, options: Options) -> None:
        self.options = options


@pytest.fixture
def app() -> Recording:
    return Recording({"/": "x"})


def test_its_parameters_are_the_settings() -> None:
    """The names and types are those of the settings, except that lists may be any sequence."""
    expected = {
        name: {"tuple[str, ...]": "Sequence[str]", "int": "int"}.get(str(each.type), str(each.type))
        for name, each in SETTINGS.items()
    } | {"workers": "int | Literal['auto']"}
    names = {"Sequence": Sequence, "Literal": typing.Literal}
    written = typing.get_type_hints(Settings)
    assert written == {name: eval(each, names) for name, each in expected.items()}


def test_every_setting_is_a_parameter(app: Recording) -> None:
    """Options, single limits, and a Limits object that single limits are applied to."""
    app.run(port=9, workers=2, threads=3, limits=Limits(threads=4, connections=5), trusted_proxies=["10.0.0.1"])
    assert app.options == Options(
        bind=("localhost:9",),
        workers=2,
        trusted_proxies=("10.0.0.1",),
        control="auto",
        limits=Limits(threads=3, connections=5),
    )


def test_the_environment_takes_precedence(app: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting in the environment overrides that of the program."""
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
def test_an_app_without_a_table_is_refused_with_a_hint(given: tuple[typing.Any, ...]) -> None:
    """`App()` and `App(__name__)`, as in other frameworks, raise an error that shows how routes are written."""
    with pytest.raises(TypeError, match=r"table of URLs, not .*; views stand in a table: app = App\(\{"):
        App(*given)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("route", "an App has no route; views stand in a table: URLS = {"),
        ("get", "an App has no get; views stand in a table"),
        ("include_router", "a part is a table"),
        ("errorhandler", "App(URLS, errors={404: not_found, OutOfStock: sold_out})"),
        ("add_middleware", "App(URLS, middleware=[timing])"),
        ("on_event", "App(URLS, lifespan=lifespan)"),
        ("test_client", "fanlight.testing"),
        ("nonsense", "has no attribute 'nonsense'"),
    ],
)
def test_a_method_of_other_frameworks_apps_is_refused_with_a_hint(app: Recording, name: str, message: str) -> None:
    """A missing attribute is an AttributeError; one that other frameworks have gets a hint."""
    with pytest.raises(AttributeError) as caught:
        getattr(app, name)
    assert message in str(caught.value)
    assert not hasattr(app, name)
