"""Every place where a text becomes a number: what is odd is refused in the place's own way, at any length.

`int` and `float` take more than digits (other scripts' digits, signs, underscores, blanks, "nan"), and `int` raises
ValueError above 4,300 digits, `str.isdigit` says yes to "\u00b2", of which `int` makes nothing.
"""

from __future__ import annotations

import ast
import contextlib
import enum
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from msgspec import inspect as kinds

from fanlight.binding.convert import ConversionError, text_parser
from fanlight.bootstrap import CHANNEL_VARIABLE
from fanlight.cli.status import statuses
from fanlight.errors import BadMessage, BadRequest, ContentLimitExceeded, InvalidResponse, InvalidSetting, ServerError
from fanlight.message.accept import read_range
from fanlight.message.conditional import read_ranges
from fanlight.message.cookies import CookieOptions, write_cookie
from fanlight.message.events import Event
from fanlight.message.http_date import read_date
from fanlight.message.json_document import read_json
from fanlight.passwords.stored_hash import UnreadableHash, read_stored
from fanlight.routing.converter import CONVERTERS
from fanlight.server.listening.forwarded import TrustedProxies, read_forwarded, read_x_forwarded
from fanlight.server.operator.runtime_folder import control_paths
from fanlight.server.workers.channel import Channel
from fanlight.server.workers.systemd_notify import _watchdog_seconds
from fanlight.settings.addresses import check_address, inherited
from fanlight.settings.cpus import usable_cpus
from fanlight.settings.limits import Limits
from fanlight.settings.sources import SETTINGS, _port
from fanlight.settings.units import parse as read_setting
from fanlight.testing.cookie_jar import read_set_cookie
from fanlight.testing.streaming import _read_event
from fanlight.wire.http1.header_fields import is_host
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_limits import WireLimits
from fanlight.wire.proxy.proxy_header import read_proxy_header

PACKAGE = Path(__file__).parents[2] / "src" / "fanlight"
LONG = 5000
TEXTS = [
    *(
        "",
        "0",
        "1",
        "42",
        "00042",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1_0",
        "1.5",
        ".5",
        "1e3",
        "1e400",
        "0x1",
        "0o7",
        "x",
    ),
    *("\u00b2", "\u0663", "\uff11", "1\u0660", "\xa01", "inf", "nan", "-nan", "Infinity", "--1", "1-1", "\x00"),
    *(
        "9" * 19,
        "9" * LONG,
        "0" * LONG,
        "0" * LONG + "1",
        "1" + "\u0660" * LONG,
        "-" * LONG,
        "." * LONG,
        "1" + "." + "9" * LONG,
    ),
]
TRUST = TrustedProxies(["10.0.0.0/8"])
HERE = urlsplit("http://a/")


class Colour(enum.IntEnum):
    RED = 1


def _wire(make: Callable[[str], bytes]) -> Callable[[str], object]:
    def read(text: str) -> object:
        wire = Http1Connection(WireLimits(head_bytes=4 * LONG, content_bytes=LONG, trailer_bytes=LONG))
        wire.receive(make(text))
        found = []
        while (event := wire.next_event()) is not None:
            found.append(event)
        return found

    return read


def encoded(text: str) -> bytes:
    return text.encode("utf-8")


READERS: dict[str, tuple[Callable[[str], object], tuple[type[Exception], ...]]] = {
    "content-length": (
        _wire(lambda text: b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %b\r\n\r\n" % encoded(text)),
        (BadMessage, ContentLimitExceeded),
    ),
    "chunk size": (
        _wire(lambda text: b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n%b\r\n" % encoded(text)),
        (BadMessage, ContentLimitExceeded),
    ),
    "port in Host": (_wire(lambda text: b"GET / HTTP/1.1\r\nhost: a:%b\r\n\r\n" % encoded(text)), (BadMessage,)),
    "port of a host": (lambda text: is_host(f"a:{text}"), ()),
    "port in a PROXY header": (
        lambda text: read_proxy_header(f"PROXY TCP4 1.1.1.1 1.1.1.1 {text} 80\r\n".encode()),
        (BadMessage,),
    ),
    "first of a range": (lambda text: read_ranges(f"bytes={text}-", 100), ()),
    "last of a range": (lambda text: read_ranges(f"bytes=0-{text}", 100), ()),
    "weight": (lambda text: read_range(f"gzip;q={text}"), ()),
    "day of a date": (lambda text: read_date(f"Sun, {text} Nov 1994 08:49:37 GMT"), ()),
    "year of a date": (lambda text: read_date(f"Sun, 06 Nov {text} 08:49:37 GMT"), ()),
    "port in X-Forwarded-For": (lambda text: read_x_forwarded({"x-forwarded-for": f"1.1.1.1:{text}"}, None, TRUST), ()),
    "X-Forwarded-Port": (
        lambda text: read_x_forwarded({"x-forwarded-host": "a", "x-forwarded-port": text}, None, TRUST),
        (),
    ),
    "port in Forwarded": (lambda text: read_forwarded(f'for="1.1.1.1:{text}";host="a:{text}"', None, TRUST), ()),
    "int of a path": (CONVERTERS["int"].read, ()),
    "float of a path": (CONVERTERS["float"].read, ()),
    "date of a path": (CONVERTERS["date"].read, ()),
    "JSON": (lambda text: read_json(text.encode()), (BadRequest,)),
    "--port": (lambda text: _port(text, "--port"), (InvalidSetting,)),
    "--bind": (lambda text: check_address(f"a:{text}"), (InvalidSetting,)),
    "--bind fd": (lambda text: check_address(f"fd:{text}"), (InvalidSetting,)),
    "LISTEN_FDS": (lambda text: inherited({"LISTEN_FDS": text, "LISTEN_PID": "1"}, [1]), ()),
    "WATCHDOG_USEC": (lambda text: _watchdog_seconds({"WATCHDOG_USEC": text}), ()),
    "worker's channel": (lambda text: Channel.inherited({CHANNEL_VARIABLE: f"2000000000{text}"}), (InvalidSetting,)),
    "parameter of a stored password": (
        lambda text: read_stored(f"$scrypt$ln={text},r={text},p={text}${'a' * 22}${'a' * 43}"),
        (UnreadableHash,),
    ),
    "retry of an event": (lambda text: _read_event({"retry": text}, []), ()),
    "cookie's Max-Age": (lambda text: read_set_cookie(f"a=b; Max-Age={text}", HERE, 0.0), ()),
    "cookie's Expires": (lambda text: read_set_cookie(f"a=b; Expires=Sun, 06 Nov {text} {text}:0:0", HERE, 0.0), ()),
}


@pytest.mark.parametrize("name", READERS)
def test_odd_text_is_refused_like_any_invalid_text(name: str) -> None:
    """Each reader of a number returns, or raises one of its documented errors, for any odd text."""
    read, refusals = READERS[name]
    for text in TEXTS:
        with contextlib.suppress(*refusals):
            read(text)


@pytest.mark.parametrize("kind", [int, float, Decimal, bool, date, Colour, int | None, Literal[1, 2]], ids=str)
def test_odd_text_in_a_parameter_is_an_error_of_the_client(kind: object) -> None:
    """A parameter of any number type is converted, or raises ConversionError and nothing else."""
    read = text_parser(kinds.type_info(kind))
    assert read is not None
    for text in TEXTS:
        with contextlib.suppress(ConversionError):
            read(text)


@pytest.mark.parametrize("name", SETTINGS)
def test_odd_text_for_a_setting_is_refused(name: str) -> None:
    """Each setting accepts a text, or raises InvalidSetting."""
    for text in TEXTS:
        with contextlib.suppress(InvalidSetting):
            read_setting(SETTINGS[name], text, "--it")


@pytest.mark.parametrize("digits", ["9" * LONG, "0" * LONG + "1", "\u0663"])
def test_an_odd_quota_of_a_container_is_ignored(tmp_path: Path, digits: str) -> None:
    """A quota that is not a number of microseconds limits nothing."""
    for name, text in (("proc/self/cgroup", "0::/"), ("sys/fs/cgroup/cpu.max", f"{digits} {digits}")):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    assert usable_cpus(tmp_path, 4) == 4


def test_files_with_odd_names_are_no_control_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other files in the runtime folder are ignored."""
    folder = tmp_path / "fanlight"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for name in ("\u00b2", "\u0663", "9" * 200, "-1", "1_0", "77"):
        (folder / f"{name}.sock").touch()
    assert [each.name for each in control_paths()] == ["77.sock"]


@pytest.mark.parametrize("which", ["\u00b2", "\u0663", "9" * LONG])
def test_an_odd_process_id_has_no_status(which: str) -> None:
    """A text that is not a process id is taken as a path, which does not exist."""
    with pytest.raises(ServerError):
        statuses(which)


@pytest.mark.parametrize("number", [10**LONG, -(10**LONG), 2**63], ids=["long", "negative", "2**63"])
def test_numbers_of_an_app_are_bounded(number: int) -> None:
    """A number that is out of range is refused with a message, even if it is too long to be printed."""
    with pytest.raises(InvalidResponse):
        write_cookie("a", "b", CookieOptions(max_age=number))
    with pytest.raises(InvalidResponse):
        Event("x", retry_seconds=number).encode()
    with pytest.raises(InvalidSetting):
        Limits(head_bytes=number)


def test_no_text_is_tested_by_isdigit_before_conversion() -> None:
    """`isdigit` and its like accept text that `int` refuses, at any length: a pattern with a bound is used instead."""
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("isdigit", "isdecimal", "isnumeric")
    }
    # These check the length as well, or read what the kernel or this program itself has written.
    bounded = {"routing/converter.py", "wire/http1/header_fields.py", "opentelemetry.py"}
    assert found == bounded | {"server/workers/pid_file.py", "server/listening/listen.py"}
