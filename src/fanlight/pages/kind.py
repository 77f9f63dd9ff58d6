"""What kind of text a template makes, by its file name extension.

In: a template's name. Out: its media type, and whether values are escaped in it. An extension that
says only "this is a template" (`mail.txt.j2`) is looked through.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePosixPath

from fanlight.message import HTML, JSON, TEXT

TEMPLATE_SUFFIXES = frozenset({".j2", ".jinja", ".jinja2"})
MARKUP_SUFFIXES = frozenset({".htm", ".html", ".svg", ".xhtml", ".xml"})
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": JSON,
    ".svg": "image/svg+xml",
    ".txt": TEXT,
    ".xhtml": "application/xhtml+xml",
    ".xml": "application/xml",
}


@lru_cache(maxsize=1024)
def suffix_of(name: str) -> str:
    """Return the extension that says what the text is, in lower case: ".html", ".txt", or ""."""
    path = PurePosixPath(name.lower())
    return path.with_suffix("").suffix if path.suffix in TEMPLATE_SUFFIXES else path.suffix


def media_type_of(name: str) -> str:
    """Return what a template's text is sent as; HTML where the extension says nothing."""
    return _MEDIA_TYPES.get(suffix_of(name), HTML)


def is_escaped(name: str | None) -> bool:
    """Return whether values are escaped in a template: in all of them but `.txt`, which is sent as plain text."""
    # SECURITY: tests/pages/test_escaping.py: an extension that we don't know must not turn escaping off
    return name is None or suffix_of(name) != ".txt"
