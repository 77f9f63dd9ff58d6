"""The folder of the templates: which names it has, where they are, and what a template of a name renders.

In: the name of a template, relative to the folder, with "/" between its parts on every system. Out: its path and its
media type (by its last extension), whether values are escaped in it, and its text if it is plain. Refuses a name that
leaves the folder, or that has more than one spelling, so that there are never more names than files. Symbolic links are
followed: a person who can create one in the folder controls the site anyway. Independent of Jinja, which a site without
tags in its templates never loads.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.media_types import HTML, OCTET_STREAM, media_type_by_name
from fanlight.pages.suggestion import did_you_mean

# Files that are certainly templates; others in the folder may be anything.
_SUFFIXES = frozenset((".atom", ".htm", ".html", ".j2", ".jinja", ".jinja2", ".rss", ".svg", ".txt", ".xhtml", ".xml"))
# A part begins with no dot (no "..", no hidden file) and contains nothing that some system reads as a separator, a
# drive, a stream or the end of the name.
# SECURITY: tests/pages/test_names.py tries to leave the folder
_FORBIDDEN = lazy_pattern(r"[\\:\x00-\x1f\x7f\ud800-\udfff]")
_TAGS = ("{{", "{%", "{#")  # that begin something


class PlainPage:
    """A template without tags: whatever it is given, it renders the same text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def render(self, values: Mapping[str, object]) -> str:  # noqa: ARG002 - as a template of Jinja is called
        """Return the text."""
        return self._text


class TemplateFolder:
    """The templates of one folder; None is a folder without any."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder.absolute() if folder is not None else None
        self._mounted: dict[str, Path] = {}  # by the name of a part of the site: the folder of its own templates

    def mount(self, name: str, folder: Path) -> None:
        """Have the templates of a part of the site below a name; one that is there in the folder itself goes first."""
        self._mounted[name] = folder.absolute()

    def name_in(self, part: str, name: str) -> str:
        """Return the name of a template that a part of the site names: that of its own, else the site's."""
        own = f"{part}/{name}"
        return own if self.has(own) else name

    def part_of(self, name: str) -> str:
        """Return the part of the site that a template is of, "" for one of the site itself."""
        return next((part for part in self._mounted if name.startswith(f"{part}/")), "")

    def _file(self, name: str) -> Path | None:
        """Return the file of a name, None if there is none."""
        part = self.part_of(name)
        folders = ((self.folder, name), (self._mounted.get(part), name.removeprefix(f"{part}/")))
        paths = (folder / rest for folder, rest in folders if folder is not None)
        return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113 - Path.is_file raises for a name that is too long

    @staticmethod
    def is_name(name: str) -> bool:
        """Return whether a name can be that of a template: it does not leave the folder, and has one spelling."""
        parts_are_names = all(part and not part.startswith(".") for part in name.split("/"))
        return parts_are_names and _FORBIDDEN.search(name) is None

    def has(self, name: str) -> bool:
        """Return whether a template exists; a name that leaves the folder never does."""
        return self.is_name(name) and self._file(name) is not None

    def list_templates(self) -> list[str]:
        """Return the names of all files in the folder, sorted, without hidden ones."""
        folders = (("", self.folder), *((f"{part}/", each) for part, each in self._mounted.items()))
        names = {
            f"{start}{path.relative_to(folder).as_posix()}"
            for start, folder in folders
            if folder is not None
            for path in folder.rglob("*")
            if path.is_file()
        }
        return sorted(name for name in names if self.is_name(name))

    def list_known_types(self) -> list[str]:
        """Return the names of the files that are certainly templates: HTML, XML, plain text."""
        return [name for name in self.list_templates() if PurePosixPath(name).suffix.lower() in _SUFFIXES]

    def mention(self, names: Sequence[bytes]) -> bool:
        """Return whether one of some names stands anywhere in a file of the folder."""
        if not names:
            return False
        for each in self.list_templates():
            path = self._file(each)
            with contextlib.suppress(OSError):  # reported when it is rendered
                data = b"" if path is None else path.read_bytes()
                if any(name in data for name in names):
                    return True
        return False

    def plain_page(self, name: str) -> PlainPage | None:
        """Return what a template without any tag renders; None for all others, and for one that can't be read."""
        path = self._file(name)
        assert path is not None  # there is such a template
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return None  # reported by the environment
        if any(each in text for each in _TAGS):
            return None
        # Jinja writes every line end as "\n", and leaves out the last one.
        return PlainPage(text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n"))

    def place_of(self, name: str, line: int | None = None) -> str:
        """Return the place of a template for a message: "templates/home.html:12"."""
        start = f"{self.folder.name}/" if self.folder is not None else ""
        part = self.part_of(name)
        if part and (path := self._file(name)) is not None and path.is_relative_to(self._mounted[part]):
            start, name = "", path.relative_to(self._mounted[part].parent.parent).as_posix()
        return f"{start}{name}:{line}" if line else f"{start}{name}"

    def name_of(self, filename: str | None) -> str:
        """Return the name of the template with this path, "" if it is not in the folder."""
        if filename is None:
            return ""
        for part, folder in self._mounted.items():
            if Path(filename).is_relative_to(folder):
                return f"{part}/{Path(filename).relative_to(folder).as_posix()}"
        if self.folder is None or not Path(filename).is_relative_to(self.folder):
            return ""
        return Path(filename).relative_to(self.folder).as_posix()

    def explain_missing(self, *names: str) -> tuple[str, str]:
        """Return which templates are missing, and what to do about it."""
        missing = " or ".join(names) or "of these names"
        if self.folder is None or not self.folder.is_dir():
            where = f"there is no folder {self.folder}" if self.folder else "this app has no templates folder"
            return f"there is no template {missing}", where
        hint = did_you_mean(names[0], self.list_templates()) if names else ""
        return f"there is no template {missing}", hint or f"templates are looked for in {self.folder}"


@lru_cache(1024)
def media_type_of(name: str) -> str:
    """Return the media type of what a template renders; HTML for an unknown extension."""
    kind = media_type_by_name(name)
    return HTML if kind == OCTET_STREAM else kind


@lru_cache(1024)
def is_escaped(name: str | None) -> bool:
    """Return whether values are escaped in a template: in HTML and XML, where they could be read as tags."""
    # SECURITY: tests/pages/test_escaping.py: an unknown extension must not turn escaping off
    if name is None:
        return True
    kind = media_type_of(name).partition(";")[0]
    return kind == "text/html" or kind.endswith(("/xml", "+xml"))
