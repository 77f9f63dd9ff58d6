"""What must not be shown on a page of the development server."""

from __future__ import annotations

import time

import pytest
from tests.speed import seconds

from fanlight.devtools.secrets import is_secret_variable, mask, mask_text

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.dBjftJeZ4CVP"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abc", "Bearer ***"),
        ("authorization", "abcdef", "***"),
        ("Proxy-Authorization", "Basic YTpi", "Basic ***"),
        ("Cookie", "session=abc; theme=dark", "session=***; theme=***"),
        ("Set-Cookie", "sid=abc; Path=/; HttpOnly", "sid=***; Path=/; HttpOnly"),
        ("password", "hunter2", "***"),
        ("user[password]", "hunter2", "***"),
        ("X-Api-Key", "k", "***"),
        ("csrf_token", "x", "***"),
        ("code", "x", "***"),
        ("password", "", ""),
        ("Referer", "https://a/b?token=x&page=2", "https://a/b?token=***&page=2"),
        ("city", "Wien", "Wien"),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("note", f"the token is {JWT}", "the token is ***"),
    ],
)
def test_a_named_value_is_masked_by_its_name_and_by_its_look(name: str, value: str, shown: str) -> None:
    """Fields, cookies and parameters with secret names, and values that look like keys, are replaced."""
    assert mask(name, value) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{'user': 'ann', 'password': 'hunter2', 'age': 3}", "{'user': 'ann', 'password': '***', 'age': 3}"),
        ('{"api_key": "abc", "n": 1}', '{"api_key": "***", "n": 1}'),
        ("User(name='ann', password_hash='x\\'y')", "User(name='ann', password_hash='***')"),
        ("can't connect: host=db password=hunter2 port=5", "can't connect: host=db password=*** port=5"),
        ("postgres://ann:hunter2@db/shop", "postgres://***@db/shop"),
        ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "***"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- after", "*** after"),
        ("d41d8cd98f00b204e9800998ecf8427e", "***"),
        ("id=Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZmdoaWprbG0", "id=***"),
        ("unexpected token: }", "unexpected token: }"),
        ("token=None", "token=None"),
        ("KeyError: 'password'", "KeyError: 'password'"),
        ("a_name_that_is_long_but_consists_of_words_only", "a_name_that_is_long_but_consists_of_words_only"),
        ("/srv/site/templates/Some_Folder_2026/page_1.html", "/srv/site/templates/Some_Folder_2026/page_1.html"),
        ("f47ac10b-58cc-4372-a567-0e02b2c3d479", "f47ac10b-58cc-4372-a567-0e02b2c3d479"),
    ],
)
def test_secrets_in_a_text_are_masked(text: str, shown: str) -> None:
    """Pairs with secret names, secrets of URLs and known forms of keys are replaced; ordinary text is kept."""
    assert mask_text(text) == shown


@pytest.mark.parametrize("name", ["password", "PASSWORD_HASH", "api_key", "apikey", "db_secret", "session_id", "jwt"])
def test_a_variable_of_a_secret_name_is_a_secret(name: str) -> None:
    """The names of variables that hold secrets are recognized."""
    assert is_secret_variable(name)


@pytest.mark.parametrize("name", ["key", "code", "session", "monkey", "pin", "sign", "side", "name"])
def test_a_variable_of_an_ordinary_name_is_shown(name: str) -> None:
    """A name that is secret in a URL, but ordinary in Python code, is shown."""
    assert not is_secret_variable(name)


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----" * 8_000,
        "a" * 200_000,
        "a=" * 100_000,
        "password='" * 20_000,
        "eyJaaaaaaaa." * 16_000,
        "bearer " * 28_000,
        "Aa1" * 60_000,
        "\\'" * 100_000,
        "sk_" * 60_000,
        "1" * 190_000 + "g",
        "_-" * 100_000,
    ],
)
def test_masking_takes_linear_time(text: str) -> None:
    """No text makes the work grow faster than its length."""
    start = time.thread_time()
    mask_text(text)
    assert time.thread_time() - start < seconds(1)


def test_what_is_too_long_is_cut() -> None:
    """A text of megabytes is cut before it is searched."""
    assert len(mask_text("x" * 5_000_000)) < 250_000
