"""Import the site's modules as they are now, however short ago they were changed.

Python takes cached bytecode for current if the size of the source and its time in whole seconds are the same, and a
change may follow the last one within a second. Here bytecode counts only if it was written so long after the source
that no change can have followed within the same second; other files are compiled, which takes milliseconds.

In: nothing. Out: modules are imported like that from now on, but for those of Python and of `site-packages`.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path

SAFE_SECONDS = 2.0
_LIBRARIES = frozenset({"site-packages", "dist-packages"})


class FreshSourceLoader(SourceFileLoader):
    """A loader that does not use bytecode of a source that had just been changed."""

    def get_data(self, path: str) -> bytes:
        """Return the content of a file; bytecode that may be old counts as missing. Raises OSError."""
        if path.endswith(tuple(BYTECODE_SUFFIXES)):
            written, changed = os.stat(path).st_mtime, os.stat(self.path).st_mtime  # noqa: PTH116 - as importlib does
            if written < changed + SAFE_SECONDS:
                raise FileNotFoundError(path)
        return super().get_data(path)


def install() -> None:
    """Use the loader for every folder that is not Python's own, and that no library was installed into."""
    loaders = (
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (FreshSourceLoader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )
    sys.path_hooks.insert(0, FileFinder.path_hook(*loaders))
    for folder in list(sys.path_importer_cache):  # those of PYTHONPATH have been searched already
        if not folder.startswith((sys.prefix, sys.base_prefix)) and not _LIBRARIES.intersection(Path(folder).parts):
            del sys.path_importer_cache[folder]
