"""Files of recorded exchanges."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from fanlight.devtools.inspector.exchange_record import ConnectionInfo, Exchange, Piece
from fanlight.devtools.inspector.replay.raw_request import CannotReplay, RawRequest
from fanlight.devtools.inspector.replay.recording_file import (
    InvalidRecording,
    append,
    read,
    record,
    write_head,
)

SENT = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\n\xff\x00a"


def exchange(request: bytes, response: bytes = SENT) -> Exchange:
    return Exchange(
        "000007",
        0.0,
        ConnectionInfo(1, "127.0.0.1", 0),
        method="GET",
        received=[Piece(0.0, request, len(request))],
        received_bytes=len(request),
        sent=[Piece(0.1, response, len(response))] if response else [],
        sent_bytes=len(response),
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Requests and responses come back as they were, binary and broken ones too."""
    file = tmp_path / "site.jsonl"
    write_head(file, ["field:etag"], has_secrets=False)
    kept = [record(exchange(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")), record(exchange(b"\xff\x00\r\n\r\n"))]
    for each in kept:
        append(file, each)
    found = read(file)
    assert (list(found.exchanges), found.rules) == (kept, ("field:etag",))


def test_credentials_are_left_out_unless_asked_for() -> None:
    """Cookies and Authorization are not in a recording, which says that they were there."""
    whole = exchange(b"GET / HTTP/1.1\r\nHost: x\r\nCookie: id=geheim\r\nauthorization: Basic Zzz\r\nX: y\r\n\r\n")
    recorded = record(whole)
    assert recorded.request == RawRequest(b"GET / HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n", "GET", "/")
    assert recorded.left_out == ("cookie", "authorization")
    assert b"geheim" in record(whole, has_secrets=True).request.data


@pytest.mark.parametrize(
    ("request_bytes", "what"),
    [
        (b"GET /a?token=geheim&b=1 HTTP/1.1\r\nHost: x\r\n\r\n", "secret in the URL"),
        (b"POST /in HTTP/1.1\r\nHost: x\r\n\r\nname=ada&password=geheim", "secret content"),
        (b'POST /in HTTP/1.1\r\nHost: x\r\n\r\n{"password": "geheim"}', "secret content"),
        (
            b'POST /in HTTP/1.1\r\nHost: x\r\n\r\n--a\r\nx: form-data; name="password"\r\n\r\ngeheim\r\n--a--',
            "secret content",
        ),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Api-Key: geheim\r\n\r\n", "x-api-key"),
    ],
)
def test_secrets_are_left_out_wherever_they_are(request_bytes: bytes, what: str) -> None:
    """A token in the URL, a password in a form or a document, a key in a field: none of them is in a recording."""
    recorded = record(exchange(request_bytes))
    assert recorded.left_out == (what,)
    assert b"geheim" not in recorded.request.data


def test_cookies_that_are_set_are_masked() -> None:
    """The value of a cookie in a response is not in a recording; its name and attributes are."""
    response = b"HTTP/1.1 204 No Content\r\nset-cookie: id=geheim; HttpOnly\r\n\r\n"
    assert record(exchange(b"GET / HTTP/1.1\r\n\r\n", response)).response.get("set-cookie") == "id=***; HttpOnly"


@pytest.mark.skipif(os.name != "posix", reason="other systems have other permissions")
def test_a_recording_with_secrets_is_for_its_owner(tmp_path: Path) -> None:
    """A file with credentials can be read by no one else."""
    write_head(tmp_path / "a", [], has_secrets=True)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    """A recording does not begin in a file that exists."""
    (tmp_path / "a").write_text("mine")
    with pytest.raises(InvalidRecording, match="exists"):
        write_head(tmp_path / "a", [], has_secrets=False)


def test_an_exchange_without_a_response_is_not_recorded() -> None:
    """There is nothing to compare with."""
    with pytest.raises(CannotReplay, match="no response"):
        record(exchange(b"GET / HTTP/1.1\r\n\r\n", b""))


@pytest.mark.parametrize("text", ["", "{}", "[1]", "\xff", '{"format": "fanlight recording", "version": 2}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    """A file that is no recording is named, with the command that makes one."""
    (tmp_path / "a").write_text(text, "latin-1")
    with pytest.raises(InvalidRecording, match="fanlight record"):
        read(tmp_path / "a")


@pytest.mark.parametrize(
    "line", ["{", "{}", '{"id": 1}', '{"id": "1", "request": {"base64": "?"}, "response": {"status": 200}}']
)
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    """The message has the file and the line."""
    write_head(tmp_path / "a", [], has_secrets=False)
    with (tmp_path / "a").open("a") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(InvalidRecording, match="a:3 is no recorded exchange"):
        read(tmp_path / "a")


def test_a_file_that_can_not_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file is an InvalidRecording, with its reason."""
    with pytest.raises(InvalidRecording, match="No such file"):
        read(tmp_path / "none")
