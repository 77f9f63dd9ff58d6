"""The static folders and files of an app: their calls, and the URLs of their files.

In: a `Static` in `URLS`, and its pattern. Out: its call; the URL of a file by its name. Refuses, at start-up, a folder
that does not exist, or that contains what must not be public: the site's code, its templates.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

from fanlight.app.calls import CallFactory
from fanlight.errors import NoSuchURL
from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.pages.static.static import Static
from fanlight.pages.suggestion import nearest_path
from fanlight.routing.entries import Mount, Subtree
from fanlight.routing.pattern import parameters_of, refuse

if TYPE_CHECKING:
    from fanlight.pages.static.files import StaticFiles

_PATH_PARAMETER = Subtree(None).name  # the path below a folder
_MAX_FOLDERS = 2000  # searched for a suggestion
_BESIDE = "uploads"
_OWN_FOLDER = 'put the files into a folder of their own, such as "static"'


class _Owner(Struct, frozen=True):
    """A place of a folder: its host in an app with several, and the full name of the part of the site that it is in."""

    host: str
    part: str


class StaticFolders:
    """The static folders and files of one app."""

    def __init__(self, folder: Path, source: Path | None, templates: Path | None, *, compresses: bool = True) -> None:
        self._folder, self._source, self._templates = folder, source, templates
        self._files: dict[tuple[Static, str], StaticFiles | None] = {}  # by prefix; None: it has a mistake
        self._owners: dict[tuple[Static, str], list[_Owner]] = {}  # of the same: one for each place in the table
        self._compresses = compresses
        self._secrets: dict[Path | None, str] = {}  # of the parts that are mounted

    def table_value(self, value: object) -> object:
        """Return a value of `URLS` as the table needs it: a static folder matches all paths below its key."""
        if not isinstance(value, Static):
            return value
        if not isinstance(value.folder, str | os.PathLike):
            refuse(f"{value} names no folder", 'write Static("static")')
        return value if self._path_of(value).is_file() else Subtree(value)

    def call(  # noqa: PLR0913 - what is known of one value in URLS
        self,
        static: Static,
        pattern: str,
        calls: CallFactory,
        name: str,
        *,
        is_private: bool,
        host: str = "",
        mount: Mount | None = None,
    ) -> Call:
        """Return the call for a folder or a file at a pattern. Raises SetupError, once for each prefix.

        `is_private`: shared caches must not store the responses, because middleware may restrict access. `host` is that
        of the table, in an app with several.
        """
        prefix = _prefix_of(pattern)
        key = static, prefix
        self._owners.setdefault(key, []).append(_Owner(host, "" if mount is None else mount.name))
        if mount is not None:
            self._secrets |= {mount.file: "the code of a part", mount.file.parent: "the code of a part"}
            if mount.part.templates is not None:
                self._secrets[mount.part.folder / mount.part.templates] = "the templates of a part"
        if key not in self._files:
            self._files[key] = None
            self._files[key] = self._open(static, pattern, prefix, is_private=is_private)
        files = self._files[key]
        if files is None:
            return calls.for_response(Response(), name)
        return calls.for_handler(files.respond, f"{name} ({static})", is_shared=True)

    def _open(self, static: Static, pattern: str, prefix: str, *, is_private: bool) -> StaticFiles:
        from fanlight.pages.static.files import StaticFiles  # noqa: PLC0415 - for a site that has files
        from fanlight.pages.static.folder import StaticFolder  # noqa: PLC0415 - as above
        from fanlight.pages.static.folder_rules import SITE_FILES, UPLOADED_FILES  # noqa: PLC0415 - as above

        path = self._path_of(static)
        self._check(static, path)
        path_of: Callable[[Request], str] = _path_below
        if path.is_file():
            if parameters_of(pattern):
                refuse(f'"{pattern}" has a parameter, and {static} is a single file', "write a path without braces")
            folder, name, prefix = StaticFolder(path.parent), path.name, ""
            path_of = lambda _: name  # noqa: E731 - the one path
        else:
            folder = StaticFolder(path)
        rules = UPLOADED_FILES if static.uploads else SITE_FILES
        compresses = self._compresses and not static.uploads
        return StaticFiles(
            folder,
            path_of,
            prefix=prefix,
            is_private=is_private,
            compresses=compresses,
            rules=rules,
            cache_bytes=static.cache_bytes,
        )

    def _path_of(self, static: Static) -> Path:
        return self._folder / static.folder

    # --- mistakes -----------------------------------------------------------------------------------

    def _check(self, static: Static, path: Path) -> None:
        if not path.exists():
            refuse(f"{static} does not exist", _suggestion(static, path))
        if not path.is_dir() and not path.is_file():
            refuse(f"{static} is neither a folder nor a file", _OWN_FOLDER)
        if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
            refuse(f"{static} can't be read", f"give the user that runs the site the right to read {path}")
        most: object = static.cache_bytes  # which may be of any type
        if not isinstance(most, int) or most < 0:
            refuse(f"{static} has cache_bytes={most!r}", "give a number of bytes; 0 keeps nothing")
        real = path.resolve()
        if path.is_file() and path.name.startswith("."):
            refuse(f"{static} is hidden, and hidden files are not served", "give it a name that begins with no dot")
        self._check_uploads(static, path)
        secrets = {self._folder: "the site's own code", self._source: "the site's own code", **self._secrets}
        if self._templates is not None and self._templates.is_dir():
            secrets[self._templates] = "the templates"
        for secret, kind in secrets.items():
            if secret is not None and secret.resolve().is_relative_to(real):
                refuse(f"{static} would serve {kind}, {secret.name or secret}", _OWN_FOLDER)
        if self._templates is not None and real.is_relative_to(self._templates.resolve()):
            refuse(f"{static} is in the folder of templates", _OWN_FOLDER)

    def _check_uploads(self, static: Static, path: Path) -> None:
        """Refuse a folder of the site's own files that contains one of uploads: it would serve these as pages."""
        if static.uploads and path.is_file():
            refuse(f"{static} is a file, and uploads=True is for a folder", "leave it out, or name the folder")
        for other, _ in self._files:
            if other.uploads is not static.uploads:
                uploads, own = (static, other) if static.uploads else (other, static)
                # SECURITY: tests/app/test_uploads_folder.py: else a page could be uploaded
                if self._path_of(uploads).resolve().is_relative_to(self._path_of(own).resolve()):
                    refuse(
                        f"{own} would serve the files of {uploads} as pages of the site",
                        f'put the uploaded files into a folder beside it, such as "{_BESIDE}"',
                    )

    @property
    def places(self) -> list[Path]:
        """The folders and files of the site itself that are served."""
        return [self._path_of(static) for static, _ in self._files if not static.uploads]

    # --- URLs ---------------------------------------------------------------------------------------

    @property
    def _folders(self) -> list[StaticFiles]:
        return [files for key, files in self._own_files if any(not each.part for each in self._owners[key])]

    @property
    def _own_files(self) -> list[tuple[tuple[Static, str], StaticFiles]]:
        # SECURITY: tests/app/test_uploads_folder.py: an uploaded app.css is not the site's
        found = ((key, files) for key, files in self._files.items() if not key[0].uploads)
        return [(key, files) for key, files in found if files is not None and files.prefix]

    def asset(self, name: str, part: str = "") -> str:
        """Return the fingerprinted URL of a file, from the first folder in `URLS` that has it. Raises NoSuchURL.

        "blog:post.css" is a file of a part of the site; within a `part` its own files go first.
        """
        url = self._asset_in(name, part, None)
        if url is None:
            raise NoSuchURL(self._missing_asset(name))
        return url

    def tried_asset(self, name: str) -> str:
        """Return the URL of a file in some folder, also of any part, for checks at start. Raises NoSuchURL."""
        urls = (self._asset_in(name, part, None) for part in self._part_names)
        return next((url for url in urls if url is not None), None) or self.asset(name)

    def asset_of(self, name: str, host: str, part: str = "") -> str | None:
        """Return the fingerprinted path of a file on a host, None if no folder there has it."""
        return self._asset_in(name, part, host)

    def _asset_in(self, name: str, part: str, host: str | None) -> str | None:
        named, _, rest = name.rpartition(":")
        for owner, file in ((self._part_named(named), rest),) if named else ((part, name), ("", name)):
            for key, files in self._own_files:
                if any(each.part == owner and host in (None, each.host) for each in self._owners[key]):
                    url = files.asset(file)
                    if url is not None:
                        return url
        return None

    @property
    def _part_names(self) -> list[str]:
        """The full names of the parts of the site that have files."""
        return list(dict.fromkeys(each.part for owners in self._owners.values() for each in owners if each.part))

    def _part_named(self, name: str) -> str:
        """Return the full name of a part, of which the tables around it may be left out. Raises NoSuchURL."""
        meant = [each for each in self._part_names if each.endswith(f":{name}")]
        if name in self._part_names or not meant:
            return name
        if len(meant) > 1:
            names = " or ".join(f'"{each}:..."' for each in meant)
            raise NoSuchURL(f'{len(meant)} parts with files are named "{name}"; write {names}')
        return meant[0]

    def _missing_asset(self, name: str) -> str:
        if not self._files:
            return f'there is no asset "{name}", as URLS has no Static; add "/static": Static("static")'
        close = nearest_path(name, [each for files in self._folders for each in _names_in(Path(files.folder.root))])
        where = " or ".join(files.folder.root for files in self._folders) or "URLS, which has no folder"
        return f'there is no asset "{name}"; ' + (f'did you mean "{close}"?' if close else f"add it to {where}")

    @property
    def are_valid(self) -> bool:
        """Whether no folder has a mistake, so that files can be looked up in them."""
        return None not in self._files.values()

    def explain(self, static: Static, pattern: str, path: str) -> str:
        """Return in words the response to a path below a folder."""
        files = self._files.get((static, _prefix_of(pattern)))
        return "" if files is None else files.explain(path)


def _prefix_of(pattern: str) -> str:
    return quote(pattern.removesuffix(f"{{{_PATH_PARAMETER}...}}"), safe="/!$&'()*+,;=:@")


def _suggestion(static: Static, path: Path) -> str:
    beside = sorted(each.name for each in path.parent.iterdir()) if path.parent.is_dir() else []
    if close := nearest_path(path.name, beside):
        return f'did you mean "{(Path(static.folder).parent / close).as_posix()}"?'
    return f"create the folder {path}"


def _path_below(request: Request) -> str:
    path = request.params.get(_PATH_PARAMETER, "")
    assert isinstance(path, str)
    return path


def _names_in(root: Path) -> Iterator[str]:
    """Yield the names of the files that are served, as `asset` takes them."""
    for count, (folder, inner, names) in enumerate(os.walk(root)):
        inner[:] = sorted(each for each in inner if not each.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield (Path(folder) / name).relative_to(root).as_posix()
        if count > _MAX_FOLDERS:
            return
