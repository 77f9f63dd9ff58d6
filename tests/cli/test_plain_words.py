"""A plain command line is read as click reads it; all else is left to click."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from fanlight.cli.flags import SettingsCommand
from fanlight.cli.plain_words import read_plain
from fanlight.settings.field import info_of
from fanlight.settings.sources import ADDRESS_PARTS, SETTINGS, flag_of

FLAGS = [
    words
    for name, field in SETTINGS.items()
    for words in (
        [[flag_of(name)], [flag_of(f"no_{name}")], [flag_of(f"no_{name}"), flag_of(name)]]
        if info_of(field).unit == "switch"
        else [[flag_of(name), "a"], [f"{flag_of(name)}=a"], [flag_of(name), "a", f"{flag_of(name)}=b,c"]]
    )
]
PLAIN = [
    [],
    ["site.py"],
    ["site.py", "--port", "0"],
    ["--host=::1", "pkg:make_app()", "--port=80"],
    ["--access-file", "-"],
    ["--access-file=-x"],
    ["--bind", "", "--bind="],
    [""],
    ["a=b.py"],
    *FLAGS,
]
NOT_PLAIN = [
    ["-h"],
    ["--help"],
    ["site.py", "--help"],
    ["--port"],
    ["--port", "--uvloop"],
    ["--port", "-1"],
    ["--uvloop=yes"],
    ["--no-uvloop="],
    ["--no-port", "8000"],
    ["--no-bind=a"],
    ["--Port", "1"],
    ["--admin_hosts", "a"],
    ["--limits", "a"],
    ["--prot", "8000"],
    ["--", "site.py"],
    ["-"],
    ["-p", "1"],
    ["one.py", "two.py"],
]


def read_by_click(words: list[str]) -> tuple[str, dict[str, Any]] | None:
    """Return what click reads, without what is not given; None where it shows help or a mistake."""
    found: list[tuple[str, dict[str, Any]]] = []

    @click.command(cls=SettingsCommand)
    @click.argument("site", default="main.py")
    def command(site: str, **flags: Any) -> None:
        found.append((site, {name: value for name, value in flags.items() if value not in {None, ()}}))

    CliRunner().invoke(command, words)
    return found[0] if found else None


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_plain_words_are_read_as_click_does(words: list[str]) -> None:
    """The site and the flags are the same; that nothing was given is the default site, and no flag."""
    assert read_plain(words) == read_by_click(words)
    assert read_plain(words) is not None


@pytest.mark.parametrize("words", NOT_PLAIN, ids=" ".join)
def test_click_reads_the_rest(words: list[str]) -> None:
    """Help and mistakes are click's; so is a value that looks like a flag."""
    assert read_plain(words) is None


def test_every_setting_is_read() -> None:
    """No flag is left to click."""
    assert all(
        read_plain(
            [flag_of(name)] if name in SETTINGS and info_of(SETTINGS[name]).unit == "switch" else [flag_of(name), "1"]
        )
        for name in (*SETTINGS, *ADDRESS_PARTS)
    )
