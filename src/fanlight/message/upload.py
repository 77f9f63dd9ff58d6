"""A file that was posted.

In: what a part of a form said of itself, and its content in a file without a name. Out: the same to a
view, and to a place of the app's choice. The client's own name for it is never used as a path.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import BinaryIO

from fanlight.message.temporary_files import give_name, write_copy

_MAX_NAME_BYTES = 200  # file systems take 255; what the app puts before or behind it has room
_WINDOWS_KEEPS = frozenset(
    ("con", "prn", "aux", "nul", "conin$", "conout$", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)))
)


class Upload:
    """A file that was posted; `file` is open at its beginning, and gone when the answer is out."""

    __slots__ = ("file", "filename", "media_type", "name", "size")

    def __init__(self, name: str, filename: str, media_type: str, file: BinaryIO, size: int) -> None:
        """Keep what the part said; `filename` is its last segment only, and may be empty."""
        self.name, self.filename, self.media_type = name, filename, media_type
        self.file, self.size = file, size

    @property
    def safe_name(self) -> str:
        """The client's file name as any file system takes it: letters, digits, ".", "-" and "_"; never empty.

        It is no path, not hidden and not too long. Two clients may well send the same one.
        """
        return safe_name(self.filename)

    def save_to(self, path: Path | str, *, overwrite: bool = False) -> Path:
        """Put the file where the app says, never where the client says; return the path.

        A file that waits on the same file system is moved there, at no cost; any other is copied. It
        is there when it is whole, with the permissions that the umask leaves. Raises FileExistsError
        rather than overwrite, unless it is asked to, and OSError when there is no such folder, or no room.
        """
        target = Path(path)
        if not give_name(self.file, target, overwrite=overwrite):
            self.file.seek(0)
            write_copy(self.file, target, overwrite=overwrite)
        self.file.seek(0)
        return target

    def __repr__(self) -> str:
        return f"Upload({self.name!r}, {self.filename!r}, {self.media_type!r}, {self.size} bytes)"


def last_segment(filename: str) -> str:
    """Return the last segment of a client's file name, without what could deceive who reads it."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    name = "".join(letter for letter in name if letter.isprintable()).strip(". ")
    # SECURITY: tests/message/test_upload.py: never a path, never hidden, never too long
    return name.encode("utf-8", "ignore")[:255].decode("utf-8", "ignore")


def safe_name(filename: str) -> str:
    """Return a client's file name as any file system takes it, "file" if nothing is left of it."""
    name = unicodedata.normalize("NFKC", last_segment(filename))
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name).strip("._")
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    ending = _cut(ending, 40)
    stem = _cut(stem, _MAX_NAME_BYTES - len(f"{dot}{ending}".encode())).rstrip("._")
    # SECURITY: tests/message/test_upload.py: to Windows such a name is a device, whatever its ending
    if stem.partition(".")[0].lower() in _WINDOWS_KEEPS:
        stem = f"_{stem}"
    return f"{stem}{dot}{ending}" if stem else "file"


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode("utf-8", "ignore")
