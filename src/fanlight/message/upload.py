"""An uploaded file.

In: the header of a form's part, and its content in a file without a name. Out: the same for a view, and a file at a
path chosen by the app. The file name sent by the client is never used as a path, and its media type only for a file
that is no image: what an image is, its content says.
"""

from __future__ import annotations

import errno
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from fanlight.errors import BadField, UnprocessableContent
from fanlight.message.image_facts import FORMATS, ImageFacts, find_image
from fanlight.message.media_types import BY_EXTENSION, is_active, media_type_by_name
from fanlight.message.temporary_files import close, link_to_path, write_copy

_MAX_NAME_BYTES = 200  # file systems allow 255; the rest is for a prefix or suffix of the app
_NO_FOLDER = "no such folder to save an upload in; make it when the site starts: Path(...).mkdir(exist_ok=True)"
_WINDOWS_DEVICES = frozenset(
    ("con", "prn", "aux", "nul", "conin$", "conout$", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)))
)


class Upload:
    """An uploaded file; `file` is open at its start, and deleted when the response has been sent.

    `filename` is the last segment of the name that the client sent, and may be empty.
    """

    __slots__ = ("_claimed_type", "_image", "_is_examined", "file", "filename", "name", "size")

    def __init__(self, name: str, filename: str, media_type: str, file: BinaryIO, size: int) -> None:
        self.name, self.filename, self._claimed_type = name, filename, media_type
        self.file, self.size = file, size
        self._image: ImageFacts | None = None
        self._is_examined = False

    @property
    def media_type(self) -> str:
        """The media type: of an image that was examined what it is, of any other file what the client claims."""
        return self._claimed_type if self._image is None else self._image.media_type

    @property
    def image(self) -> ImageFacts:
        """What the file is as an image, by its content. Raises UnprocessableContent if it is none.

        A view whose parameter has the check `Image` gets only files for which it does not raise.
        """
        facts = self.find_image()
        if facts is None:
            wrong = BadField(source="form", name=self.name, message="is no image")
            raise UnprocessableContent("The file is no image.", fields=[wrong])
        return facts

    def find_image(self) -> ImageFacts | None:
        """Return what the file is as an image, None if it is none; it is examined once. Raises OSError."""
        if not self._is_examined:
            self._image, self._is_examined = find_image(self.file), True
        return self._image

    @property
    def safe_name(self) -> str:
        """The client's file name, made valid on every file system: letters, digits, ".", "-" and "_"; never empty.

        It is not a path, not hidden and not too long. It is not unique: two clients can send the same name. An image
        that was examined has the extension of its format; any other file the one that the client sent.
        """
        name = safe_name(self.filename)
        image = self._image
        # SECURITY: tests/message/test_upload.py: an image that is named page.html is no page
        if image is not None and media_type_by_name(name) != image.media_type:
            name = f"{name.rpartition('.')[0] or name}{image.extension}"
        return name

    def save_in(self, folder: Path | str) -> Path:
        """Save the file in a folder, under a new name that can't be guessed; return its path.

        The name is 32 hexadecimal digits and the extension: of an image that of its format, of any other file the one
        that the client sent, unless it is unknown or browsers would run such a file. Raises OSError as `save_to` does.
        """
        facts = self.find_image()
        extension = safe_extension(self.filename) if facts is None else facts.extension
        return self.save_to(Path(folder) / f"{os.urandom(16).hex()}{extension}")

    def save_to(self, path: Path | str, *, overwrite: bool = False) -> Path:
        """Save the file at a path chosen by the app; return the path.

        The file is moved without a copy if the path is on the same file system as the temporary files. It appears
        when it is complete, with the permissions that the umask leaves. Raises FileExistsError if it exists and
        `overwrite` is false, and OSError if the folder does not exist or the disk is full.
        """
        target = Path(path)
        if not link_to_path(self.file, target, overwrite=overwrite):
            if not target.parent.is_dir():
                raise FileNotFoundError(errno.ENOENT, _NO_FOLDER, str(target.parent))
            self.file.seek(0)
            write_copy(self.file, target, overwrite=overwrite)
        self.file.seek(0)
        return target

    def __repr__(self) -> str:
        return f"Upload({self.name!r}, {self.filename!r}, {self.media_type!r}, {self.size} bytes)"


def close_files(values: Iterable[object]) -> None:
    """Delete the uploaded files among the values of a form."""
    for each in values:
        if isinstance(each, Upload):
            close(each.file)


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


def safe_extension(filename: str) -> str:
    """Return the extension of a client's file name, like ".pdf"; "" for one that is unknown, or would be run."""
    _, dot, extension = safe_name(filename).lower().rpartition(".")
    media_type = BY_EXTENSION.get(extension, "") if dot else ""
    is_image = any(media_type == each.media_type for each in FORMATS.values())
    # SECURITY: tests/message/test_upload.py: what is no image does not get the name of one, and no page that of a page
    return f".{extension}" if media_type and not is_image and not is_active(media_type) else ""


def _cut(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode("utf-8", "ignore")
