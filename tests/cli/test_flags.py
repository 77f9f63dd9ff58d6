"""Every setting has a flag."""

from __future__ import annotations

import os
import re
from typing import Any

import click
import pytest
from click.testing import CliRunner

from fanlight.cli.flags import GROUPS, SettingsCommand
from fanlight.cli.given_options import options_of
from fanlight.settings.field import info_of
from fanlight.settings.options import Options
from fanlight.settings.sources import ADDRESS_PARTS, SETTINGS, flag_of

EXAMPLES = {"bytes": "77k", "seconds": "77s", "count": "77", "mode": "640", "address": "unix:/x", "store": "memory:"}


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that returns the options of a command line, or its error message."""

    def run(*words: str, **environ: str) -> Options | str:
        seen: list[Options] = []

        @click.command(cls=SettingsCommand)
        def command(**flags: Any) -> None:
            seen.append(options_of(flags))

        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(command, words)
        return seen[0] if seen else result.output or str(result.exception)

    return run


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_a_flag(typed: Any, name: str) -> None:
    """Each field of Options and of Limits has a flag of its name; a flag that needs another is refused with a hint."""
    info = info_of(SETTINGS[name])
    file = os.devnull if name == "env_file" else "/x"  # an env file is read
    text = info.choices[-1] if info.choices else EXAMPLES.get(info.unit, file)
    text = {"hosts": "site.example", "bus": "redis://localhost/0"}.get(name, text)
    with_it = {"client_cert": ["--client-ca=/x"], "user": ["--workers=1"], "key": ["--cert=/x"]}.get(name, [])
    if name in ("client_ca", "redirect_from", "hsts_seconds", "client_cert"):
        with_it += ["--cert=/x"]
    if name == "client_ca":
        with_it += ["--client-cert=optional"]
    if name == "proxy_protocol":
        with_it += ["--trusted-proxies=10.0.0.1"]
    is_switch = info.unit == "switch"
    flag = f"--no-{flag_of(name)[2:]}" if is_switch and SETTINGS[name].default else flag_of(name)
    options = typed(*with_it, flag, *([] if is_switch else [text]))
    assert isinstance(options, Options), options
    owner = options if hasattr(options, name) else options.limits
    assert getattr(owner, name) != SETTINGS[name].default


def test_help_lists_all_flags_in_groups(typed: Any) -> None:
    """--help has each flag under the heading of its group, with its meaning and its default."""
    text = typed("--help")
    for name in (*SETTINGS, *ADDRESS_PARTS):
        assert re.search(rf"^  {flag_of(name)}\b", text, re.MULTILINE), name
    headings = re.findall(r"^([A-Z][\w ]+):$", text, re.MULTILINE)
    assert headings == ["Options", *GROUPS]
    assert "[16KiB]" in text
    assert "FANLIGHT_HEAD_BYTES for --head-bytes" in re.sub(r"\s+", " ", text)


def test_flags_come_before_the_environment(typed: Any) -> None:
    """A flag takes precedence over the variable, and that over the default; the control socket is on by default."""
    options = typed("--threads", "1", "--no-access-log", FANLIGHT_THREADS="2", FANLIGHT_CONNECTIONS="3")
    assert (options.limits.threads, options.limits.connections, options.access_log) == (1, 3, False)
    assert options.control == "auto"


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("--head-byts", "--head-bytes"), ("--worker", "--workers"), ("--no-acess-log", "--no-access-log")],
)
def test_an_unknown_flag_is_refused_with_a_suggestion(typed: Any, typo: str, meant: str) -> None:
    """The message suggests the flag with the most similar name."""
    assert f"there is no flag {typo}; did you mean {meant}?" in typed(typo)


@pytest.mark.parametrize(
    ("flag", "instead"),
    [("--reload", "use `fanlight dev`, which reloads by itself"), ("--debug", "use `fanlight dev`, which shows")],
)
def test_a_flag_of_another_server_is_refused_with_a_hint(typed: Any, flag: str, instead: str) -> None:
    """The hint is the flag with the same meaning here, not the one with a similar name."""
    said = " ".join(typed(flag).split())
    assert f"there is no flag {flag}; " in said
    assert instead in said
    assert "did you mean" not in said


def test_a_flag_without_a_similar_one_is_refused_with_a_hint() -> None:
    """Where no flag is similar, the hint is --help."""
    command = SettingsCommand("x", callback=lambda **_: None)
    assert "there is no flag --qqqq; --help lists them all" in CliRunner().invoke(command, ["--qqqq"]).output
