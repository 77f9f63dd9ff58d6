"""Comparing two responses, but for what may differ."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fanlight.devtools.inspector.replay.differences import (
    Difference,
    InvalidRule,
    Rules,
    differences,
    side_by_side,
)
from fanlight.devtools.inspector.replay.response_reader import ReadResponse


def page(text: str, status: int = 200, **fields: str) -> ReadResponse:
    pairs = {
        "content-type": "text/html; charset=utf-8",
        **{name.replace("_", "-"): each for name, each in fields.items()},
    }
    return ReadResponse(status=status, fields=tuple(pairs.items()), content=text.encode())


def document(value: Any) -> ReadResponse:
    fields = (("content-type", "application/json"),)
    return ReadResponse(status=200, fields=fields, content=json.dumps(value).encode())


def test_the_same_response_has_no_difference() -> None:
    """A response is like itself."""
    assert differences(page("<p>Hi"), page("<p>Hi")) == []


def test_another_status_is_a_difference() -> None:
    """Both statuses are shown."""
    assert differences(page("", 200), page("", 500)) == [Difference("status", "200", "500")]


def test_another_field_is_a_difference() -> None:
    """A field with another value, and one that is there only once, are shown by name."""
    before, after = page("", x_a="1"), page("", x_a="2", x_b="3")
    assert differences(before, after) == [Difference("field x-a", "1", "2"), Difference("field x-b", "", "3")]


def test_lines_that_differ_are_shown() -> None:
    """Of a text only the lines that differ are in the difference."""
    assert differences(page("one\ntwo\nthree"), page("one\n2\nthree")) == [Difference("content", "two", "2")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("at 2026-11-29 10:00", "at 2026-11-30 11:30"),
        ("2026-11-29T10:00:00.123Z", "2026-11-29T10:00:01+01:00"),
        ("Sun, 29 Nov 2026 10:00:00 GMT", "Mon, 30 Nov 2026 10:00:00 GMT"),
        ("0a6e2f10-1111-4222-8333-444455556666", "0a6e2f10-1111-4222-8333-444455557777"),
        ("token 0123456789abcdef0123", "token ff23456789abcdef0123"),
    ],
)
def test_dates_and_ids_may_differ(before: str, after: str) -> None:
    """Dates, times, UUIDs and long hexadecimal numbers are others in each response."""
    assert differences(page(before, x_id=before), page(after, x_id=after)) == []


def test_words_of_hexadecimal_letters_are_words() -> None:
    """A long word without a digit is no id, and a number is none either."""
    assert differences(page("deadbeefdeadbeefdead 1234"), page("feedbeefdeadbeefdead 1235")) != []


def test_the_value_of_a_cookie_may_differ_and_its_attributes_not() -> None:
    """A signed cookie has another value each time; that it is no longer HttpOnly is a difference."""
    assert differences(page("", set_cookie="id=abc; HttpOnly"), page("", set_cookie="id=xyz; HttpOnly")) == []
    assert differences(page("", set_cookie="id=abc; HttpOnly"), page("", set_cookie="id=abc")) != []
    assert differences(page("", set_cookie="id=abc; HttpOnly"), page("", set_cookie="id=; HttpOnly")) != []


def test_a_document_is_compared_by_its_places() -> None:
    """Of a JSON content the places that differ are shown, whatever the order of its names."""
    before, after = document({"a": 1, "b": [1, {"c": 2}]}), document({"b": [1, {"c": 3}, 4], "a": 1})
    assert differences(before, after) == [
        Difference("content /b/1/c", "2", "3"),
        Difference("content /b/2", "(absent)", "4"),
    ]


def test_true_is_not_one() -> None:
    """A value of another type is a difference, also where Python has them equal."""
    assert differences(document({"a": 1}), document({"a": True})) == [Difference("content /a", "1", "true")]


def test_rules_say_what_else_may_differ() -> None:
    """A rule leaves out a field, a place in a document, or what matches in text."""
    rules = Rules.read(["field:ETag", "json:/items/*/id", r"text:visit \d+"])
    assert differences(page("visit 1", etag="1"), page("visit 2", etag="2"), rules) == []
    before, after = document({"items": [{"id": 1, "n": 1}]}), document({"items": [{"id": 2, "n": 2}]})
    assert differences(before, after, rules) == [Difference("content /items/0/n", "1", "2")]
    assert differences(page("a"), page("b"), Rules.read(["content"])) == []


@pytest.mark.parametrize("rule", ["fields:date", "etag", "json:items", "text:(", "field:", "contents"])
def test_a_rule_that_is_not_understood_is_refused(rule: str) -> None:
    """A rule of another kind, or a broken one, raises InvalidRule."""
    with pytest.raises(InvalidRule):
        Rules.read([rule])


def test_the_script_of_the_development_server_is_no_difference() -> None:
    """The script has the number of the code's generation, which is another one after each change."""
    script = '<script src="/__fanlight__/static/reload.js" data-generation="%d" defer></script>'
    assert differences(page(f"<p>Hi{script % 1}"), page(f"<p>Hi{script % 22}")) == []


def test_a_response_that_is_cut_is_compared_as_far_as_it_is_kept() -> None:
    """What is missing of a response is no difference, and what is there is one."""
    cut = ReadResponse(status=200, fields=page("").fields, content=b"one\ntw", is_complete=False)
    assert differences(cut, page("one\ntwo\nthree")) == []
    assert differences(cut, page("one\n2\nthree")) != []


def test_both_sides_stand_beside_each_other() -> None:
    """Lines are marked as the same, changed, gone or new."""
    rows = side_by_side(page("one\ntwo\nthree"), page("one\n2\nthree\nfour"))
    assert [(row.kind, row.before, row.after) for row in rows] == [
        ("same", "one", "one"),
        ("changed", "two", "2"),
        ("same", "three", "three"),
        ("new", "", "four"),
    ]


def test_binary_content_is_shown_by_its_size() -> None:
    """Bytes that are no text are never shown as text."""
    picture = ReadResponse(status=200, fields=(("content-type", "image/png"),), content=b"\x89PNG<script>")
    assert [row.before for row in side_by_side(picture, picture)] == ["(12 bytes of image/png)"]
