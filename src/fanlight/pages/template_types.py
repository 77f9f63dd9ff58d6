"""The media type of what a template renders, by its file name extension, and whether values are escaped in it.

In: a template's name. Out: its media type, from the table in `message/media_types.py`; HTML for an extension that is
not in the table (`.j2`, none at all). Only the last extension counts. Values are escaped in HTML and XML.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePosixPath

from fanlight.message.media_types import HTML, OCTET_STREAM, media_type_by_name

# Files that are certainly templates; others in the folder may be anything.
TEMPLATE_SUFFIXES = frozenset(
    (".atom", ".htm", ".html", ".j2", ".jinja", ".jinja2", ".rss", ".svg", ".txt", ".xhtml", ".xml")
)


def suffix_of(name: str) -> str:
    """Return the last extension of a name, in lower case: ".html", or ""."""
    return PurePosixPath(name).suffix.lower()


@lru_cache(1024)
def media_type_of(name: str) -> str:
    """Return the media type of what a template renders; HTML for an unknown extension."""
    kind = media_type_by_name(name)
    return HTML if kind == OCTET_STREAM else kind


@lru_cache(1024)
def is_escaped(name: str | None) -> bool:
    """Return whether values are escaped in a template: in HTML and XML, where they could be read as tags."""
    # SECURITY: tests/pages/test_escaping.py: an unknown extension must not turn escaping off
    if name is None:
        return True
    kind = media_type_of(name).partition(";")[0]
    return kind == "text/html" or kind.endswith(("/xml", "+xml"))
