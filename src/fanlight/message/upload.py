"""An uploaded file.

In: the header of a form's part, and its content in a file without a name. Out: the same for a view, and a file at a
path chosen by the app. The file name sent by the client is never used as a path.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import BinaryIO

from fanlight.message.temporary_files import link_to_path, write_copy

_MAX_NAME_BYTES = 200  # file systems allow 255; the rest is for a prefix or suffix of the app
_WINDOWS_DEVICES = frozenset(
    ("con", "prn", "aux", "nul", "conin$", "conout$", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)))
)


class Upload:
    """An uploaded file; `file` is open at its start, and deleted when the response has been sent.

    `filename` is the last segment of the name that the client sent, and may be empty.
    """

    __slots__ = ("file", "filename", "media_type", "name", "size")

    def __init__(self, name: str, filename: str, media_type: str, file: BinaryIO, size: int) -> None:
        self.name, self.filename, self.media_type = name, filename, media_type
        self.file, self.size = file, size

    @property
    def safe_name(self) -> str:
        """The client's file name, made valid on every file system: letters, digits, ".", "-" and "_"; never empty.

        It is not a path, not hidden and not too long. It is not unique: two clients can send the same name.
        """
        return safe_name(self.filename)

    def save_to(self, path: Path | str, *, overwrite: bool = False) -> Path:
        """Save the file at a path chosen by the app; return the path.

        The file is moved without a copy if the path is on the same file system as the temporary files. It appears
        when it is complete, with the permissions that the umask leaves. Raises FileExistsError if it exists and
        `overwrite` is false, and OSError if the folder does not exist or the disk is full.
        """
        target = Path(path)
        if not link_to_path(self.file, target, overwrite=overwrite):
            self.file.seek(0)
            write_copy(self.file, target, overwrite=overwrite)
        self.file.seek(0)
        return target

    def __repr__(self) -> str:
        return f"Upload({self.name!r}, {self.filename!r}, {self.media_type!r}, {self.size} bytes)"


def last_segment(filename: str) -> str:
    """Return the last segment of a client's file name, without invisible characters and leading or trailing dots."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    name = "".join(letter for letter in name if letter.isprintable()).strip(". ")
    # SECURITY: tests/message/test_upload.py: never a path, never hidden, never too long
    return name.encode("utf-8", "ignore")[:255].decode("utf-8", "ignore")


def safe_name(filename: str) -> str:
    """Return a client's file name, made valid on every file system; "file" if nothing is left of it."""
    name = unicodedata.normalize("NFKC", last_segment(filename))
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name).strip("._")
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    extension = _cut(extension, 40)
    stem = _cut(stem, _MAX_NAME_BYTES - len(f"{dot}{extension}".encode())).rstrip("._")
    # SECURITY: tests/message/test_upload.py: on Windows such a name is a device, whatever its extension
    if stem.partition(".")[0].lower() in _WINDOWS_DEVICES:
        stem = f"_{stem}"
    return f"{stem}{dot}{extension}" if stem else "file"


def _cut(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode("utf-8", "ignore")
