"""Read a key of URLS: "[METHOD[|METHOD...] ]/path".

In: a key's text. Out: its methods (GET when it names none) and its pattern.
Refuses unknown methods, with the one that was meant. Knows nothing of values and nesting.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from fanlight.routing.pattern import Pattern, parse_pattern, refuse

# RFC 9110 section 9, RFC 5789 (PATCH), RFC 4918 (WebDAV), RFC 3253 (REPORT), RFC 5323 (SEARCH), and
# QUERY (draft-ietf-httpbis-safe-method-w-body). In the order in which `Allow` names them.
METHODS = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"),
    *("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH"),
)
_NEVER = {
    "CONNECT": "CONNECT asks a proxy for a tunnel; it has no path",
    "TRACE": "TRACE would echo cookies and other secrets to the page that asks",
    "*": "a key says which methods it takes",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of URLS, read; `states_methods` is False where GET is only the default."""

    methods: tuple[str, ...]
    pattern: Pattern
    states_methods: bool


def parse_key(text: object) -> Key:
    """Return what a key says; raises SetupError with what is wrong with it."""
    if not isinstance(text, str):
        refuse(f"the key {text!r} is not a text", 'write a path like "/blog"')
    if not text:
        refuse("a key is empty", 'write "/" for the first page')
    before, slash, after = text.partition("/")
    if not slash:
        _refuse_without_slash(text)
    path = slash + after
    if not before:
        return Key(("GET",), parse_pattern(path), states_methods=False)
    if before.endswith(":") or before.startswith("{"):
        refuse(f'the key "{text}" does not begin with "/"', "write the path alone, without scheme and host")
    words = [word.strip() for word in before.replace(",", "|").strip().split("|")]
    _check_methods(text, words, path)
    if before != "|".join(words) + " ":
        refuse(f'the methods in "{text}" are not set apart as they should be', f'write "{"|".join(words)} {path}"')
    return Key(tuple(words), parse_pattern(path), states_methods=True)


def _refuse_without_slash(text: str) -> None:
    word = text.strip()
    guess = f"{word} /" if word in METHODS else f"/{word}" if word else "/"
    refuse(f'the key "{text}" does not begin with "/"', f'write "{guess}"')


def _check_methods(text: str, words: list[str], path: str) -> None:
    for word in words:
        if word in METHODS:
            continue
        if word in _NEVER:
            refuse(f'"{word}" in "{text}" is not a method for a page: {_NEVER[word]}', f'name one: "GET {path}"')
        if close := difflib.get_close_matches(word.upper(), METHODS, n=1):
            refuse(f'"{word}" in "{text}" is no method', f'write "{text.replace(word, close[0], 1)}"')
        if " " in word and set(word.upper().split()) <= set(METHODS):
            refuse(
                f'the methods in "{text}" are not set apart by "|"', f'write "{"|".join(word.upper().split())} {path}"'
            )
        refuse(
            f'"{word}" in "{text}" is no method; a key is "/path" or "METHOD /path"',
            f'write "/{text}" if it is part of the path, else one of {", ".join(METHODS[:7])}',
        )
    if len(set(words)) < len(words):
        refuse(f'"{text}" names a method twice', f'write "{"|".join(dict.fromkeys(words))} {path}"')
