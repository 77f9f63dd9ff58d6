"""What kind of text a template makes, by its file name extension.

In: a template's name. Out: its media type, and whether values are escaped in it. Only the last
extension counts, so `mail.txt.j2` is HTML like every name that says nothing else.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from fanlight.message import HTML, JSON, TEXT

# What is surely meant as a template; another file may just lie in the folder.
SURE_SUFFIXES = frozenset({".htm", ".html", ".j2", ".jinja", ".jinja2", ".svg", ".txt", ".xhtml", ".xml"})
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


def suffix_of(name: str) -> str:
    """Return the last extension of a name, in lower case: ".html", or ""."""
    return PurePosixPath(name).suffix.lower()


def media_type_of(name: str) -> str:
    """Return what a template's text is sent as; HTML where the extension says nothing."""
    return _MEDIA_TYPES.get(suffix_of(name), HTML)


def is_escaped(name: str | None) -> bool:
    """Return whether values are escaped in a template: in all of them but `.txt`, which is sent as plain text."""
    # SECURITY: tests/pages/test_escaping.py: an extension that we don't know must not turn escaping off
    return name is None or not name.lower().endswith(".txt")
