"""What kind of text a template makes, by its file name extension.

In: a template's name. Out: its media type, by the one table of `message/media_types.py`, and whether values are
escaped in it: in HTML and XML, not in other text. Only the last extension counts; one that the table does not
have (`.j2`, none at all) says HTML.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePosixPath

from fanlight.message.media_types import OCTET_STREAM, media_type_by_name
from fanlight.message.response import HTML

# What is surely meant as a template; another file may just lie in the folder.
SURE_SUFFIXES = frozenset(
    (".atom", ".htm", ".html", ".j2", ".jinja", ".jinja2", ".rss", ".svg", ".txt", ".xhtml", ".xml")
)


def suffix_of(name: str) -> str:
    """Return the last extension of a name, in lower case: ".html", or ""."""
    return PurePosixPath(name).suffix.lower()


@lru_cache(1024)
def media_type_of(name: str) -> str:
    """Return what a template's text is sent as; HTML where the extension says nothing."""
    kind = media_type_by_name(name)
    return HTML if kind == OCTET_STREAM else kind


@lru_cache(1024)
def is_escaped(name: str | None) -> bool:
    """Return whether values are escaped in a template: in HTML and XML, whose readers take them for tags."""
    # SECURITY: tests/pages/test_escaping.py: an extension that we don't know must not turn escaping off
    if name is None:
        return True
    kind = media_type_of(name).partition(";")[0]
    return kind == "text/html" or kind.endswith(("/xml", "+xml"))
