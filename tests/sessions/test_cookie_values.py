"""All values of one cookie are read, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.message.cookies import read_cookies
from fanlight.sessions.cookie_values import MAX_VALUES, cookie_values


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("", []),
        ("session=a", ["a"]),
        ("a=1; session=a;session=b; b=2", ["a", "b"]),
        ("session=a; session=a", ["a"]),
        ("session = a\t;\tsession=b", ["a", "b"]),
        ("session", []),
        ("session=", [""]),
        ("Session=a; sessions=b; xsession=c; session-flash=d", []),
        ("\xa0session=evil; session\x85=evil", []),
        ("=session=evil; ; =", []),
        ("a=session=b", []),
    ],
)
def test_the_values_of_a_name_are_read(field: str, values: list[str]) -> None:
    """Each value is there once, in order; a name is compared letter by letter, without blanks around it."""
    assert cookie_values(field, "session") == values


def test_a_crowd_of_cookies_is_not_read_to_its_end() -> None:
    """One more than the limit is enough to know that there are too many."""
    field = "; ".join(f"session={number}" for number in range(200))
    assert len(cookie_values(field, "session")) == MAX_VALUES + 1


@given(st.text(alphabet=st.sampled_from('session=; \t_-ab\xa0,"%')))
def test_whatever_is_sent_agrees_with_the_cookies_of_the_request(field: str) -> None:
    """The first value of a name is the one that `request.cookies` has, unless that decodes it."""
    found, first = cookie_values(field, "session"), read_cookies(field).get("session")
    assert bool(found) == (first is not None)
    if first is not None and not set(found[0]) & set('"%\xa0'):
        assert found[0] == first
