"""The part of a URL after its path, for `url_for`: `?page=2&tag=a&tag=b#top`.

In: the fields of a query, and a fragment. Out: text, percent-encoded. A list is a field that is repeated, None is left
out. Refuses, as NoSuchURL, values that have no one text that a view reads back, and a fragment that begins with "#".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from urllib.parse import quote
from uuid import UUID

from fanlight.errors import NoSuchURL

_SAFE_IN_QUERY = "/:@?"  # of what RFC 3986 allows there, what has no meaning of its own in a form
_SAFE_IN_FRAGMENT = "!$&'()*+,;=:@/?"
_EXAMPLE = 'write a dict: query={"page": 2}'


def suffix_of(query: object, fragment: object) -> str:
    """Return what follows the path of a URL, "" if that is nothing. Raises NoSuchURL."""
    pairs = [
        f"{_encoded(name, _SAFE_IN_QUERY)}={_encoded(text, _SAFE_IN_QUERY)}"
        for name, value in _items(query)
        for text in _texts(name, value)
    ]
    end = _fragment(fragment)
    return ("?" + "&".join(pairs) if pairs else "") + (f"#{end}" if end else "")


def _items(query: object) -> Iterable[tuple[str, object]]:
    """Return the fields of a dict, of a `Query`, or of a list of pairs."""
    if query is None:
        return
    if hasattr(query, "pairs"):  # a Query or a Form, with all values of each name
        query = query.pairs()
    items = query.items() if isinstance(query, Mapping) else query
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise NoSuchURL(f"query={query!r} is no query string; {_EXAMPLE}")
    for each in items:
        if not (isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], str)):
            raise NoSuchURL(f"query has {each!r}, which is no name with a value; {_EXAMPLE}")
        yield each


def _texts(name: str, value: object) -> Iterator[str]:
    for each in value if isinstance(value, list | tuple) else (value,):
        if each is not None:
            text = _text_of(each)
            if text is None:
                raise NoSuchURL(f"a value of type {type(each).__name__} can't be written in a query: {name}={each!r}")
            yield text


def _text_of(value: object) -> str | None:
    """Return the text that a parameter of this type reads as the value, None if there is none."""
    match value:
        case Enum():
            return _text_of(value.value)
        case bool():
            return "true" if value else "false"
        case datetime() | date() | time():
            return value.isoformat()
        case str() | int() | float() | Decimal() | UUID():
            return str(value)
    return None


def _fragment(fragment: object) -> str:
    text = "" if fragment is None else _text_of(fragment)
    if text is None:
        raise NoSuchURL(f"fragment={fragment!r} is no text")
    if text.startswith("#"):
        raise NoSuchURL(f'fragment={text!r} begins with "#", which is added; write fragment={text.lstrip("#")!r}')
    return _encoded(text, _SAFE_IN_FRAGMENT)


def _encoded(text: str, safe: str) -> str:
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError:
        raise NoSuchURL(f"{text!r} can't be encoded as UTF-8") from None
