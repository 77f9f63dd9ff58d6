"""Credentials in header fields: what is read, and what is 401 with a challenge."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from fanlight import BasicCredentials, BearerToken, api_key
from fanlight.errors import AppError

Make = Callable[..., Any]
Key = Annotated[str, api_key("X-Key")]


def bearer(token: BearerToken) -> str:
    return token


def basic(given: BasicCredentials) -> str:
    return f"{given.name} {given.password} {given!r}"


def keyed(key: Key) -> str:
    return key


def encoded(text: bytes) -> str:
    return b64encode(text).decode()


SITE = {"/bearer": bearer, "/basic": basic, "/key": keyed}


@pytest.mark.parametrize(
    ("path", "fields", "text"),
    [
        ("/bearer", {"authorization": "Bearer abc.DEF-1~+/="}, "abc.DEF-1~+/="),
        ("/bearer", {"authorization": "bearer  abc "}, "abc"),
        ("/basic", {"authorization": f"Basic {encoded(b'ada:love:lace')}"}, "ada love:lace <NameAndPassword 'ada'>"),
        ("/basic", {"authorization": f"basic {encoded('Zoë:ß'.encode())}"}, "Zoë ß <NameAndPassword 'Zoë'>"),
        ("/basic", {"authorization": f"Basic {encoded(b':')}"}, "  <NameAndPassword ''>"),
        ("/key", {"x-key": "k"}, "k"),
    ],
)
def test_credentials_are_read(site: Make, path: str, fields: dict[str, str], text: str) -> None:
    """Schemes in any case (RFC 9110 11.1), names and passwords in UTF-8; a log never shows the password."""
    assert site(SITE).get(path, fields=fields).text == text


@pytest.mark.parametrize(
    ("path", "fields", "challenge"),
    [
        ("/bearer", {}, "Bearer"),
        ("/bearer", {"authorization": "Basic YTpi"}, "Bearer"),
        ("/bearer", {"authorization": "Bearer"}, "Bearer"),
        ("/bearer", {"authorization": "Bearer a b"}, "Bearer"),
        ("/bearer", {"authorization": "Bearer ä"}, "Bearer"),
        ("/basic", {}, 'Basic realm="site", charset="UTF-8"'),
        ("/basic", {"authorization": "Bearer abc"}, 'Basic realm="site", charset="UTF-8"'),
        ("/basic", {"authorization": "Basic !"}, 'Basic realm="site", charset="UTF-8"'),
        ("/basic", {"authorization": f"Basic {encoded(b'no colon')}"}, 'Basic realm="site", charset="UTF-8"'),
        ("/basic", {"authorization": f"Basic {encoded(bytes([255, 58]))}"}, 'Basic realm="site", charset="UTF-8"'),
        ("/key", {}, "ApiKey"),
        ("/key", {"x-key": ""}, "ApiKey"),
    ],
)
def test_a_request_without_credentials_is_401(site: Make, path: str, fields: dict[str, str], challenge: str) -> None:
    """With the challenge that RFC 9110 11.6.1 demands; never 422, which would not ask for them."""
    response = site(SITE).get(path, fields=fields)
    assert (response.status, response.headers["www-authenticate"]) == (401, challenge)


def test_a_key_is_in_a_field_with_a_name() -> None:
    """Anything else is refused when it is written."""
    with pytest.raises(AppError, match="not the name of a header field"):
        api_key("x key")
