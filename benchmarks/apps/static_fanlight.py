"""Fanlight: a folder of files."""

import os
from pathlib import Path

FOLDER = Path(os.environ["BENCH_STATIC"])

try:
    from fanlight import Static
except ImportError:

    def file(name: str):
        return FOLDER / name

    URLS = {"/static/{name}": file}
else:
    URLS = {"/static": Static(FOLDER)}
