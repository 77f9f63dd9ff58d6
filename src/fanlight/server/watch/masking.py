"""What must not stand in a log: secrets, and characters that could pass for something else.

In: text that a client has sent. Out: the same with the values of secret parameters masked, or with
everything but plain visible letters escaped. An address may hold a secret in its query, in front of
its host (user:password@), and in another address within it. Knows nothing of which log it is for.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_plus

MASK = "***"
MOST_NAME = 100  # so much of a parameter's name is looked at
MOST_NESTED = 3  # how often an address within an address is looked into
_WORDS = frozenset(
    """
    auth authorization code cred credential credentials hmac jwt key mac nonce otp pass passphrase passwd
    password pin pwd secret secrets sess session sessionid sid sig sign signature ticket token tokens
    apikey accesstoken assertion bearer csrf refreshtoken idtoken privatekey verifier
    """.split()
)
_WITHIN = ("token", "passw", "secret", "signature", "apikey", "credential", "session", "sessid")
_words = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])").findall
_parameters = re.compile(r"([?&;#])([^=&;#?\s\"']*)=([^&;#\s\"']*)")
_userinfo = re.compile(r"//[^/?#@\s\"']*@")
_unsafe = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


def masked(address: str) -> str:
    """Return an address, or a text with addresses in it, without their secrets."""
    if "@" in address:
        address = _userinfo.sub(f"//{MASK}@", address)
    return _parameters.sub(_masked_parameter, address) if "=" in address else address


def _masked_parameter(match: re.Match[str]) -> str:
    before, name, value = match.groups()
    if value and (_is_secret(name[:MOST_NAME]) or (("%" in value or "=" in value) and _holds_secret(value))):
        value = MASK
    return f"{before}{name}={value}"


@lru_cache(1024)
def _is_secret(name: str) -> bool:
    """Say whether a parameter's name says that its value is secret."""
    for _ in range(MOST_NESTED):
        name = unquote_plus(name)
    lower = name.lower()
    return any(each in lower for each in _WITHIN) or any(each.lower() in _WORDS for each in _words(name))


def _holds_secret(value: str) -> bool:
    """Say whether a value is itself an address with a secret."""
    for _ in range(MOST_NESTED):
        value = unquote_plus(value)
        if any(_is_secret(each[1][:MOST_NAME]) for each in _parameters.findall(f"?{value}")) or _userinfo.search(value):
            return True
    return False


def escaped(text: str, most: int) -> str:
    r"""Return text with nothing in it but visible ASCII, and no quote or backslash: \xNN is in their place.

    It is cut where it is longer than `most`, so that a line has a bound.
    """
    if len(text) > most:
        text = text[: most - 3] + "..."
    if _unsafe.search(text) is None:
        return text
    text = _unsafe.sub(_escape, text)
    return text if len(text) <= most else text[: most - 3] + "..."


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
