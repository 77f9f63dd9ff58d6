"""The folders of files in URLS: what each answers, and the URLs of their files.

In: a `Static` of the table, and where it stands. Out: its call; the URL of a file by its name. Refuses, before the
port opens, a folder that is not there, or that has in it what nobody may see: the site's code, its templates.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from fanlight.app.calls import CallFactory
from fanlight.errors import Mistake, NoSuchURL, SetupError
from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.pages.static.files import StaticFiles
from fanlight.pages.static.folder import StaticFolder
from fanlight.pages.static.static import Static
from fanlight.routing.entries import Subtree
from fanlight.routing.pattern import parameters_of

_BELOW = Subtree(None).name  # the parameter that is the path below a folder
_MOST_NAMES = 2000  # that are looked through for one that was meant
_OWN_FOLDER = 'put the files into a folder of their own, such as "static"'


class StaticFolders:
    """The files of one app."""

    def __init__(self, folder: Path, source: Path | None, templates: Path | None, *, compresses: bool = True) -> None:
        """Find folders beside an app in `folder`, whose code is in `source` and whose templates in `templates`.

        Small files are compressed in memory, unless the app has nothing compressed.
        """
        self._folder, self._source, self._templates = folder, source, templates
        self._files: dict[tuple[Static, str], StaticFiles | None] = {}  # by place; None: there is a mistake in it
        self._compresses = compresses

    def opened(self, value: object) -> object:
        """Return what a value of URLS is to the table: a folder answers all below its key."""
        if not isinstance(value, Static):
            return value
        if not isinstance(value.folder, str | os.PathLike):
            _refuse(f"{value} names no folder", 'write Static("static")')
        return value if self._path_of(value).is_file() else Subtree(value)

    def call(self, static: Static, pattern: str, calls: CallFactory, name: str, *, is_guarded: bool) -> Call:
        """Return the call for a folder, or a file, at a pattern. Raises SetupError, once for each place.

        What is guarded, by steps that stand around it, is not for caches that serve everybody.
        """
        prefix = quote(pattern.removesuffix(f"{{{_BELOW}...}}"), safe="/!$&'()*+,;=:@")
        place = static, prefix
        if place not in self._files:
            self._files[place] = None
            self._files[place] = self._made(static, pattern, prefix, is_guarded=is_guarded)
        files = self._files[place]
        if files is None:
            return calls.for_response(Response(), name)
        return calls.for_handler(files.answer, f"{name} ({static})")

    def _made(self, static: Static, pattern: str, prefix: str, *, is_guarded: bool) -> StaticFiles:
        path = self._path_of(static)
        self._check(static, path)
        if path.is_file():
            if parameters_of(pattern):
                _refuse(f'"{pattern}" has a parameter, and {static} is a single file', "write a path without braces")
            folder, only = StaticFolder(path.parent), path.name
        else:
            folder, only = StaticFolder(path), ""
        path_of: Callable[[Request], str] = (lambda _: only) if only else _path_below
        return StaticFiles(
            folder, path_of, prefix="" if only else prefix, is_private=is_guarded, compresses=self._compresses
        )

    def _path_of(self, static: Static) -> Path:
        return self._folder / static.folder

    # --- mistakes -----------------------------------------------------------------------------------

    def _check(self, static: Static, path: Path) -> None:
        if not path.exists():
            _refuse(f"{static} names nothing that is there", self._meant(static, path))
        if not path.is_dir() and not path.is_file():
            _refuse(f"{static} is neither a folder nor a file", _OWN_FOLDER)
        if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
            _refuse(f"{static} can't be read", f"give whoever runs the site the right to read {path}")
        real = path.resolve()
        if path.is_file() and path.name.startswith("."):
            _refuse(f"{static} is hidden, and what is hidden is not served", "give it a name without a dot before it")
        secrets = {self._folder: "the site's own code", self._source: "the site's own code"}
        if self._templates is not None and self._templates.is_dir():
            secrets[self._templates] = "the templates"
        for secret, told in secrets.items():
            if secret is not None and secret.resolve().is_relative_to(real):
                _refuse(f"{static} would serve {told}, {secret.name or secret}", _OWN_FOLDER)
        if self._templates is not None and real.is_relative_to(self._templates.resolve()):
            _refuse(f"{static} is in the folder of templates", _OWN_FOLDER)

    def _meant(self, static: Static, path: Path) -> str:
        beside = sorted(each.name for each in path.parent.iterdir()) if path.parent.is_dir() else []
        if close := get_close_matches(path.name, beside, n=1):
            return f'did you mean "{(Path(static.folder).parent / close[0]).as_posix()}"?'
        return f"make the folder {path}"

    # --- URLs ---------------------------------------------------------------------------------------

    @property
    def _folders(self) -> list[StaticFiles]:
        return [files for files in self._files.values() if files is not None and files.prefix]

    def asset(self, name: str) -> str:
        """Return the URL of a file, with its hash: of the first folder in URLS that has it. Raises NoSuchURL."""
        for files in self._folders:
            url = files.asset(name)
            if url is not None:
                return url
        raise NoSuchURL(self._absence_of(name))

    def _absence_of(self, name: str) -> str:
        if not self._files:
            return f'there is no asset "{name}", as URLS has no Static; add "/static": Static("static")'
        known = [each for files in self._folders for each in _names_in(Path(files.folder.root))]
        ending = [each for each in known if name.endswith(f"/{each}")]  # "/static/app.css"
        close = ending or get_close_matches(name, known, n=1)
        where = " or ".join(files.folder.root for files in self._folders) or "URLS, which has no folder"
        return f'there is no asset "{name}"; ' + (f'did you mean "{close[0]}"?' if close else f"write it to {where}")

    @property
    def are_right(self) -> bool:
        """Whether no folder has a mistake, so that it makes sense to look for files in them."""
        return None not in self._files.values()

    def explained(self, static: Static, pattern: str, path: str) -> str:
        """Return what a path below a folder gets, in words."""
        prefix = quote(pattern.removesuffix(f"{{{_BELOW}...}}"), safe="/!$&'()*+,;=:@")
        files = self._files.get((static, prefix))
        return "" if files is None else files.explained(path)


def _path_below(request: Request) -> str:
    path = request.params.get(_BELOW, "")
    assert isinstance(path, str)
    return path


def _names_in(root: Path) -> Iterator[str]:
    """Yield the names of the files that are served, as `asset` takes them."""
    for count, (folder, inner, names) in enumerate(os.walk(root)):
        inner[:] = sorted(each for each in inner if not each.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield (Path(folder) / name).relative_to(root).as_posix()
        if count > _MOST_NAMES:
            return


def _refuse(message: str, hint: str) -> NoReturn:
    raise SetupError([Mistake(message=message, hint=hint)])
