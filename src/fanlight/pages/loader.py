"""Find templates in their folder.

In: the name of a template, seen from the folder, with "/" between its parts on every system. Out:
its text. Refuses a name that leaves the folder, or has more than one spelling, so that there are
never more names than files. Symbolic links are followed: whoever can make one here owns the site.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

from jinja2 import BaseLoader, Environment, TemplateNotFound, TemplateSyntaxError

from fanlight.errors import TemplateError
from fanlight.pages.suggestion import did_you_mean
from fanlight.pages.template_types import SURE_SUFFIXES, suffix_of

# A part begins with no dot (no "..", no hidden file) and has nothing in it that some system reads as
# a separator, a drive, a stream or the end of the name.
# SECURITY: tests/pages/test_names.py tries to leave the folder
_PART = r"(?!\.)[^/\\:\x00-\x1f\x7f\ud800-\udfff]+"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})

Source = tuple[str, str, Callable[[], bool]]


class FolderLoader(BaseLoader):
    """The templates of one folder; None is a folder without any."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder.absolute() if folder is not None else None

    def get_source(self, environment: Environment, template: str) -> Source:  # noqa: ARG002 - Jinja gives it
        """Return a template's text, its path, and a question whether it is still the same."""
        path = self.path_of(template)
        try:
            data = path.read_bytes()
            stamp = _stamp_of(path)
        except OSError as error:
            if error.errno in _ABSENT:
                raise TemplateNotFound(template) from None
            raise TemplateError(f"the template {template} can't be read: {error.strerror}") from error
        return _text_of(data, template, path), str(path), lambda: _stamp_of(path) == stamp

    def path_of(self, name: str) -> Path:
        """Return where a template should be. Raises TemplateError for a name that leaves the folder."""
        if not _NAME.fullmatch(name):
            raise TemplateError(
                f"{name!r} is no name for a template",
                hint='write it as seen from the templates folder, with "/" between its parts, like "blog/post.html"',
            )
        if self.folder is None:
            raise TemplateNotFound(name)
        return self.folder / name

    def has(self, name: str) -> bool:
        """Return whether a template is there; a name that leaves the folder never is."""
        if self.folder is None or not _NAME.fullmatch(name):
            return False
        return os.path.isfile(self.folder / name)  # noqa: PTH113 - Path.is_file raises for a name that is too long

    def list_templates(self) -> list[str]:
        """Return the names of all files that are there, sorted, hidden ones left out."""
        if self.folder is None:
            return []
        names = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        return sorted(name for name in names if _NAME.fullmatch(name))

    def list_sure(self) -> list[str]:
        """Return the names of the files that are surely meant as templates: HTML, XML, plain text."""
        return [name for name in self.list_templates() if suffix_of(name) in SURE_SUFFIXES]

    def place_of(self, name: str, line: int | None = None) -> str:
        """Return where a template is, as a person reads it: "templates/home.html:12"."""
        start = f"{self.folder.name}/" if self.folder is not None else ""
        return f"{start}{name}:{line}" if line else f"{start}{name}"

    def name_of(self, filename: str | None) -> str:
        """Return which template a path is, "" if it is none of ours."""
        if filename is None or self.folder is None or not Path(filename).is_relative_to(self.folder):
            return ""
        return Path(filename).relative_to(self.folder).as_posix()

    def absence_of(self, *names: str) -> tuple[str, str]:
        """Return what is missing and what to do about it."""
        told = " or ".join(names) or "of these names"
        if self.folder is None or not self.folder.is_dir():
            where = f"there is no folder {self.folder}" if self.folder else "this app has no templates folder"
            return f"there is no template {told}", where
        hint = did_you_mean(names[0], self.list_templates()) if names else ""
        return f"there is no template {told}", hint or f"templates are looked for in {self.folder}"


def _stamp_of(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _text_of(data: bytes, name: str, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise TemplateSyntaxError(message, line, name, str(path)) from None
