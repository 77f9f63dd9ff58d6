"""The app: URLS, views and pages joined to one handler, whole before the port opens.

In: the table and the settings of a site. Out: for each request its call. Refuses a site with
mistakes in it: SetupError holds all of them. Knows nothing of connections, lanes at work, or bytes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from fanlight.app.calls import CallFactory
from fanlight.app.endpoints import Endpoints, unwrap
from fanlight.app.error_handlers import ErrorHandlers
from fanlight.app.lifespan import Lifespan
from fanlight.app.middleware import MiddlewareStack, read_middleware
from fanlight.app.no_route import NoRouteResponses
from fanlight.app.responses import ResponseFactory
from fanlight.app.statics import StaticFolders
from fanlight.binding.annotations import Dependency
from fanlight.binding.callables import display_name
from fanlight.binding.dependencies import Dependencies
from fanlight.compression.compressor import Compressor
from fanlight.compression.options import DEFAULT_COMPRESSION, Compression, read_compression
from fanlight.errors import Mistake, SetupError
from fanlight.message import forked_child
from fanlight.message.app_state import State
from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.pages.pages import Pages
from fanlight.pages.static.static import Static
from fanlight.routing.build import build
from fanlight.routing.names import name_of
from fanlight.routing.source import Source
from fanlight.routing.table import Table

TEMPLATES = "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What an app is made of."""

    urls: Mapping[str, object]
    errors: Mapping[int, object] | None
    templates: str | Path | None
    middleware: Sequence[Callable[..., object]]
    lifespan: Callable[..., object] | None
    source: Path | None
    compression: object


class Application:
    """A site, ready to be served; it is what the server calls a handler.

    Templates are looked for in `folder`; `source` is the file in which URLS is written, where there
    is one, so that mistakes can be told with their lines. `table` holds the routes, `pages` the
    templates and error pages, `encoding` what compresses answers (None: nothing does); `state` is the
    app's own place for what its lifespan opens.
    """

    table: Table

    def __init__(  # noqa: PLR0913 - each is a part of a site, and given by its name
        self,
        urls: Mapping[str, object],
        *,
        errors: Mapping[int, object] | None = None,
        templates: str | Path | None = TEMPLATES,
        middleware: Sequence[Callable[..., object]] = (),
        lifespan: Callable[..., object] | None = None,
        compression: Compression | None = DEFAULT_COMPRESSION,
        folder: Path,
        source: Path | None = None,
    ) -> None:
        """Build it all. Raises SetupError with every mistake in the table, the views and the templates."""
        self.folder = folder
        self.state = State()
        self._parts = _Parts(
            urls=urls,
            errors=errors,
            templates=templates,
            middleware=middleware,
            lifespan=lifespan,
            source=source,
            compression=compression,
        )
        self._dependencies: frozenset[Dependency] = frozenset()
        self._join({})

    def overridden(self, overrides: Mapping[Callable[..., object], Callable[..., object]]) -> Self:
        """Return an app like this one in which other functions stand for dependencies: what tests want.

        It shares the state of this one. Raises SetupError for a dependency that no view has, and for
        mistakes in what stands for it.
        """
        unknown = [display_name(each) for each in overrides if each not in self._dependencies]
        if unknown:
            raise SetupError(
                [Mistake(message=f"overrides replace {each}, but no view depends on it") for each in unknown]
            )
        other = copy.copy(self)
        other._join(overrides)  # noqa: SLF001 - another of its kind
        return other

    def _join(self, overrides: Mapping[Dependency, Dependency]) -> None:
        parts, folder = self._parts, self.folder
        templates = parts.templates
        self.pages = Pages(
            folder / templates if templates is not None else None, {"url_for": self.url_for, "asset": self.asset}
        )
        self.statics = StaticFolders(folder, parts.source, self.pages.folder, compresses=parts.compression is not None)
        # A class of its own for each app: so a request knows the way back, and pays nothing for it.
        ways = {"reverse": staticmethod(self.url_for), "assets": staticmethod(self.asset)}
        self.request_class = type("Request", (Request,), {"__slots__": (), **ways})
        results = ResponseFactory(self.pages)
        failures = ErrorHandlers(parts.errors, self.pages, results, folder)
        steps, step_mistakes = read_middleware(parts.middleware, folder)
        calls = CallFactory(results, failures, MiddlewareStack(steps, results, failures))
        dependencies = Dependencies(overrides, self.state, folder)
        endpoints = Endpoints(calls, self.pages, results, dependencies, self.state, folder, statics=self.statics)
        mistakes = self._build(parts.urls, endpoints, parts.source)
        compression, compression_mistakes = read_compression(parts.compression)
        self.encoding = None if compression is None else Compressor(compression)
        mistakes += [*failures.mistakes, *step_mistakes, *self._templates_mistakes(templates), *compression_mistakes]
        try:
            self._lifespan = Lifespan(parts.lifespan, self, folder)
        except SetupError as error:
            mistakes += error.mistakes
        self._dependencies |= dependencies.asked
        if mistakes:
            raise SetupError(mistakes)
        self._misses = NoRouteResponses(calls, self.table)
        # PERF: benchmarks/run.py; bound once, not looked up for every request
        self._find, self._miss = self.table.find, self._misses.call

    def _build(self, urls: Mapping[str, object], endpoints: Endpoints, source: Path | None) -> list[Mistake]:
        try:
            self.table = build(
                urls,
                source=None if source is None else Source(source),
                hints=endpoints.hints,
                endpoint_of=endpoints.call,
                unwrap=self._unwrap,
                label=_label,
            )
        except SetupError as error:
            return list(error.mistakes)
        return []

    def _templates_mistakes(self, templates: str | Path | None) -> list[Mistake]:
        folder = self.pages.folder
        if folder is not None and str(templates) != TEMPLATES and not folder.is_dir():
            hint = f"make the folder {folder}"
            return [Mistake(message=f'templates="{templates}" names no folder', hint=hint)]
        return self.pages.check(assets=self.statics.are_right)

    def _unwrap(self, value: object) -> tuple[object, tuple[object, ...]]:
        inner, middleware = unwrap(value)
        return self.statics.opened(inner), middleware

    def url_for(self, view: object, /, **parameters: object) -> str:
        """Return the path of a view, or of its name: templates know this function. Raises NoSuchURL."""
        return self.table.url_for(view, **parameters)

    def asset(self, name: str) -> str:
        """Return the URL of a file of a `Static` folder, which changes with its content: templates know this, too.

        Of several folders, the first in URLS that has the file is taken. Raises NoSuchURL.
        """
        return self.statics.asset(name)

    # --- what the server asks ---------------------------------------------------------------------

    def find(self, request: Request, /) -> Call:
        """Return the call for a request, and set its `params`."""
        head = request.head
        found = self._find(head.method, head.path)
        if found.__class__ is tuple:
            route, request.params = found  # PERF: benchmarks/run.py; isinstance() would be a call
            return route.endpoint  # type: ignore[return-value]  # made by Endpoints.call
        request.params = {}
        return self._miss(found, head.method)  # type: ignore[arg-type]  # a Miss: there is nothing else

    async def start(self) -> None:
        """Run the lifespan up to its yield."""
        try:
            await self._lifespan.start()
        finally:
            forked_child.exit_if_forked()  # a child that the lifespan has forked is no second server

    async def stop(self) -> None:
        """Run the rest of the lifespan."""
        await self._lifespan.stop()


def _label(value: object) -> str:
    return Path(value.folder).as_posix() if isinstance(value, Static) else name_of(value)
