"""What a request is called."""

from __future__ import annotations

import os

import pytest

from fanlight.message.request import Request
from fanlight.testing import FakeHead


def asked(**fields: str) -> Request:
    return Request(FakeHead(fields={name.replace("_", "-"): value for name, value in fields.items()}), None, None)


@pytest.mark.parametrize("given", ["a", "0f-9._~+/=:Z", "x" * 128])
def test_a_well_formed_id_is_taken_over(given: str) -> None:
    """The id that a client or a proxy has given is the id of the request."""
    assert asked(x_request_id=given).id == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", 'a"b', "a\\b", "a, b", "é", "a\nb", "a\x9bb", "<a>"])
def test_an_id_that_could_break_a_log_is_replaced(given: str) -> None:
    """Empty, too long or with anything but plain letters: one of ours takes its place."""
    made = asked(x_request_id=given).id
    assert made != given
    assert made.replace("-", "").isalnum()


def test_an_id_reveals_nothing_about_others() -> None:
    """What we make is random: ids of requests one after the other share no beginning, and do not grow."""
    ids = [asked().id for _ in range(200)]
    assert {len(each) for each in ids} == {24}
    assert len({each[:4] for each in ids}) > 150
    assert ids != sorted(ids)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_has_ids_of_its_own() -> None:
    """A child makes none of the ids that its parent makes next."""
    asked()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, " ".join(asked().id for _ in range(100)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        theirs = file.read().split()
    os.waitpid(child, 0)
    assert len(theirs) == 100
    assert not {asked().id for _ in range(100)} & set(theirs)


def test_ids_that_we_make_differ() -> None:
    """Every request has another id, and keeps it."""
    requests = [asked() for _ in range(1000)]
    assert len({each.id for each in requests}) == 1000
    assert requests[0].id == requests[0].id


def test_an_id_has_its_field_line() -> None:
    """The response has the field line of the id."""
    request = asked(x_request_id="abc")
    assert (request.choose_id(), request.id) == (b"x-request-id: abc\r\n", "abc")
    request = asked()
    assert request.choose_id() == f"x-request-id: {request.id}\r\n".encode()
