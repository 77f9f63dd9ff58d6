"""The app: routes, views and pages joined to one handler, complete before the port opens.

In: `URLS` and the settings of a site. Out: for each request its call. Refuses a site with mistakes in it: SetupError
lists all of them. Independent of connections and bytes: those are the server's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fanlight.app.call_wrappers import wrapper_mistakes
from fanlight.app.calls import CallFactory
from fanlight.app.context_pages import ContextPages
from fanlight.app.endpoints import Endpoints, unwrap
from fanlight.app.error_handlers import ErrorHandlers
from fanlight.app.guests import Guests
from fanlight.app.lifespan import Lifespan
from fanlight.app.middleware import MiddlewareStack, bind_middleware, read_middleware
from fanlight.app.no_route import NoRouteResponses
from fanlight.app.observer import NO_OBSERVER, Observer
from fanlight.app.page_functions import form_token_name, page_functions, session_functions
from fanlight.app.responses import ResponseFactory, StrictResponseFactory
from fanlight.app.statics import StaticFolders
from fanlight.app.string_values import view_name_mistakes
from fanlight.binding.callables import Dependency, display_name
from fanlight.binding.dependencies import Dependencies
from fanlight.binding.dependency_plan import DependencyPlan
from fanlight.compression.compression_settings import DEFAULT_COMPRESSION, Compression, read_compression
from fanlight.errors import MisdirectedRequest, Mistake, SetupError
from fanlight.message import forked_child
from fanlight.message.app_state import State
from fanlight.message.handler import Call
from fanlight.message.mount_path import MOUNT_PATH
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.type_provider import TypeProvider
from fanlight.pages.builtin_pages import style_hash
from fanlight.pages.pages import Pages
from fanlight.pages.static.static import Static
from fanlight.pages.templates import Templates, read_templates
from fanlight.protection.security import DEFAULT_SECURITY, Security, read_security
from fanlight.routing.build import build
from fanlight.routing.entries import Inherited
from fanlight.routing.reverse import name_of
from fanlight.routing.source import Source
from fanlight.routing.table import Table
from fanlight.services import Services
from fanlight.sessions.session_settings import DEFAULT_SESSIONS, Sessions, read_sessions
from fanlight.sessions.sign_in_page import SignInPage

if TYPE_CHECKING:
    from fanlight.compression.compressor import Compressor
    from fanlight.openapi.document import Document
    from fanlight.openapi.openapi_routes import OpenAPIRoutes
    from fanlight.openapi.openapi_settings import OpenAPI

TEMPLATES = "templates"


class Application:
    """A site, ready to be served: a `Handler` for the server.

    Templates and static files are found relative to `folder`; `source` is the file in which `URLS` is written, if there
    is one, so that mistakes are reported with their lines. `table` holds the routes, `pages` the templates and error
    pages, `encoder` compresses responses (None: nothing does); `state` holds what the lifespan opens; `default_fields`
    are on every response that does not set them itself.
    """

    table: Table

    def __init__(  # noqa: PLR0913 - each is a part of a site, and given by its name
        self,
        urls: Mapping[str, object],
        *,
        errors: Mapping[int, object] | None = None,
        templates: str | Path | Templates | None = TEMPLATES,
        middleware: Sequence[Callable[..., object]] = (),
        wrap_calls: Sequence[Callable[..., Any]] = (),
        lifespan: Callable[..., object] | None = None,
        compression: Compression | None = DEFAULT_COMPRESSION,
        security: Security = DEFAULT_SECURITY,
        openapi: str | OpenAPI | None = None,
        sessions: Sessions = DEFAULT_SESSIONS,
        folder: Path,
        source: Path | None = None,
    ) -> None:
        """Build it all. Raises SetupError with every mistake in the table, the views and the templates."""
        self.folder = folder
        self.state = State()
        self.services = Services()
        self._urls, self._errors, self._templates, self._source = urls, errors, templates, source
        self._middleware, self._wrap_calls = middleware, wrap_calls
        self.sessions, self._session_mistakes = read_sessions(sessions)
        self.security, self._security_mistakes = read_security(security)
        styles = () if self.security.content_security_policy is None else (style_hash(),)
        self._policy = self.security.policy_texts(own_styles=styles)
        self.default_fields = self.security.default_fields(self._policy)
        self._lifespan_function, self._compression, self._openapi = lifespan, compression, openapi
        self._dependencies: frozenset[Dependency] = frozenset()
        self._guests = Guests()
        self._observer: Observer | None = None
        self._build({})

    def overridden(self, overrides: Mapping[Callable[..., object], Callable[..., object]]) -> Self:
        """Return an app like this one in which dependencies are replaced by other functions, for tests.

        It shares the state of this one. Raises SetupError for a dependency that nothing has, and for mistakes in the
        functions that replace them.
        """
        unknown = [display_name(each) for each in overrides if each not in self._dependencies]
        if unknown:
            raise SetupError(
                [Mistake(message=f"overrides replace {name}, but nothing depends on it") for name in unknown]
            )
        other = copy.copy(self)
        other._build(overrides)  # noqa: SLF001 - of the same class
        return other

    @property
    def compression(self) -> Compression | None:
        """How responses are compressed; None: not at all."""
        return self._compression

    @property
    def is_foreign(self) -> bool:
        """Whether it is another framework's app, and nothing else."""
        return self._guests.only_one(self.table) is not None

    @property
    def app_middleware(self) -> tuple[Callable[..., object], ...]:
        """The middleware of the whole app, outermost first."""
        return tuple(self._middleware)

    @property
    def needs_services(self) -> bool:
        """Whether a store and keys are used by a view, by what it depends on, by a guard or by a template."""
        used = (each for each in self._dependencies if isinstance(each, TypeProvider))
        return self._guards_need_services or self.pages.needs_services or any(each.needs_services for each in used)

    def observed(self, observer: Observer) -> Self:
        """Return an app like this one that an observer watches, for development. It shares the state of this one."""
        other = copy.copy(self)
        other._observer = observer  # noqa: SLF001 - of the same class
        other._build({})  # noqa: SLF001 - as above
        return other

    def _build(self, overrides: Mapping[Dependency, Dependency]) -> None:
        folder, observer = self.folder, self._observer or NO_OBSERVER
        dependencies = Dependencies(overrides, self.state, folder, observer.dependency)
        middleware, middleware_mistakes = read_middleware(self._middleware, folder)
        bound, mistakes = bind_middleware(middleware, dependencies, None)
        middleware_mistakes += mistakes
        for each in bound:
            if each.injection is not None:
                dependencies.lend(each.injection.plan)
        self.pages, registration_mistakes = self._pages_with(dependencies, observer)
        if self.pages.needs_services:  # a page that shows messages must not wait for an import
            import fanlight.sessions.flash  # noqa: F401, PLC0415
        compression, compression_mistakes = read_compression(self._compression)
        self.encoder = None if compression is None else _compressor(compression)
        compresses = self._compression is not None and self._observer is None  # an observer may change a page
        self.statics = StaticFolders(folder, self._source, self.pages.folder, compresses=compresses)
        self.request_class = self._make_request_class()
        is_observed = self._observer is not None
        responses = StrictResponseFactory(self.pages) if is_observed else ResponseFactory(self.pages)
        sign_in = SignInPage(self.sessions)
        parts = self._errors, self.pages, responses, dependencies, folder, sign_in
        errors = _observed_errors(observer, *parts) if is_observed else ErrorHandlers(*parts)
        any_path = MiddlewareStack(bound, responses, errors, observer.middleware)
        # What is wrong with middleware is reported once, and not for each route.
        stack = any_path if mistakes else MiddlewareStack(middleware, responses, errors, observer.middleware)
        mistakes = wrapper_mistakes(self._wrap_calls, folder)
        wrappers = () if mistakes else self._wrap_calls
        calls = CallFactory(responses, errors, stack, wrappers, observer)
        endpoints = self._endpoints(calls, responses, dependencies, observer)
        table_mistakes = self._build_table(endpoints)
        mistakes = [*table_mistakes, *errors.mistakes, *middleware_mistakes, *mistakes]
        mistakes += [*registration_mistakes, *self._folder_mistakes()]
        if not registration_mistakes:
            mistakes += self._template_mistakes(urls=not table_mistakes)
        mistakes += [*compression_mistakes, *self._security_mistakes, *self._session_mistakes]
        if not table_mistakes:
            mistakes += sign_in.find(self.url_for, self._has_page)
        try:
            self._lifespan = Lifespan(self._lifespan_function, self, folder)
        except SetupError as error:
            mistakes += error.mistakes
        self._dependencies |= dependencies.used
        self._guards_need_services = endpoints.guards_need_services
        if mistakes:
            raise SetupError(mistakes)
        cors = endpoints.cors_paths(self.table)
        no_route = NoRouteResponses(CallFactory(responses, errors, any_path, wrappers), self.table, cors)
        outside = CallFactory(responses, errors, MiddlewareStack((), responses, errors), wrappers)
        self.misdirected = outside.for_handler(_misdirected, "a foreign host")
        # PERF: benchmarks/run.py; bound once, not looked up for every request
        self._find, self._call_without_route = self._guests.finder(self.table), no_route.call
        if self._description is not None:
            self._description.serve(lambda: self.describe().content)

    def _endpoints(
        self, calls: CallFactory, responses: ResponseFactory, dependencies: Dependencies, observer: Observer
    ) -> Endpoints:
        parts = calls, self.pages, responses, dependencies, self.state, self.folder
        return Endpoints(
            *parts,
            statics=self.statics,
            guests=self._guests,
            observer=observer,
            security=self.security,
            sessions=self.sessions,
        )

    def _make_request_class(self) -> type[Request]:
        """Return the class of this app's requests, by which they reach the app: it costs nothing per request."""
        attributes = {
            "__slots__": (),
            "reverse": staticmethod(self.url_for),
            "assets": staticmethod(self.asset),
            "services": self.services,
            "sessions": self.sessions,
            "_form_token_name": form_token_name(has_tokens=self.security.tokens),
        }
        return type("Request", (Request,), attributes)

    def _template_mistakes(self, *, urls: bool) -> list[Mistake]:
        return self.pages.check(assets=self.statics.are_valid, urls=urls)

    def _build_table(self, endpoints: Endpoints) -> list[Mistake]:
        source = None if self._source is None else Source(self._source)
        self._description, mistakes = self._read_description()
        try:
            self.table = build(
                self._urls,
                source=source,
                own_urls={**self._report_urls(), **({} if self._description is None else self._description.urls)},
                path_types=endpoints.path_types,
                endpoint_of=endpoints.call,
                look=endpoints.look,
                unwrap=self._unwrap,
                name_of=_name_of,
            )
        except SetupError as error:
            return [*error.mistakes, *mistakes]
        return mistakes if source is None else [*view_name_mistakes(self.table.routes, source.functions), *mistakes]

    def _report_urls(self) -> dict[str, object]:
        """Return the address to which browsers send reports of the Content-Security-Policy, if it has one."""
        policy = self.security.content_security_policy
        if policy is None or not policy.reports:
            return {}
        from fanlight.protection.policy_reports import PolicyReports  # noqa: PLC0415 - for a site with such an address

        return {f"POST {policy.reports}": PolicyReports().view()}

    def _read_description(self) -> tuple[OpenAPIRoutes | None, list[Mistake]]:
        """Return what serves the description of this app, None without one, and what is wrong with its settings."""
        if self._openapi is None:
            return None, []
        from fanlight.openapi.openapi_routes import read_routes  # noqa: PLC0415 - for sites that are described

        return read_routes(self._openapi, self.folder)

    def describe(self) -> Document:
        """Return the description of the site in OpenAPI, also if the site does not serve it."""
        from fanlight.openapi.document import describe  # noqa: PLC0415 - as above
        from fanlight.openapi.openapi_settings import OpenAPI  # noqa: PLC0415 - as above
        from fanlight.openapi.operations import DescribedSite  # noqa: PLC0415 - as above

        settings = OpenAPI(title=self.folder.name) if self._description is None else self._description.settings
        site = DescribedSite(
            routes=self.table.routes,
            middleware=self.app_middleware,
            state=self.state,
            folder=self.folder,
            session_cookie=self.sessions.cookie,
            checks_cross_site=not self.security.cross_site,
        )
        return describe(site, settings)

    def _pages_with(self, dependencies: Dependencies, observer: Observer) -> tuple[Pages, list[Mistake]]:
        """Return the pages of this app, and what is wrong with what its templates are given."""
        names = {
            "url_for": self.url_for,
            "asset": self.asset,
            **page_functions(self._policy, self.asset),
            **session_functions(has_tokens=self.security.tokens),
        }
        if self._templates is None:
            return Pages(None, names), []
        templates, mistakes = read_templates(self._templates)
        plans: Mapping[str, DependencyPlan] = {}
        try:
            plans = dependencies.of_context(templates.context)
        except SetupError as error:
            mistakes += error.mistakes
        choose = None if self._observer is None else observer.environment_class
        parts = self.folder / templates.folder, names, templates, choose
        return ContextPages(plans, *parts) if plans else Pages(*parts), mistakes

    def _has_page(self, path: str) -> bool:
        return isinstance(self.table.find("GET", path), tuple)

    def _folder_mistakes(self) -> list[Mistake]:
        folder, given = self.pages.folder, self._templates
        name = given.folder if isinstance(given, Templates) else given
        if folder is None or str(given) == TEMPLATES or folder.is_dir() or not isinstance(name, str | Path):
            return []
        return [Mistake(message=f'templates="{name}" names no folder', hint=f"create the folder {folder}")]

    def _unwrap(self, value: object) -> tuple[object, Inherited]:
        inner, inherited = unwrap(value)
        return self._guests.table_value(self.statics.table_value(inner)), inherited

    def url_for(self, view: object, /, **parameters: object) -> str:
        """Return the path of a view, or of a view's name; also a function in templates. Raises NoSuchURL.

        `query` (a dict) and `fragment` are added to the path, unless it has parameters of these names.
        """
        return MOUNT_PATH.get() + self.table.url_for(view, **parameters)

    def asset(self, name: str) -> str:
        """Return the URL of a file in a `Static` folder, which changes with its content; also a function in templates.

        If several folders have the file, the first in URLS is used. Raises NoSuchURL.
        """
        return MOUNT_PATH.get() + self.statics.asset(name)

    def has_error_page(self, status: int) -> bool:
        """Return whether the site has a page of its own for an error."""
        return status in (self._errors or ()) or self.pages.has(f"error/error{status}.html")

    # --- called by the server -----------------------------------------------------------------------

    def find(self, request: Request, /) -> Call:
        """Return the call for a request, and set its `params`."""
        head = request.head
        found = self._find(head.method, head.path)
        if found.__class__ is tuple:
            route, request.params = found  # PERF: benchmarks/run.py; isinstance() would be a call
            return route.endpoint  # type: ignore[return-value]  # made by Endpoints.call
        request.params = {}
        return self._call_without_route(found, request)  # type: ignore[arg-type]  # a NoMatch: not a tuple

    async def start(self) -> None:
        """Run the lifespan up to its yield, then those of other frameworks' apps."""
        try:
            await self._lifespan.start()
            await self._guests.start()
        finally:
            forked_child.exit_if_forked()  # a child that the lifespan has forked must not serve as well

    async def stop(self) -> None:
        """Run the rest of the lifespans, of the app's own at last."""
        try:
            await self._guests.stop()
        finally:
            await self._lifespan.stop()


def _compressor(compression: Compression) -> Compressor:
    from fanlight.compression.compressor import Compressor  # noqa: PLC0415 - for an app that compresses

    return Compressor(compression)


def _observed_errors(observer: Observer, *parts: Any) -> ErrorHandlers:
    from fanlight.app.observed_errors import ObservedErrorHandlers  # noqa: PLC0415 - for development

    return ObservedErrorHandlers(observer, *parts)


def _misdirected(_: Request) -> Response:
    raise MisdirectedRequest("This site is not served at the host in this address.")


def _name_of(value: object) -> str:
    return Path(value.folder).as_posix() if isinstance(value, Static) else name_of(value)
