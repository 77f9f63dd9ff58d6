"""`Signer`: texts that this site has signed, for links in e-mail and the like.

    token = signer.sign(account.id, purpose="reset", bound_to=account.password)
    account_id = signer.read(token, purpose="reset", max_age=timedelta(hours=1), bound_to=password_of)

In: a value of JSON, a purpose, and perhaps what it is bound to. Out: text for a URL, and the value of such a text.
Refuses, as BadSignature (400), text that was changed, is too old, was signed for another purpose, or is bound to what
has changed since: a link that resets a password ends with the password. Everyone that has the text can read the value.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from fanlight.errors import BadSignature
from fanlight.message.request import Request
from fanlight.message.type_provider import TypeProvider
from fanlight.services import services_of
from fanlight.sessions.json_values import check_json

if TYPE_CHECKING:
    from fanlight.signing.signing_keys import Keys

DIGEST_BYTES = 16
MAX_BYTES = 2000  # of the text: a longer URL does not survive every mail program
MAX_PURPOSE_CHARACTERS = 100
_PREFIX = "signer:"  # so that no purpose is one of Fanlight's own

Bound = str | Callable[[Any], str | None]


class Signer:
    """Signs values, and reads signed texts. A view gets it as a parameter."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    @classmethod
    def __fanlight_provider__(cls, _: Any) -> TypeProvider:
        return SIGNER

    def sign(self, value: Any, *, purpose: str, bound_to: str = "") -> str:
        """Return a value of JSON as signed text for a URL.

        `purpose` is a word for its use: a text can be read for the same purpose only. With `bound_to` it can be read as
        long as that text is the same. Raises TypeError and ValueError for what can't be signed.
        """
        check_json(value, "the value")
        bound = _digest(purpose, bound_to) if bound_to else None
        text = self._keys.sign(_purpose(purpose), msgspec.msgpack.encode((value, bound)))
        if len(text) > MAX_BYTES:
            raise ValueError(f"a signed text can't have {len(text)} bytes, only {MAX_BYTES}; sign an id")
        return text

    def read(self, text: str, *, purpose: str, max_age: timedelta, bound_to: Bound = "") -> Any:
        """Return the value in a signed text. Raises BadSignature, which is a response with status 400.

        If it was bound when it was signed, `bound_to` is what it has to be bound to now: a text, or a function that
        gets the value and returns that text, None for none.
        """
        if not isinstance(max_age, timedelta):
            raise TypeError(f"max_age is a timedelta, and not {max_age!r}; write timedelta(hours=1)")
        data = self._keys.read(_purpose(purpose), text, max_age.total_seconds())
        try:
            value, bound = _decoder.decode(data)
        except msgspec.DecodeError:
            raise BadSignature from None
        now = bound_to(value) if callable(bound_to) else bound_to
        if bound is None and not now and not callable(bound_to):
            return value
        # SECURITY: tests/sessions/test_signer.py: one that was bound is not read as if it were not, nor the reverse
        if bound is None or not now or not hmac.compare_digest(bound, _digest(purpose, now)):
            raise BadSignature("This link is not valid any more.")
        return value

    def __repr__(self) -> str:
        return "<Signer>"


class SignerProvider(TypeProvider):
    """Gives the Signer of a site."""

    description = "a signer"
    needs_services = True

    def __call__(self, request: Request) -> Signer:
        """Return the signer of the site that serves a request."""
        return Signer(services_of(request).keys)


SIGNER = SignerProvider()
_decoder = msgspec.msgpack.Decoder(tuple[Any, bytes | None])


def _digest(purpose: str, bound_to: object) -> bytes:
    if not isinstance(bound_to, str):
        raise TypeError(f"bound_to is a {type(bound_to).__name__}; give a text")
    return sha256(f"{purpose}\0{bound_to}".encode("utf-8", "surrogatepass")).digest()[:DIGEST_BYTES]


def _purpose(purpose: object) -> str:
    if not isinstance(purpose, str) or not 1 <= len(purpose) <= MAX_PURPOSE_CHARACTERS:
        raise ValueError(f'a purpose is a short word, like "reset", and not {purpose!r}')
    return f"{_PREFIX}{purpose}"
