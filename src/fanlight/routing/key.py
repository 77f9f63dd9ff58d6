"""Parse a key of `URLS`: "[METHOD[|METHOD...] ]/path".

In: a key. Out: its methods (GET if it names none) and its pattern. Refuses unknown methods, with a suggestion.
"""

from __future__ import annotations

from typing import NoReturn

from msgspec import Struct

from fanlight.closest_name import closest_name
from fanlight.lazy_pattern import lazy_pattern
from fanlight.routing.pattern import Pattern, parse_pattern, refuse

# RFC 9110 section 9, RFC 5789 (PATCH), RFC 4918 (WebDAV), RFC 3253 (REPORT), RFC 5323 (SEARCH), and
# QUERY (draft-ietf-httpbis-safe-method-w-body). In the order in which `Allow` names them.
METHODS = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"),
    *("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH"),
)
_SEPARATORS = lazy_pattern(r"[\s|,]+")  # what people write between two methods
_REFUSED_METHODS = {
    "CONNECT": "CONNECT opens a tunnel through a proxy; it has no path",
    "TRACE": "TRACE would send cookies and other secrets back to the page",
    "*": "a key names its methods",
}


class Key(Struct, frozen=True):
    """A parsed key; `states_methods` is False if GET is only the default."""

    methods: tuple[str, ...]
    pattern: Pattern
    states_methods: bool


def parse_key(text: object) -> Key:
    """Return a parsed key. Raises SetupError with what is wrong with it."""
    if not isinstance(text, str):
        refuse(f"the key {text!r} is not a string", 'write a path like "/blog"')
    if not text:
        refuse("a key is empty", 'write "/" for the front page')
    before, slash, after = text.partition("/")
    path = slash + after
    if slash and not before:
        return Key(("GET",), parse_pattern(path), states_methods=False)
    words = [word for word in _SEPARATORS.split(before) if word]
    if not slash or not words or before.endswith(":") or before.startswith("{"):
        refuse(f'the key "{text}" does not begin with "/"', _slash_hint(text, words))
    for word in words:
        if word not in METHODS:
            _refuse_method(word, text, path)
    right = f"{'|'.join(dict.fromkeys(words))} {path}"
    if len(set(words)) < len(words):
        refuse(f'"{text}" names a method twice', f'write "{right}"')
    if text != right:
        refuse(f'the methods in "{text}" are not separated as they should be', f'write "{right}"')
    return Key(tuple(words), parse_pattern(path), states_methods=True)


def _slash_hint(text: str, words: list[str]) -> str:
    if text.partition("/")[0].endswith(":"):
        return "write the path alone, without scheme and host"
    if words and words[0] in METHODS:
        return f'write "{words[0]} /{"-".join(words[1:])}"'
    return f'write "/{text.strip().lstrip("/")}"'


def _refuse_method(word: str, text: str, path: str) -> NoReturn:
    if word in _REFUSED_METHODS:
        refuse(f'"{word}" in "{text}" is not a method for a page: {_REFUSED_METHODS[word]}', f'name one: "GET {path}"')
    if close := closest_name(word.upper(), METHODS):
        refuse(f'"{word}" in "{text}" is no method', f'write "{text.replace(word, close, 1)}"')
    refuse(
        f'"{word}" in "{text}" is no method; a key is "/path" or "METHOD /path"',
        f'write "/{text}" if it is part of the path, else one of {", ".join(METHODS[:7])}',
    )
