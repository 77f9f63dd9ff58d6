"""Fanlight: a posted file, looked at or kept."""

import hashlib
import tempfile
from pathlib import Path

from fanlight import Upload, limits

KEPT = Path(tempfile.gettempdir()) / "kept"


@limits(content_bytes=6 * 1024**3)
def received(film: Upload, title: str):
    return {"title": title, "bytes": film.size}


@limits(content_bytes=6 * 1024**3)
def digest(film: Upload, title: str):
    return {"title": title, "bytes": film.size, "sha256": hashlib.file_digest(film.file, "sha256").hexdigest()}


@limits(content_bytes=6 * 1024**3)
def kept(film: Upload, title: str):
    film.save_to(KEPT, overwrite=True)
    return {"title": title, "bytes": film.size}


URLS = {"POST /received": received, "POST /digest": digest, "POST /kept": kept}
