"""Bytes on a page: every one is seen, and none passes for another."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.devtools.inspector import samples
from tests.wire.test_vectors import EXPECTED, vector

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.marks import marks
from fanlight.devtools.inspector.pages.byte_view import MAX_TEXT_BYTES, ByteView, as_text, byte_view, readable
from fanlight.devtools.inspector.pages.visible_text import visible, visible_record


def view_of(exchange: Exchange) -> ByteView:
    data = b"".join(piece.data for piece in exchange.received)
    return byte_view(exchange.received, marks(data, exchange))


def text_of(view: ByteView) -> str:
    return "".join(text for run in view.runs for text, _ in run.texts)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"GET /", "GET /"),
        (b"a\r\nb", "a\\r\\n\nb"),
        ("grüß".encode(), "grüß"),
        (b"a\tb\0\x1b[31m\x7f", "a\\tb\\x00\\x1b[31m\\x7f"),
        (b"\xff\xc3(\xc3", "\\xff\\xc3(\\xc3"),
        (b"\xc0\xaf", "\\xc0\\xaf"),
        ("\u202egpj".encode(), "\\xe2\\x80\\xaegpj"),
        ("a\u200bb\ufeff".encode(), "a\\xe2\\x80\\x8bb\\xef\\xbb\\xbf"),
        ("\u05d0".encode(), "\\xd7\\x90"),
        ("\u00a0\u2003".encode(), "\\xc2\\xa0\\xe2\\x80\\x83"),
        ("\U0001f600".encode(), "\U0001f600"),
    ],
)
def test_what_can_not_be_seen_is_an_escape(data: bytes, text: str) -> None:
    """Controls, broken UTF-8, format characters, odd spaces and text from right to left are written as their bytes."""
    assert as_text(data, 100) == text


@given(st.binary(max_size=300))
def test_no_text_has_a_character_that_hides(data: bytes) -> None:
    """Whatever the bytes are, their text is letters, marks, numbers, punctuation, symbols and spaces."""
    text = "".join(text for text, _ in readable(data))
    assert {unicodedata.category(character)[0] for character in text.replace("\n", "")} <= set("LNPSZ")
    assert all(character == " " for character in text if unicodedata.category(character) == "Zs")


@given(st.text(max_size=200))
def test_visible_text_hides_nothing(text: str) -> None:
    """A text on a page has no control or format character but line ends and tabs."""
    shown = visible(text).replace("\n", "").replace("\t", "")
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Co", "Cn"}


@pytest.mark.parametrize("make", [*samples.REALISTIC, samples.hostile])
def test_a_visible_record_has_the_same_bytes(make: object) -> None:
    """Only text changes: a record's bytes and numbers are the same."""
    exchange: Exchange = make()  # type: ignore[operator]
    shown = visible_record(exchange)
    assert shown.received == exchange.received
    assert shown.spans and shown.spans[0].begin == exchange.spans[0].begin if exchange.spans else True
    assert "\u202e" not in repr([shown.target, shown.spans, shown.logs, shown.parameters])


@pytest.mark.parametrize("name", EXPECTED)
def test_the_hexadecimal_digits_are_those_of_the_bytes(name: str) -> None:
    """The digits of all cells are the bytes, in order."""
    data = vector(name)
    view = view_of(samples.exchange(1, samples.pieces((0.0, data)), []))
    digits = "".join(cell[2] for line in view.hex_lines for cell in line.cells)
    assert bytes.fromhex(digits) == data[: view.shown_hex]
    assert all(len("".join(cell[2] for cell in line.cells) + line.padding) == 48 for line in view.hex_lines)


def test_parts_are_found_in_both_views_and_in_the_list() -> None:
    """Each part of the list is that of bytes in the text and in the digits."""
    view = view_of(samples.page())
    listed = {part.key for part in view.parts}
    assert {run.part for run in view.runs if run.part} == listed
    assert {cell[1] for line in view.hex_lines for cell in line.cells if cell[1]} == listed
    assert [(part.name, part.text) for part in view.parts[:4]] == [
        ("method", "GET"),
        ("target", "/posts/snow?page=2"),
        ("version", "HTTP/1.1"),
        ("Host", "localhost:8000"),
    ]


def test_pieces_have_their_times_in_the_text() -> None:
    """Where a piece begins its time of arrival stands, also within a mark."""
    view = view_of(samples.timed_out())
    assert [run.arrival for run in view.runs if run.arrival] == ["+0.00 ms, 22 bytes", "+4.20 s, 9 bytes"]
    assert text_of(view) == "GET /slow HTTP/1.1\\r\\n\nHost: local"


def test_the_fault_is_in_the_list_with_its_field() -> None:
    """The field at fault has the kind of a fault."""
    view = view_of(samples.refused())
    assert [(part.name, part.kind) for part in view.parts if part.kind == "fault"] == [("X-Forwarded-For", "fault")]


def test_a_huge_message_is_cut() -> None:
    """A message of megabytes in thousands of chunks is shown as far as its first kilobytes."""
    exchange = samples.huge()
    view = view_of(exchange)
    assert view.shown <= MAX_TEXT_BYTES
    assert view.total > view.kept - 1 > view.shown
    assert len(view.runs) < 1000
