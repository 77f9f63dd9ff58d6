"""The media type for the extension of a file name."""

from __future__ import annotations

import pytest

from fanlight.compression.negotiation import is_compressible
from fanlight.message.media_types import media_type_by_name


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("app.css", "text/css; charset=utf-8"),
        ("APP.CSS", "text/css; charset=utf-8"),
        ("a.b/app.min.js", "text/javascript; charset=utf-8"),
        ("font.woff2", "font/woff2"),
        ("site.webmanifest", "application/manifest+json"),
        ("x.tar.gz", "application/gzip"),
        ("no-ending", "application/octet-stream"),
        ("ends.", "application/octet-stream"),
        (".css", "text/css; charset=utf-8"),
        ("", "application/octet-stream"),
        ("what.is-this", "application/octet-stream"),
    ],
)
def test_the_last_extension_determines_the_media_type(name: str, media_type: str) -> None:
    """Extensions are case-insensitive; an unknown one is OCTET_STREAM."""
    assert media_type_by_name(name) == media_type


@pytest.mark.parametrize(
    ("media_type", "is_worth"),
    [
        ("text/css; charset=utf-8", True),
        ("TEXT/HTML", True),
        ("application/json", True),
        ("application/ld+json", True),
        ("image/svg+xml", True),
        ("application/wasm", True),
        ("font/ttf", True),
        ("font/woff2", False),
        ("image/png", False),
        ("video/mp4", False),
        ("application/zip", False),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_what_is_compressed_already_is_left_alone(media_type: str, is_worth: bool) -> None:
    """Text and its kin become much smaller; pictures, films, archives and web fonts do not."""
    assert is_compressible(media_type) is is_worth
