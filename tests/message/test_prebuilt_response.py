"""An answer whose fields were written before."""

from __future__ import annotations

from fanlight.message.prebuilt_response import PrebuiltResponse
from fanlight.message.response import Response

FIELDS = (("content-type", "text/css"), ("etag", '"a"'))


def made() -> PrebuiltResponse:
    return PrebuiltResponse(b"a {}", FIELDS, media_type="text/css", length=4, modified=0)


def test_its_fields_are_the_very_same_object() -> None:
    """The wire knows a head by its fields' tuple, so it is always the same."""
    assert made().fields() is FIELDS


def test_to_change_its_fields_changes_no_other() -> None:
    """What a step writes to one answer is not in the next."""
    one, other = made(), made()
    one.headers["x-mine"] = "1"
    assert [*FIELDS, ("x-mine", "1")] == list(one.fields())
    assert other.fields() is FIELDS
    assert one.headers["etag"] == '"a"'


def test_a_plain_copy_has_the_same_fields() -> None:
    """Who makes another answer of it, with other content, keeps what it says of the file."""
    copy = Response.copy(made())
    assert list(copy.fields()) == list(FIELDS)
    assert copy.content == b"a {}"
