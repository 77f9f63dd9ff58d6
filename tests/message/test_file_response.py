"""Responses with prebuilt fields."""

from __future__ import annotations

from fanlight.message.file_response import PrebuiltResponse
from fanlight.message.response import Response

FIELDS = (("content-type", "text/css"), ("etag", '"a"'))


def made() -> PrebuiltResponse:
    return PrebuiltResponse(b"a {}", FIELDS, media_type="text/css", length=4, modified=0)


def test_its_fields_are_the_very_same_object() -> None:
    """The fields are the same tuple each time, by which the wire finds its cached head."""
    assert made().fields() is FIELDS


def test_to_change_its_fields_changes_no_other() -> None:
    """A change by middleware does not affect the next response."""
    one, other = made(), made()
    one.headers["x-mine"] = "1"
    assert [*FIELDS, ("x-mine", "1")] == list(one.fields())
    assert other.fields() is FIELDS
    assert one.headers["etag"] == '"a"'


def test_a_plain_copy_has_the_same_fields() -> None:
    """A copy with other content keeps the fields of the file."""
    copy = Response.copy(made())
    assert list(copy.fields()) == list(FIELDS)
    assert copy.content == b"a {}"
