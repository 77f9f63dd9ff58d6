"""Sign bytes, and read what was signed.

In: secrets, newest first; a purpose; bytes. Out: text of letters, digits, "-", "_" and ".": the bytes, the time and a
signature (HMAC with SHA-256). Refuses, as BadSignature, text that was changed, cut off, or signed for another purpose
or with other secrets; and, as SignatureExpired, text that is too old. What is signed can be read by everyone: it is
not encrypted. Knows no cookies.

The format is that of `itsdangerous.TimestampSigner`, with a key for each purpose: so a text that was signed to reset a
password is no session.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import math
import time
from collections.abc import Callable, Sequence

import itsdangerous

from fanlight.errors import BadSignature, SignatureExpired

MAX_CHARACTERS = 64 * 1024  # of a signed text that is read
MAX_PURPOSES = 256  # whose signers are kept
CLOCK_SECONDS = 60  # that the clocks of two machines may differ
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")
_PREFIX = "fanlight:"  # before the purpose: another program may use the same secret


class Keys:
    """The keys that are made of a site's secrets; `clock` returns the seconds since 1970."""

    def __init__(self, secrets: Sequence[str], *, clock: Callable[[], float] = time.time) -> None:
        """Take secrets, newest first: the first signs, all can be read. Raises ValueError if there is none."""
        if isinstance(secrets, str) or not secrets or not all(secrets):
            raise ValueError("keys are made of a list of secrets, none of which is empty")
        self._secrets = [each.encode() for each in secrets]
        self._clock = clock
        self._signers: dict[str, _Signer] = {}

    def __repr__(self) -> str:
        # SECURITY: tests/signing/test_signing_keys.py: a repr may be logged, or be on a page
        return f"Keys({len(self._secrets)} secret{'s' * (len(self._secrets) != 1)})"

    def sign(self, purpose: str, data: bytes) -> str:
        """Return bytes as signed text, with the time. Raises ValueError for a text that `read` would refuse."""
        text = self._signer(purpose).signed(data, int(self._clock())).decode("ascii")
        if len(text) > MAX_CHARACTERS:
            raise ValueError(f"a signed text has at most {MAX_CHARACTERS} characters, and not {len(text)}")
        return text

    def read(self, purpose: str, text: str, max_age_seconds: float = math.inf) -> bytes:
        """Return the bytes of a signed text. Raises BadSignature, or SignatureExpired if it is older than that."""
        data, _ = self.read_with_age(purpose, text, max_age_seconds)
        return data

    def read_with_age(self, purpose: str, text: str, max_age_seconds: float = math.inf) -> tuple[bytes, float]:
        """Return the bytes of a signed text, and its age in seconds. Raises as `read`."""
        if len(text) > MAX_CHARACTERS:
            raise BadSignature
        try:
            signed = self._signer(purpose).verified(text.encode("ascii"))
            payload, _, moment = signed.rpartition(b".")
            data, age = _decoded(payload), self._clock() - int.from_bytes(_decoded(moment), "big")
        except ValueError:  # it is not ASCII, or not Base64
            raise BadSignature from None
        # A text of another machine may come from the near future, as clocks differ.
        if age > max_age_seconds or age < -CLOCK_SECONDS:
            raise SignatureExpired
        return data, max(0.0, age)

    def _signer(self, purpose: str) -> _Signer:
        signer = self._signers.get(purpose)
        if signer is None:
            signer = _Signer(self._secrets, f"{_PREFIX}{purpose}")
            if len(self._signers) < MAX_PURPOSES:
                self._signers[purpose] = signer
        return signer


def _encoded(data: bytes) -> bytes:
    """Return Base64 as `itsdangerous.base64_encode`."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def _decoded(text: bytes) -> bytes:
    """Return the bytes of a text that was signed, and so is Base64 of the same kind."""
    return binascii.a2b_base64(text.translate(_FROM_URL) + b"==")


class _Signer:
    """Signs for one purpose, as `itsdangerous.TimestampSigner`, with keys that are derived once."""

    def __init__(self, secrets: Sequence[bytes], salt: str) -> None:
        """Take secrets, newest first."""
        derive = itsdangerous.Signer(secrets[0], salt, key_derivation="hmac", digest_method=hashlib.sha256).derive_key
        # PERF: benchmarks/sessions.py: a copy of what has read its key takes three quarters of `hmac.digest`
        self._keys = [hmac.new(derive(each), digestmod="sha256") for each in secrets]

    def signed(self, data: bytes, now: int) -> bytes:
        """Return bytes in Base64, with the time and a signature."""
        # PERF: benchmarks/sessions.py: `TimestampSigner.sign` takes twice as long to write the same
        moment = now.to_bytes((now.bit_length() + 7) // 8, "big")
        payload = b"%b.%b" % (_encoded(data), _encoded(moment))
        return b"%b.%b" % (payload, _signature(self._keys[0], payload))

    def verified(self, signed: bytes) -> bytes:
        """Return a text without its signature. Raises BadSignature."""
        payload, _, signature = signed.rpartition(b".")
        # PERF: benchmarks/sessions.py: `Signer.unsign` takes three times as long to compare the same bytes
        for key in self._keys:
            if hmac.compare_digest(_signature(key, payload), signature):
                return payload
        raise BadSignature


def _signature(key: hmac.HMAC, payload: bytes) -> bytes:
    made = key.copy()
    made.update(payload)
    return _encoded(made.digest())
