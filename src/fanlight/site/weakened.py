"""What a site has weakened, each with the line where it is written.

In: a loaded app, and how much content the server accepts. Out: its weaknesses. A setting that does not know its line,
`Security(frame=None)`, is looked for in the files of the site: the line of `frame=` in a call of `Security`, if there
is only one. No code is run.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from fanlight.app.application import Application
from fanlight.app.weak_settings import weak_routes
from fanlight.site.source_check import site_modules
from fanlight.syntax_tree import parse_file
from fanlight.weakness import Weakness

_SETTING = re.compile(r"(\w+)\((\w+)=")


def weakened(app: Application, content_bytes: int) -> list[Weakness]:
    """Return what a site has weakened; `content_bytes` is the server's limit of content."""
    lines = _Lines(app.folder)
    # Once each: a view may have several routes.
    found = dict.fromkeys((*weak_routes(app.table.routes, app.folder, content_bytes), *_weak_parts(app)))
    return [each if each.place else replace(each, place=lines.of(each.setting)) for each in found]


def _weak_parts(app: Application) -> Iterator[Weakness]:
    """Yield what is weakened by the settings of the app as a whole; another framework's app has its own."""
    if app.is_foreign:
        return
    if app.security.content_security_policy is None and app.pages.names():
        yield Weakness(
            setting="there is no Content-Security-Policy",
            risk="a script that was smuggled into a page runs",
            advice="App(URLS, security=Security(content_security_policy=ContentSecurityPolicy()))",
        )
    yield from app.security.weaknesses()
    yield from app.sessions.weaknesses()
    if (sign_in := app.sessions.sign_in) is not None:
        path = sign_in if isinstance(sign_in, str) else app.url_for(sign_in)
        path = path if isinstance(sign_in, str) or not app.has_hosts else "/" + path[2:].partition("/")[2]
        if not isinstance(app.table.find("POST", path), tuple):
            yield Weakness(
                setting=f'nothing is posted to the sign-in page, "{path}"',
                risk="if another view verifies passwords, they can be tried without a limit",
                advice='if there is one: @rate_limit("10/minute") above it, or the path of the page for it',
            )
    if app.compression is not None:
        yield from app.compression.weaknesses()


class _Lines:
    """The lines of the arguments in the files of a site, which are parsed when the first is looked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], list[str]] | None = None  # by function and argument

    def of(self, setting: str) -> str:
        """Return "main.py:12" for `Security(frame=None)`, "" if it is not there once."""
        written = _SETTING.match(setting)
        if written is None:
            return ""
        if self._known is None:
            self._known = {}
            for function, argument, place in self._arguments():
                self._known.setdefault((function, argument), []).append(place)
        found = self._known.get((written[1], written[2]), [])
        return found[0] if len(found) == 1 else ""

    def _arguments(self) -> Iterator[tuple[str, str, str]]:
        for module in site_modules(sys.modules, self._folder):
            path = Path(str(module.__file__))
            for call in ast.walk(parse_file(path)):
                if isinstance(call, ast.Call):
                    function = ast.unparse(call.func).rpartition(".")[2]
                    for each in call.keywords:
                        if each.arg is not None:
                            yield function, each.arg, f"{path.relative_to(self._folder).as_posix()}:{each.lineno}"
