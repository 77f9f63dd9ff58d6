"""FastAPI: a posted file, looked at or kept; sync where it is read, as its documentation has it."""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Form, UploadFile

KEPT = Path(tempfile.gettempdir()) / "kept"

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@app.post("/received")
async def received(film: UploadFile, title: Annotated[str, Form()]) -> dict[str, object]:
    return {"title": title, "bytes": film.size}


@app.post("/digest")
def digest(film: UploadFile, title: Annotated[str, Form()]) -> dict[str, object]:
    return {"title": title, "bytes": film.size, "sha256": hashlib.file_digest(film.file, "sha256").hexdigest()}


@app.post("/kept")
def kept(film: UploadFile, title: Annotated[str, Form()]) -> dict[str, object]:
    with KEPT.open("wb") as file:
        shutil.copyfileobj(film.file, file)
    return {"title": title, "bytes": film.size}
