"""Credentials in header fields, as dependencies: a bearer token, a name with a password, an API key.

    def client(token: BearerToken, db: Database) -> Client:
        found = clients.by_token(db, token)
        if found is None:
            raise Unauthorized("This token is not valid.", headers={"www-authenticate": "Bearer"})
        return found

In: the fields of a request. Out: what is in them. A request without credentials, or with others, is 401 with the
challenge that RFC 9110 section 11.6.1 demands. Whether they are right, the site decides. A function says by its type
alone which credentials it takes, also in the description of the site.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Annotated

from msgspec import Struct

from fanlight.binding.markers import Header
from fanlight.errors import AppError, Unauthorized
from fanlight.message.security_scheme import security_scheme

_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750 section 2.1
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
BASIC = 'Basic realm="site", charset="UTF-8"'


class NameAndPassword(Struct, frozen=True):
    """The name and the password of HTTP basic authentication."""

    name: str
    password: str

    def __repr__(self) -> str:
        return f"<NameAndPassword {self.name!r}>"  # a log must not have the password


@security_scheme("bearer", {"type": "http", "scheme": "bearer"})
def bearer_token(authorization: Annotated[str | None, Header("authorization")] = None) -> str:
    """Return the token in the field Authorization (RFC 6750). Raises Unauthorized."""
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token):
        raise Unauthorized("This address needs a bearer token.", headers={"www-authenticate": "Bearer"})
    return token


@security_scheme("basic", {"type": "http", "scheme": "basic"})
def basic_credentials(authorization: Annotated[str | None, Header("authorization")] = None) -> NameAndPassword:
    """Return the name and password in the field Authorization (RFC 7617), read as UTF-8. Raises Unauthorized."""
    scheme, _, encoded = (authorization or "").partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    name, colon, password = text.partition(":")
    if not colon:
        raise Unauthorized("This address needs a name and a password.", headers={"www-authenticate": BASIC})
    return NameAndPassword(name, password)


def api_key(field: str = "x-api-key") -> Callable[..., str]:
    """Return a dependency that reads a key in a header field.

    In use: `Key = Annotated[str, api_key("x-api-key")]`. A request without the field is 401. Raises AppError for what
    is no name of a field.
    """
    if not _NAME.fullmatch(field):
        raise AppError(f"api_key({field!r}): that is not the name of a header field")

    @security_scheme(field.lower(), {"type": "apiKey", "in": "header", "name": field})
    def read_key(key: Annotated[str | None, Header(field)] = None) -> str:
        if not key:
            raise Unauthorized(
                f"This address needs a key, in the field {field}.", headers={"www-authenticate": "ApiKey"}
            )
        return key

    return read_key


BearerToken = Annotated[str, bearer_token]
BasicCredentials = Annotated[NameAndPassword, basic_credentials]
