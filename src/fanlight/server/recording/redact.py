"""Redact secrets in log lines, and escape characters that could pass for something else.

In: text that a client has sent. Out: the same with the values of secret parameters replaced, or with everything but
visible ASCII escaped. A URL may have a secret in its query, in front of its host (user:password@), and in another URL
within it. The cost per URL is bounded: otherwise a client could send one that takes longer to redact than to serve.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_plus

from fanlight.lazy_pattern import lazy_pattern

MASK = "***"
MAX_NAME = 100  # characters of a parameter's name that are examined
MAX_NESTED = 3  # levels of URLs within URLs that are examined
MAX_PARAMETERS = 32  # of a URL; it is cut behind them
MAX_NAMES = 48  # of parameters that are examined in one text
MAX_DECODED = 16  # encoded names, and values that may contain a URL, that are examined
_WORDS = frozenset(
    """
    auth authorization code cred credential credentials hmac jwt key mac nonce otp pass passphrase passwd
    password pin pwd secret secrets sess session sessionid sid sig sign signature ticket token tokens
    apikey accesstoken assertion bearer csrf refreshtoken idtoken privatekey verifier
    """.split()
)
_within = re.compile("token|passw|secret|signature|apikey|credential|session|sessid").search
_hints = re.compile("|".join(sorted({each[:3] for each in _WORDS}))).search  # a part of every word, and fast to find
_words = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])").findall
_parameters = lazy_pattern(r"([?&;#])([^=&;#?\s\"']*)=([^&;#\s\"']*)")
_encoded_marks = re.compile("%(?:3[Dd]|40|25)").search  # "=", "@" and "%", of a URL within the URL
_userinfo = lazy_pattern(r"//[^/?#@\s\"']*@")
_half_userinfo = lazy_pattern(r"//[^/?#@\s\"']*\Z")
_last_value = lazy_pattern(r"([?&;#][^=&;#?]*=)[^&;#]*\Z")
_unsafe = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
_ESCAPES = {number: f"\\x{number:02x}" for number in (*range(0x20), ord('"'), ord("\\"), 0x7F)}


def redact(text: str) -> str:
    """Return a text with the secrets of its URLs replaced."""
    if not may_have_secret(text):
        return text
    return _parameters.sub(_Redaction(), _userinfo.sub(f"//{MASK}@", text))


def may_have_secret(text: str) -> bool:
    """Return whether `redact` may change a text; that it does not is decided fast for most."""
    if "@" in text:
        return True
    if "=" not in text:
        return False
    if ";" in text or "#" in text or ("%" in text and _encoded_marks(text)):
        return True
    # PERF: benchmarks/logs.py: names are found three times as fast like this as by an expression.
    *parts, _ = text.replace("&", "?").split("=")
    for part in parts:
        name = part[part.rfind("?") + 1 :]
        if "%" in name or len(name) > MAX_NAME or is_secret_name(name):
            return True
    return len(parts) > MAX_DECODED


def redact_start(address: str, most: int) -> str:
    """Return the start of a URL, with its secrets replaced: at most `most` characters and MAX_PARAMETERS."""
    # SECURITY: tests/server/recording/test_redact.py: it is cut first, so that the cost is bounded.
    if len(address) <= most and address.count("=") <= MAX_PARAMETERS:
        return redact(address)
    begin = address[:most]
    parts = begin.split("=", MAX_PARAMETERS + 1)
    if len(parts) > MAX_PARAMETERS + 1:
        begin = "=".join(parts[:-1])
    begin = _half_userinfo.sub(f"//{MASK}@", begin)
    # The cut may have removed the part of the last value that shows it to be a secret.
    last = _last_value.search(begin)
    if last is not None and not begin[last.end(1) :].isalnum():
        begin = f"{begin[: last.end(1)]}{MASK}"
    return f"{redact(begin)}..."


class _Redaction:
    """Redacts the parameters of one text; when too many have been examined, all further ones."""

    __slots__ = ("_decoded", "_names")

    def __init__(self) -> None:
        self._names, self._decoded = MAX_NAMES, MAX_DECODED

    def __call__(self, match: re.Match[str]) -> str:
        before, name, value = match.groups()
        if value and (self._is_secret(name) or (("%" in value or "=" in value) and self._holds_secret(value))):
            value = MASK
        return f"{before}{name}={value}"

    def _is_secret(self, name: str) -> bool:
        self._names -= 1
        if "%" in name:
            self._decoded -= 1
        return self._names < 0 or self._decoded < 0 or is_secret_name(name[:MAX_NAME])

    def _holds_secret(self, value: str) -> bool:
        """Return whether a value is itself a URL with a secret."""
        self._decoded -= 1
        if self._decoded < 0:
            return True
        for _ in range(MAX_NESTED):
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
def is_secret_name(name: str) -> bool:
    """Return whether the value of a parameter of this name is a secret."""
    for _ in range(MAX_NESTED):
        if "%" not in name and "+" not in name:
            break
        name = unquote_plus(name)
    lower = name.lower()
    if _hints(lower) is None:
        return False
    return _within(lower) is not None or not _WORDS.isdisjoint([each.lower() for each in _words(name)])


def escape(text: str, most: int) -> str:
    r"""Return text as visible ASCII without quotes and backslashes: other characters become \xNN.

    It is cut to at most `most` characters, so that lines are bounded.
    """
    if len(text) > most:
        text = text[: most - 3] + "..."
    if _unsafe.search(text) is None:
        return text
    text = text.translate(_ESCAPES).encode("ascii", "backslashreplace").decode()
    return text if len(text) <= most else text[: most - 3] + "..."
