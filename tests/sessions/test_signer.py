"""A signed text is read as it was signed, for its purpose, for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sessions.conftest import SECRET, Clock, MakeSite
from tests.sessions.test_json_values import JSON

from fanlight import BadSignature, SignatureExpired, Signer
from fanlight.signing.signing_keys import Keys

HOUR = timedelta(hours=1)


def signer(clock: Clock | None = None) -> Signer:
    return Signer(Keys([SECRET], clock=clock or Clock()))


@given(JSON)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """Every value of JSON that is small enough, in letters that a URL has as they are."""
    signing = signer()
    try:
        text = signing.sign(value, purpose="reset")
    except ValueError:  # it is too large
        return
    assert signing.read(text, purpose="reset", max_age=HOUR) == value
    assert text.replace("-", "").replace("_", "").replace(".", "").isalnum()


@pytest.mark.parametrize("text", ["", "junk", "a.b.c", "é", "\ud800", "x" * 100_000])
def test_another_text_is_refused(text: str) -> None:
    """What was not signed here is a response with status 400."""
    with pytest.raises(BadSignature) as error:
        signer().read(text, purpose="reset", max_age=HOUR)
    assert error.value.status == 400


@given(st.data())
def test_a_changed_text_is_refused(data: st.DataObject) -> None:
    """No character can be changed."""
    signing = signer()
    text = signing.sign({"user": 5}, purpose="reset")
    place = data.draw(st.integers(0, len(text) - 2))
    letter = data.draw(st.characters().filter(lambda each: each != text[place]))
    with pytest.raises(BadSignature):
        signing.read(f"{text[:place]}{letter}{text[place + 1 :]}", purpose="reset", max_age=HOUR)


def test_a_purpose_is_a_key_of_its_own() -> None:
    """A link that confirms an address does not reset a password, and is no session."""
    signing = signer()
    text = signing.sign(5, purpose="confirm")
    for purpose in ("reset", "session", "flash"):
        with pytest.raises(BadSignature):
            signing.read(text, purpose=purpose, max_age=HOUR)
    for purpose in ("session", "flash"):
        with pytest.raises(BadSignature):
            Keys([SECRET], clock=Clock()).read(purpose, signing.sign(5, purpose=purpose))


def test_an_old_text_is_refused() -> None:
    """It says that it is too old, so that the page can offer another."""
    clock = Clock()
    signing = signer(clock)
    text = signing.sign(5, purpose="reset")
    clock.now += 3600
    assert signing.read(text, purpose="reset", max_age=HOUR) == 5
    clock.now += 1
    with pytest.raises(SignatureExpired):
        signing.read(text, purpose="reset", max_age=HOUR)


def test_a_link_ends_with_what_it_is_bound_to() -> None:
    """A link that was bound to a password is worthless when that has changed, so it can be used once."""
    passwords: dict[int, str | None] = {5: "the first hash", 6: None}
    signing, seen = signer(), list[Any]()

    def password_of(user: int) -> str | None:
        seen.append(user)
        return passwords.get(user)

    text = signing.sign(5, purpose="reset", bound_to="the first hash")
    assert signing.read(text, purpose="reset", max_age=HOUR, bound_to=password_of) == 5
    assert signing.read(text, purpose="reset", max_age=HOUR, bound_to="the first hash") == 5
    for changed in ("the second hash", None, ""):
        passwords[5] = changed
        with pytest.raises(BadSignature, match="not valid any more"):
            signing.read(text, purpose="reset", max_age=HOUR, bound_to=password_of)
    with pytest.raises(BadSignature):
        signing.read(text[:-3], purpose="reset", max_age=HOUR, bound_to=password_of)
    assert seen == [5] * 4  # only what was signed gets there
    assert "hash" not in text


def test_bound_and_unbound_are_not_the_same() -> None:
    """A text that was bound is not read without that, and one that was not bound does not pass as one that was."""
    signing = signer()
    bound, free = signing.sign(5, purpose="reset", bound_to="a"), signing.sign(5, purpose="reset")
    for text, options in ((bound, {}), (free, {"bound_to": "a"}), (free, {"bound_to": lambda _: "a"})):
        with pytest.raises(BadSignature):
            signing.read(text, purpose="reset", max_age=HOUR, **options)
    with pytest.raises(BadSignature):
        signing.read(free, purpose="reset", max_age=HOUR, bound_to=lambda _: None)


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        ((1,), {"purpose": "reset"}, "the value is a tuple"),
        (5, {"purpose": ""}, "a purpose is a short word"),
        (5, {"purpose": 5}, "a purpose is a short word"),
        (5, {"purpose": "reset", "bound_to": 5}, "bound_to is a int"),
        ("x" * 3000, {"purpose": "reset"}, "sign an id"),
    ],
)
def test_what_cannot_be_signed_is_an_error_that_teaches(value: Any, options: Any, message: str) -> None:
    """Each error says what to write."""
    with pytest.raises((TypeError, ValueError), match=message):
        signer().sign(value, **options)


def test_an_age_is_a_timedelta() -> None:
    """A number could be meant as minutes."""
    with pytest.raises(TypeError, match=r"timedelta\(hours=1\)"):
        signer().read("x", purpose="reset", max_age=60)  # type: ignore[arg-type]  # the mistake


def test_a_view_gets_one(make_site: MakeSite) -> None:
    """What one view signs another reads; a bad text is an error page with status 400."""

    def sign(signer: Signer) -> str:
        return signer.sign([5, "a"], purpose="reset")

    async def read(signer: Signer, token: str) -> Any:
        return signer.read(token, purpose="reset", max_age=HOUR)

    client = make_site({"/sign": sign, "/read": read}).client()
    assert client.get("/read", query={"token": client.get("/sign").text}).json() == [5, "a"]
    response = client.get("/read?token=x", headers={"accept": "text/html"})
    assert response.status == 400
    assert "This link is not valid." in response.text
