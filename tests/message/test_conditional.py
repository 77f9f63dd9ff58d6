"""Preconditions in their order (RFC 9110 section 13.2.2)."""

import pytest

from fanlight.errors import PreconditionFailed
from fanlight.message.conditional import PreconditionResult, check_preconditions, evaluate_preconditions
from fanlight.message.request import Request
from fanlight.testing.fakes import FakeHead

TAG = '"a"'
THEN, BEFORE, AFTER = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"
MODIFIED = 784111777
GO_ON, NOT_MODIFIED, FAILED = PreconditionResult


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, GO_ON),
        ({"if-match": TAG}, GO_ON),
        ({"if-match": '"b", "a"'}, GO_ON),
        ({"if-match": "*"}, GO_ON),
        ({"if-match": ',, "b" ,\t,"a",'}, GO_ON),  # an empty member of a list is none (section 5.6.1.2)
        ({"if-match": ","}, FAILED),
        ({"if-none-match": ', "b",, W/"a" ,'}, NOT_MODIFIED),
        ({"if-none-match": ","}, GO_ON),
        ({"if-match": '"b"'}, FAILED),
        ({"if-match": 'W/"a"'}, FAILED),
        ({"if-match": "a"}, FAILED),
        ({"if-match": TAG, "if-unmodified-since": BEFORE}, GO_ON),
        ({"if-unmodified-since": THEN}, GO_ON),
        ({"if-unmodified-since": BEFORE}, FAILED),
        ({"if-unmodified-since": "yesterday"}, GO_ON),
        ({"if-none-match": TAG}, NOT_MODIFIED),
        ({"if-none-match": 'W/"a"'}, NOT_MODIFIED),
        ({"if-none-match": '"b","a"'}, NOT_MODIFIED),
        ({"if-none-match": "*"}, NOT_MODIFIED),
        ({"if-none-match": '"b"'}, GO_ON),
        ({"if-none-match": '"b"', "if-modified-since": AFTER}, GO_ON),
        ({"if-modified-since": THEN}, NOT_MODIFIED),
        ({"if-modified-since": AFTER}, NOT_MODIFIED),
        ({"if-modified-since": BEFORE}, GO_ON),
        ({"if-modified-since": "yesterday"}, GO_ON),
        ({"if-match": '"b"', "if-none-match": TAG}, FAILED),
        ({"if-match": TAG, "if-none-match": TAG}, NOT_MODIFIED),
    ],
)
def test_the_order_of_the_rfc(fields: dict[str, str], verdict: PreconditionResult) -> None:
    """Each field is evaluated, in the order of section 13.2.2."""
    assert evaluate_preconditions("GET", fields, TAG, MODIFIED) is verdict


def test_a_weak_tag_never_stands_for_the_same_bytes() -> None:
    """If-Match compares strongly: a weak tag of ours is not enough either (section 13.1.1)."""
    assert evaluate_preconditions("GET", {"if-match": 'W/"a"'}, 'W/"a"', None) is FAILED
    assert evaluate_preconditions("GET", {"if-none-match": '"a"'}, 'W/"a"', None) is NOT_MODIFIED


@pytest.mark.parametrize(
    ("fields", "etag"), [({"if-match": '"b"'}, TAG), ({"if-match": "*"}, None), ({"if-none-match": "*"}, TAG)]
)
def test_a_change_to_another_version_fails(fields: dict[str, str], etag: str | None) -> None:
    """A change that was made for another version fails."""
    with pytest.raises(PreconditionFailed):
        check_preconditions(Request(FakeHead(method="PUT", fields=fields), None, None), etag)


@pytest.mark.parametrize(("fields", "etag"), [({"if-match": TAG}, TAG), ({"if-none-match": "*"}, None), ({}, None)])
def test_a_change_to_the_same_version_goes_on(fields: dict[str, str], etag: str | None) -> None:
    """A change for the current version passes, and so does creating a new resource."""
    check_preconditions(Request(FakeHead(method="PUT", fields=fields), None, None), etag)
