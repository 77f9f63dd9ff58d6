"""Which paths below a folder can name a file, and how a file's hash is written into its name.

In: the decoded path below the folder. Out: its segments; or a name with a hash in it, and back. Refuses paths that
leave the folder, hidden files, and names that some system does not read as a plain name. Touches no disk.
"""

from __future__ import annotations

import os
import re

MAX_SEGMENTS = 32
MAX_NAME_BYTES = 255  # the limit of file systems
HASH_DIGITS = 8
WELL_KNOWN = ".well-known"  # RFC 8615: public in spite of its dot

# SECURITY: tests/pages/static/test_names.py: a separator of some system, the end of a name, half a character
_NEVER = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]")
# On Windows a name may also mean a drive, a stream, a device or another name, and ends before dots and spaces.
_DEVICE = r"con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]"
_NEVER_ON_WINDOWS = re.compile(rf'[:<>"|?*~]|[. ]$|^(?:{_DEVICE})\s*(?:\.|$)', re.IGNORECASE)
_HASHED = re.compile(rf"(?s)(.+)\.([0-9a-f]{{{HASH_DIGITS}}})(\.[^.]*)?")


def segments_of(path: str, *, is_windows: bool = os.name == "nt") -> list[str] | None:
    """Return the segments of a path below the folder, None if it can name nothing in it.

    A path that ends in a slash names a folder, "" the folder itself: their last segment is "".
    """
    segments = path.split("/")
    if len(segments) > MAX_SEGMENTS or "" in segments[:-1]:
        return None
    names = segments if segments[-1] else segments[:-1]
    return segments if all(_is_servable(name, is_windows=is_windows) for name in names) else None


def _is_servable(name: str, *, is_windows: bool) -> bool:
    if name.startswith(".") and name != WELL_KNOWN:
        return False
    if _NEVER.search(name) or len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        return False
    return not (is_windows and _NEVER_ON_WINDOWS.search(name))


def is_hidden(names: list[str]) -> bool:
    """Return whether one of several names is hidden."""
    return any(name.startswith(".") and name != WELL_KNOWN for name in names)


def with_hash(path: str, digits: str) -> str:
    """Return a path with a hash before its last ending: "css/app.css" -> "css/app.3f9a1c2e.css"."""
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    name = f"{stem}.{digits}.{ending}" if dot and stem else f"{name}.{digits}"
    return f"{folder}{slash}{name}"


def without_hash(path: str) -> tuple[str, str] | None:
    """Return a path without the hash that `with_hash` added, and the hash; None if it contains none."""
    folder, slash, name = path.rpartition("/")
    found = _HASHED.fullmatch(name)
    if found is None:
        return None
    stem, digits, ending = found.groups()
    return f"{folder}{slash}{stem}{ending or ''}", digits
