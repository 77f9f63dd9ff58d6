"""How a file is sent that a visitor has uploaded, so that it can do nothing in the name of the site.

In: the name under which it is stored. Out: a media type and header fields. Images, sound and films are shown, all other
files are downloads of bytes: HTML, SVG and PDF are never pages of the site, and no page can load an uploaded script.
Three more fields are on every file: `nosniff`, so that no browser guesses another type from the content; a sandbox, so
that even a document would have no origin and no scripts; a resource policy, so that other sites can't embed it.
"""

from __future__ import annotations

from fanlight.message.file_disposition import content_disposition
from fanlight.message.headers import Pair
from fanlight.message.media_types import INERT_MEDIA, OCTET_STREAM, essence_of

# SECURITY: tests/journeys/test_uploaded_files.py: nothing is loaded, and nothing runs. A browser that shows a file by
# itself makes a document for it, which has a style; that of a film also loads the film, from the same origin.
_DOWNLOAD_POLICY = "default-src 'none'; sandbox"
_IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_FILM_POLICY = "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox allow-same-origin"
_ON_EVERY_FILE: tuple[Pair, ...] = (
    ("cross-origin-resource-policy", "same-site"),
    ("x-content-type-options", "nosniff"),
)


def safe_type(media_type: str) -> str:
    """Return the media type under which an uploaded file is sent: its own if browsers only show or play it."""
    return media_type if essence_of(media_type) in INERT_MEDIA else OCTET_STREAM


def uploaded_fields(media_type: str, name: str) -> tuple[Pair, ...]:
    """Return the fields of an uploaded file that is sent under a type of `safe_type`; `name` is that of a download."""
    if media_type == OCTET_STREAM:
        disposition = ("content-disposition", content_disposition(name))
        return (("content-security-policy", _DOWNLOAD_POLICY), *_ON_EVERY_FILE, disposition)
    policy = _IMAGE_POLICY if media_type.startswith("image/") else _FILM_POLICY
    return (("content-security-policy", policy), *_ON_EVERY_FILE)
