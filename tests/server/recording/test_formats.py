"""The lines of the access log."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.server.recording import formats
from fanlight.server.recording.formats import Entry, Format, formatter, head_fields
from fanlight.server.recording.sink import PIPE_PIECE_BYTES
from fanlight.testing import FakeHead

OFFSET = 1_800_000_000.0


def entry(
    target: str = "/", *, reason: str = "", has_head: bool = True, client: str | None = "192.0.2.1", **fields: str
) -> Entry:
    head = FakeHead("GET", target, {name.replace("_", "-"): value for name, value in fields.items()})
    fields_of = head_fields("json")
    assert fields_of is not None
    asked = ("GET", target, fields_of(head)) if has_head else ("", "", None)
    route = "GET /{page} (views.page)"
    return (5.25, 0.0123, *asked, client, "https", route, 200, 321, b"x-request-id: abc-1\r\n", reason)


def line(form: Format, of: Entry) -> str:
    return formatter(form)([of], OFFSET)


def test_a_line_of_text() -> None:
    """Text: time, client, request line, status, bytes, duration, id."""
    shown = line("text", entry("/a?b=c"))
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  192\.0\.2\.1        GET /a\?b=c  200  321 B  12\.3 ms  abc-1\n", shown
    )


def test_a_combined_line() -> None:
    """Combined: as Apache writes it, with referer and agent."""
    shown = line("combined", entry("/a", referer="http://x/?token=1", user_agent='A "b" \\'))
    assert re.fullmatch(
        r'192\.0\.2\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a HTTP/1\.1" 200 321'
        r' "http://x/\?token=\*\*\*" "A \\x22b\\x22 \\x5c"\n',
        shown,
    )


def test_a_json_line() -> None:
    """JSON: one object, with everything that is known."""
    found = json.loads(line("json", entry("/a?key=1", referer="http://x/", user_agent="A", host="example.org")))
    assert found == {
        "time": "2027-01-15T08:00:05.250Z",
        "id": "abc-1",
        "client": "192.0.2.1",
        "method": "GET",
        "target": "/a?key=***",
        "status": 200,
        "bytes": 321,
        "ms": 12.3,
        "route": "GET /{page} (views.page)",
        "host": "example.org",
        "referer": "http://x/",
        "agent": "A",
        "scheme": "https",
    }


def test_a_refusal_without_a_head() -> None:
    """An invalid message has a line too: the client, and why it was refused."""
    of = entry(reason='Host is "missing"', has_head=False)
    assert line("text", of).split("  ", 1)[1] == "192.0.2.1        -  refused 200  Host is 'missing'  abc-1\n"
    assert '"-" 200 321 "-" "-"' in line("combined", of)
    assert json.loads(line("json", of))["refused"] == 'Host is "missing"'


HOSTILE: Any = st.text(st.characters(max_codepoint=0x2FF), max_size=30)


@given(target=HOSTILE, agent=HOSTILE, referer=HOSTILE, reason=HOSTILE, client=HOSTILE)
@pytest.mark.parametrize("form", ["text", "combined", "json"])
def test_a_client_can_not_forge_a_line(
    form: Format, target: str, agent: str, referer: str, reason: str, client: str
) -> None:
    """Whatever a client sends, an entry is one line of visible ASCII."""
    shown = line(form, entry(target, reason=reason, client=client, user_agent=agent, referer=referer))
    assert shown[-1] == "\n"
    assert shown[:-1].isprintable()
    assert shown.isascii()
    if form == "json":
        json.loads(shown)
    if form == "combined":
        assert shown.count('"') == 6


@pytest.mark.parametrize("letter", ["a", "\x9b", '"', "\\", "\u2028", "\u202e", "\U0001f600"])
@pytest.mark.parametrize("form", ["text", "combined", "json"])
def test_a_line_fits_into_one_piece_of_a_pipe(form: Format, letter: str) -> None:
    """However much a client sends, its line is no longer than what a pipe takes in one piece."""
    much = letter * 20_000
    shown = line(form, entry(much, client=much, user_agent=much, referer=much, host=much, reason=much))
    assert len(shown) <= PIPE_PIECE_BYTES


TARGETS: Any = st.text(
    st.sampled_from('/ab?&;=@%"\\ <\x7f\x80\u0100\n') | st.characters(max_codepoint=0x7F), max_size=30
)


@given(target=TARGETS, method=st.sampled_from(["GET", "get", "GET\n", ""]))
@pytest.mark.parametrize("form", ["text", "combined", "json"])
def test_a_plain_request_is_what_redacting_and_escaping_would_return(form: Format, method: str, target: str) -> None:
    """The short way of most requests, which are neither redacted nor escaped, leads to the same line."""
    of = (5.25, 0.0123, method, f"{target}.", *entry()[4:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "_check_for", lambda _: lambda _, __: False)
        expected = line(form, of)
    assert line(form, of) == expected


def test_each_line_has_the_time_of_its_entry() -> None:
    """Entries of one batch may be of different seconds, and need not be in their order."""
    moments = (5.0, 5.875, 6.0, 5.5, 7.25)
    shown = formatter("json")([(moment, *entry()[1:]) for moment in moments], OFFSET)
    times = [json.loads(each)["time"] for each in shown.splitlines()]
    assert [time[-7:] for time in times] == ["05.000Z", "05.875Z", "06.000Z", "05.500Z", "07.250Z"]


@given(ended=st.floats(0, 10**7), offset=st.floats(10**9, 3 * 10**9))
def test_a_time_is_never_invalid(ended: float, offset: float) -> None:
    """Whatever is rounded, the milliseconds have three digits, and the time is that of the entry."""
    shown = json.loads(formatter("json")([(ended, *entry()[1:])], offset))["time"]
    assert abs(datetime.fromisoformat(shown).timestamp() - (ended + offset)) < 0.0011


@pytest.mark.parametrize("seconds", [0.0, 0.00004, 0.00005, 0.0123, 0.09995, 0.1, 99.99, 12345.678])
def test_durations_are_rounded(seconds: float) -> None:
    """Text has tenths of a millisecond, JSON thousandths; of any length."""
    of = (5.25, seconds, *entry()[2:])
    assert abs(float(re.findall(r"(\S+) ms", line("text", of))[0]) - seconds * 1000) <= 0.0501
    assert abs(json.loads(line("json", of))["ms"] - seconds * 1000) <= 0.000501
