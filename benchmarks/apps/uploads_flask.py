"""Flask: a posted file, looked at or kept."""

import hashlib
import tempfile
from pathlib import Path

from flask import Flask, request

KEPT = Path(tempfile.gettempdir()) / "kept"

app = Flask(__name__)


def _size(film) -> int:
    size = film.stream.seek(0, 2)
    film.stream.seek(0)
    return size


@app.post("/received")
def received() -> dict[str, object]:
    return {"title": request.form["title"], "bytes": _size(request.files["film"])}


@app.post("/digest")
def digest() -> dict[str, object]:
    film = request.files["film"]
    told = {"title": request.form["title"], "bytes": _size(film)}
    return told | {"sha256": hashlib.file_digest(film.stream, "sha256").hexdigest()}


@app.post("/kept")
def kept() -> dict[str, object]:
    film = request.files["film"]
    film.save(KEPT)
    return {"title": request.form["title"], "bytes": KEPT.stat().st_size}
