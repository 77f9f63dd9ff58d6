"""Mask what must not be shown: passwords, tokens, keys and cookies, in a page, an export or a text that is copied.

In: a name and its value as text, or a text without a name. Out: the same with each secret replaced by `***`. Names of
fields and parameters are judged like those in URLs (`server/recording/redact.py`); names of variables by a shorter
list, because a loop over `key, value` is no secret. A value that looks like a key is masked, whatever its name is.
"""

from __future__ import annotations

import re

from fanlight.server.recording.redact import MASK, is_secret_name, redact

MAX_TEXT = 200_000  # characters that are searched; what is behind them is cut
_AUTHORIZATION = frozenset({"authorization", "proxy-authorization"})
_is_secret_variable = re.compile(
    r"passw|passphrase|secret|token|credential|authorization|signature"
    r"|(?:\b|_)(?:pwd|jwt|otp|csrf|bearer|sid|cookie|cookies|sess_?id|session_?id)(?:\b|_)"
    r"|(?:api|access|private|signing|encryption|master|auth)_?key",
    re.IGNORECASE,
).search
# SECURITY: tests/devtools/test_secrets.py: each pattern is read in linear time
_keys = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:.(?!-----END))*.?(?:-----END [A-Z ]{0,40}-----)?"
    r"|\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"  # JSON Web Tokens
    r"|\b(?:sk|pk|rk)[-_](?:[a-z]{2,8}[-_])?[A-Za-z0-9]{16,}[\w-]*"  # Stripe, OpenAI, Anthropic
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|AIza|npm_|pypi-|hf_)[\w-]{16,}"
    r"|\b(?:bearer|basic) +[\w+/=.~-]{8,}",
    re.DOTALL | re.IGNORECASE,
)
_long_words = re.compile(r"(?<![\w+/-])[\w+-]{32,}(?![\w+/-])={0,2}", re.ASCII)
_is_hexadecimal = re.compile(r"(?=[^\d]*\d)[0-9a-fA-F]+").fullmatch
_looks_random = re.compile(r"(?=(?:\D*\d){3})(?=(?:[^a-z]*[a-z]){3})(?=(?:[^A-Z]*[A-Z]){3})").match
# "password=x" in a message; "'password': 'x'" in the repr of a dict, or in JSON.
_pairs = re.compile(
    r"""(?P<quote>['"]?)(?<![\w-])(?P<name>[\w-]{1,64})(?P=quote)(?P<sign>\s{0,3}[:=]\s{0,3})"""
    r"""(?P<value>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|[^\s,;&)\]}'"]+)"""
)
_cookie = re.compile(r"([^=;]*)=([^;]*)")


def mask(name: str, value: str) -> str:
    """Return the value of a field, a parameter or a cookie as it may be shown."""
    lower = name.lower()
    if not value:
        return value
    if lower == "cookie":
        return _cookie.sub(lambda pair: f"{pair[1]}={MASK}", value[:MAX_TEXT])
    if lower == "set-cookie":
        pair, semicolon, attributes = value[:MAX_TEXT].partition(";")
        return f"{pair.partition('=')[0]}={MASK}{semicolon}{attributes}"
    if lower in _AUTHORIZATION:
        scheme, space, _ = value.partition(" ")
        return f"{scheme[:40]} {MASK}" if space else MASK
    return MASK if is_secret_name(name[:100]) else mask_text(value)


def is_secret_variable(name: str) -> bool:
    """Return whether what a variable, an attribute or a key of this name holds is a secret."""
    return _is_secret_variable(name[:100]) is not None


def is_secret_string(text: str, sign: str, name: str) -> bool:
    """Return whether a string in source is a secret by its look, or by its name: `password="x"`, `"token": "x"`."""
    if "\n" in text or text[:1] not in "'\"" or len(text) <= 2:
        return False
    return mask_text(text) != text or (sign in ("=", ":") and is_secret_variable(name.strip("'\"")))


def mask_text(text: str) -> str:
    """Return a text without the secrets that can be recognized in it: parts of URLs, keys, and `password=...`."""
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}..."
    text = _pairs.sub(_masked_pair, redact(text))
    return _long_words.sub(_masked_word, _keys.sub(MASK, text))


def _masked_pair(match: re.Match[str]) -> str:
    is_assignment = "=" in match["sign"] or match["quote"]
    if not is_assignment or not is_secret_variable(match["name"]):
        return match[0]
    value = match["value"]
    if value in ("None", "True", "False", "''", '""', MASK) or value.startswith(("<", "[", "{", "(")):
        return match[0]
    quote = value[0] if value[0] in "'\"" else ""
    return match[0][: match.start("value") - match.start()] + f"{quote}{MASK}{quote}"


def _masked_word(match: re.Match[str]) -> str:
    return MASK if _is_hexadecimal(match[0]) or _looks_random(match[0]) else match[0]
