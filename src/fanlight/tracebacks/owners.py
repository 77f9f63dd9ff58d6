"""Decide whose a line of code is: the site's own, or a library's, Python's or Fanlight's.

In: the path of a file, and the folder of the site. Out: "" for the site's own, else a name: "jinja2", "fanlight",
"asyncio". The longest folder that contains the file decides: a site may lie within the folder of Python or of a
library, and a virtual environment within the folder of a site. Code that is outside of them all is the site's.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

from fanlight.lazy_pattern import lazy_pattern

_PACKAGE = str(Path(__file__).resolve().parents[1])
_packages = lazy_pattern(r"[\\/](?:site|dist)-packages[\\/]")
MAX_FILES = 4096  # whose owner is remembered
_UNKNOWN = "Python"
# The folder of Python's modules, as written and with symbolic links followed. What is installed is found by the name of
# its folder. Known before the first exception: there may be no descriptor left to look anything up then.
_LIBRARIES = tuple({os.path.dirname(os.__file__), str(Path(os.__file__).resolve().parent)})  # noqa: PTH120 - as written


@lru_cache(MAX_FILES)
def owner_of(file: str, folder: str) -> str:
    """Return the owner of a file; `folder` is that of the site, "" if it is unknown."""
    if file.startswith("<frozen "):
        return file[8:].rstrip(">").partition(".")[0]
    if file.startswith("<"):
        return _UNKNOWN
    if _is_in(file, _PACKAGE):
        return "fanlight"
    around = max((each for each in (*_LIBRARIES, folder) if each and _is_in(file, each)), key=len, default="")
    inner = file[len(around) :]
    installed = list(_packages.finditer(inner))
    if installed:
        return _first_part(inner[installed[-1].end() :])
    return "" if around in ("", folder) else _first_part(inner)


def shown_path(file: str, folder: str) -> str:
    """Return the path of a file as it is shown: relative to the site, or to the folder of its library."""
    if folder and _is_in(file, folder) and not _packages.search(file, len(folder)):
        return file[len(folder) :].lstrip("\\/")
    if _is_in(file, _PACKAGE):
        return f"fanlight{file[len(_PACKAGE) :]}"
    if installed := list(_packages.finditer(file)):
        return file[installed[-1].end() :]
    around = max((each for each in _LIBRARIES if _is_in(file, each)), key=len, default="")
    return file[len(around) :].lstrip("\\/") if around else file


def _is_in(file: str, folder: str) -> bool:
    return file.startswith(folder) and (folder.endswith(("/", "\\")) or file[len(folder) : len(folder) + 1] in "/\\")


def _first_part(path: str) -> str:
    """Return the module that a path begins with: "json" of "/json/decoder.py", "re" of "re.py"."""
    return re.split(r"[\\/]", path.lstrip("\\/"), maxsplit=1)[0].removesuffix(".py") or _UNKNOWN
