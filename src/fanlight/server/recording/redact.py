"""What must not stand in a log: secrets, and characters that could pass for something else.

In: text that a client has sent. Out: the same with the values of secret parameters masked, or with
everything but plain visible letters escaped. An address may hold a secret in its query, in front of
its host (user:password@), and in another address within it. What one address costs is bounded: a client could
write one that takes longer to be masked than to be served. Knows nothing of which log it is for.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_plus

MASK = "***"
MOST_NAME = 100  # so much of a parameter's name is looked at
MOST_NESTED = 3  # how often an address within an address is looked into
MOST_PARAMETERS = 32  # of an address; it is cut behind them
MOST_NAMES = 48  # of parameters that are looked at in one text
MOST_DECODED = 16  # encoded names, and values that may hold an address themselves, that are looked into
_WORDS = frozenset(
    """
    auth authorization code cred credential credentials hmac jwt key mac nonce otp pass passphrase passwd
    password pin pwd secret secrets sess session sessionid sid sig sign signature ticket token tokens
    apikey accesstoken assertion bearer csrf refreshtoken idtoken privatekey verifier
    """.split()
)
_within = re.compile("token|passw|secret|signature|apikey|credential|session|sessid").search
_hints = re.compile("|".join(sorted({each[:3] for each in _WORDS}))).search  # a part of every word, and quickly found
_words = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])").findall
_parameters = re.compile(r"([?&;#])([^=&;#?\s\"']*)=([^&;#\s\"']*)")
_userinfo = re.compile(r"//[^/?#@\s\"']*@")
_half_userinfo = re.compile(r"//[^/?#@\s\"']*\Z")
_last_value = re.compile(r"([?&;#][^=&;#?]*=)[^&;#]*\Z")
_unsafe = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
_ESCAPES = {number: f"\\x{number:02x}" for number in (*range(0x20), ord('"'), ord("\\"), 0x7F)}


def redact(text: str) -> str:
    """Return a text that may have addresses in it without their secrets."""
    if "@" in text:
        text = _userinfo.sub(f"//{MASK}@", text)
    return _parameters.sub(_Masking(), text) if "=" in text else text


def redact_start(address: str, most: int) -> str:
    """Return an address without its secrets: no more of it than `most` characters, and no more than MOST_PARAMETERS."""
    # SECURITY: tests/server/recording/test_redact.py: it is cut first, so that a long one costs no more than others.
    if len(address) <= most and address.count("=") <= MOST_PARAMETERS:
        return redact(address)
    begin = address[:most]
    parts = begin.split("=", MOST_PARAMETERS + 1)
    if len(parts) > MOST_PARAMETERS + 1:
        begin = "=".join(parts[:-1])
    begin = _half_userinfo.sub(f"//{MASK}@", begin)
    # A value that is cut may hold a secret whose other half would have shown that it is one.
    last = _last_value.search(begin)
    if last is not None and not begin[last.end(1) :].isalnum():
        begin = f"{begin[: last.end(1)]}{MASK}"
    return f"{redact(begin)}..."


class _Masking:
    """Masks one parameter after the other; those that are too many to be looked at, unseen."""

    __slots__ = ("_decoded", "_names")

    def __init__(self) -> None:
        self._names, self._decoded = MOST_NAMES, MOST_DECODED

    def __call__(self, match: re.Match[str]) -> str:
        before, name, value = match.groups()
        if value and (self._is_secret(name) or (("%" in value or "=" in value) and self._holds_secret(value))):
            value = MASK
        return f"{before}{name}={value}"

    def _is_secret(self, name: str) -> bool:
        self._names -= 1
        if "%" in name:
            self._decoded -= 1
        return self._names < 0 or self._decoded < 0 or _is_secret(name[:MOST_NAME])

    def _holds_secret(self, value: str) -> bool:
        """Say whether a value is itself an address with a secret."""
        self._decoded -= 1
        if self._decoded < 0:
            return True
        for _ in range(MOST_NESTED):
            decoded = unquote_plus(value)
            if "=" in decoded and any(self._is_secret(each[2]) for each in _parameters.finditer(f"?{decoded}")):
                return True
            if "@" in decoded and _userinfo.search(decoded):
                return True
            if decoded == value:
                break
            value = decoded
        return False


@lru_cache(1024)
def _is_secret(name: str) -> bool:
    """Say whether a parameter's name says that its value is secret."""
    for _ in range(MOST_NESTED):
        if "%" not in name and "+" not in name:
            break
        name = unquote_plus(name)
    lower = name.lower()
    if _hints(lower) is None:
        return False
    return _within(lower) is not None or not _WORDS.isdisjoint([each.lower() for each in _words(name)])


def escape(text: str, most: int) -> str:
    r"""Return text with nothing in it but visible ASCII, and no quote or backslash: \xNN is in their place.

    It is cut where it is longer than `most`, so that a line has a bound.
    """
    if len(text) > most:
        text = text[: most - 3] + "..."
    if _unsafe.search(text) is None:
        return text
    text = text.translate(_ESCAPES).encode("ascii", "backslashreplace").decode()
    return text if len(text) <= most else text[: most - 3] + "..."
