"""The app: routes, views and pages joined to one handler, complete before the port opens.

In: `URLS` and the settings of a site. Out: for each request its call. Refuses a site with mistakes in it: SetupError
lists all of them. Independent of connections and bytes: those are the server's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fanlight.app.call_wrappers import wrapper_mistakes
from fanlight.app.calls import CallFactory
from fanlight.app.endpoints import Endpoints, unwrap
from fanlight.app.guests import Guests
from fanlight.app.lifespan import Lifespan
from fanlight.app.make_errors import error_maker
from fanlight.app.make_pages import TEMPLATES, folder_mistakes, make_pages
from fanlight.app.middleware import MiddlewareStack, bind_middleware, read_middleware
from fanlight.app.no_route import NoRouteResponses
from fanlight.app.observer import NO_OBSERVER, Observer
from fanlight.app.page_functions import page_functions, session_functions, url_functions
from fanlight.app.parts import Parts, contains_part
from fanlight.app.request_class import functions_in_parts, request_class_of
from fanlight.app.responses import ResponseFactory, StrictResponseFactory
from fanlight.app.site_description import check_hosts, read_description, urls_of_app
from fanlight.app.statics import StaticFolders
from fanlight.app.string_values import view_name_mistakes
from fanlight.binding.callables import Dependency, display_name
from fanlight.binding.dependencies import Dependencies
from fanlight.compression.compression_settings import DEFAULT_COMPRESSION, Compression, read_compression
from fanlight.errors import MisdirectedRequest, Mistake, SetupError
from fanlight.message import forked_child
from fanlight.message.app_state import State
from fanlight.message.handler import Call
from fanlight.message.hosts import Hosts
from fanlight.message.mount_path import MOUNT_PATH
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.type_provider import TypeProvider
from fanlight.pages.builtin_pages import style_hash
from fanlight.pages.pages import Pages
from fanlight.pages.static.static import Static
from fanlight.pages.templates import Templates
from fanlight.protection.security import DEFAULT_SECURITY, Security, read_security
from fanlight.routing.build import TableOfHost, build
from fanlight.routing.entries import Inherited
from fanlight.routing.reverse import name_of
from fanlight.routing.source import Source
from fanlight.routing.table import Table
from fanlight.services import Services
from fanlight.sessions.session_settings import DEFAULT_SESSIONS, Sessions, read_sessions
from fanlight.sessions.sign_in_page import SignInPage

if TYPE_CHECKING:
    from fanlight.app.host_calls import AppHosts
    from fanlight.compression.compressor import Compressor
    from fanlight.message.nested_table import NestedTable
    from fanlight.openapi.document import Document
    from fanlight.openapi.openapi_settings import OpenAPI


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
        urls: Mapping[str, object] | NestedTable | Hosts,
        *,
        errors: Mapping[Any, object] | None = None,
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
        mistakes = [Mistake(message=f"overrides replace {name}, but nothing depends on it") for name in unknown]
        if mistakes:
            raise SetupError(mistakes)
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
    def has_hosts(self) -> bool:
        """Whether the app serves the hosts of its `Hosts`, and refuses all others."""
        return self._hosts is not None

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
        self._hosts = self._read_hosts()
        self.request_class = request_class_of(self, self._request_functions())
        is_observed = self._observer is not None
        responses = StrictResponseFactory(self.pages) if is_observed else ResponseFactory(self.pages)
        sign_in = SignInPage(self.sessions)
        make_errors = error_maker(self._observer, dependencies, sign_in)
        errors = make_errors(self._errors, self.pages, responses, folder)
        self.parts = Parts(self.pages, responses, errors, make_errors)
        any_path = MiddlewareStack(bound, responses, errors, observer.middleware)
        # What is wrong with middleware is reported once, and not for each route.
        stack = any_path if mistakes else MiddlewareStack(middleware, responses, errors, observer.middleware)
        mistakes = wrapper_mistakes(self._wrap_calls, folder)
        wrappers = () if mistakes else self._wrap_calls
        calls = CallFactory(responses, errors, stack, wrappers, observer)
        endpoints = self._endpoints(calls, responses, dependencies, observer)
        table_mistakes = self._build_table(endpoints)
        mistakes = [*table_mistakes, *errors.mistakes, *middleware_mistakes, *mistakes]
        mistakes += [*registration_mistakes, *folder_mistakes(self._templates, self.pages.folder)]
        if not registration_mistakes:
            mistakes += self._template_mistakes(urls=not table_mistakes)
        mistakes += [*compression_mistakes, *self._security_mistakes, *self._session_mistakes]
        if not table_mistakes:
            mistakes += sign_in.find(self.url_for, self._has_page, self._has_page_on_host if self.has_hosts else None)
        try:
            self._lifespan = Lifespan(self._lifespan_function, self, folder)
        except SetupError as error:
            mistakes += error.mistakes
        self._dependencies |= dependencies.used
        self._guards_need_services = endpoints.guards_need_services
        if mistakes:
            raise SetupError(mistakes)
        outside = CallFactory(responses, errors, MiddlewareStack((), responses, errors), wrappers)
        self.misdirected = outside.for_handler(_misdirected, "a foreign host")
        self._choose_find(CallFactory(responses, errors, any_path, wrappers), endpoints)
        if self._description is not None:
            self._description.serve(lambda: self.describe().content)

    def _read_hosts(self) -> AppHosts | None:
        if not isinstance(self._urls, Hosts):
            return None
        from fanlight.app.host_calls import AppHosts  # noqa: PLC0415 - for an app with several hosts

        return AppHosts(self._urls, self.statics)

    def _request_functions(self) -> dict[str, object]:
        """Return the methods of requests that depend on their host, or on the part of the site that they are for."""
        if self._hosts is not None:
            return self._hosts.request_functions()
        return functions_in_parts(self) if contains_part(self._urls) else {}

    def _choose_find(self, without_route: CallFactory, endpoints: Endpoints) -> None:
        """Prepare `find`; what few apps need is another one, so that it costs the others nothing."""
        if self._hosts is None:
            cors = endpoints.cors_paths(self.table)
            # PERF: benchmarks/run.py; bound once, not looked up for every request
            self._find = self._guests.finder(self.table)
            self._call_without_route = NoRouteResponses(
                without_route, self.table, cors, in_parts=self.parts.in_table(self.table)
            ).call
        else:
            self._find_on_host = self._hosts.calls(
                without_route, self.misdirected, endpoints.cors_paths, self._guests.finder, self.parts.in_table
            ).find
            self.find = self._find_with_host  # type: ignore[method-assign]
        preflights = endpoints.mount_preflights(self.table.routes, without_route)
        if preflights is not None:
            find = partial(Application.find, self) if self._hosts is None else self._find_with_host
            self.find = preflights.finder(find)  # type: ignore[method-assign]

    def _endpoints(
        self, calls: CallFactory, responses: ResponseFactory, dependencies: Dependencies, observer: Observer
    ) -> Endpoints:
        parts = calls, self.pages, responses, dependencies, self.state, self.folder
        return Endpoints(
            *parts,
            statics=self.statics,
            guests=self._guests,
            parts=self.parts,
            observer=observer,
            security=self.security,
            sessions=self.sessions,
        )

    def _template_mistakes(self, *, urls: bool) -> list[Mistake]:
        return self.pages.check(assets=self.statics.are_valid, urls=urls)

    def _build_table(self, endpoints: Endpoints) -> list[Mistake]:
        source = None if self._source is None else Source(self._source)
        self._description, mistakes = read_description(self._openapi, self.folder, has_hosts=self.has_hosts)
        own_urls = urls_of_app(self.security.content_security_policy, self._description)

        def build_table(urls: object, host: TableOfHost | None = None) -> Table:
            return build(
                urls,
                source=source,
                host=host,
                own_urls=own_urls,
                path_types=endpoints.path_types,
                endpoint_of=endpoints.call if host is None else partial(endpoints.call, host=host.pattern),
                look=endpoints.look,
                unwrap=self._unwrap,
                name_of=_name_of,
            )

        try:
            self.table = (
                build_table(self._urls)
                if self._hosts is None
                else self._hosts.build(
                    build_table, source=source, unwrap=self._unwrap, is_local=self._observer is not None
                )
            )
        except SetupError as error:
            return [*error.mistakes, *mistakes]
        return mistakes if source is None else [*view_name_mistakes(self.table.routes, source.functions), *mistakes]

    def describe(self) -> Document:
        """Return the description of the site in OpenAPI, also if the site does not serve it.

        Raises SetupError for a site with several hosts.
        """
        from fanlight.openapi.document import describe  # noqa: PLC0415 - for sites that are described
        from fanlight.openapi.openapi_settings import OpenAPI  # noqa: PLC0415 - as above
        from fanlight.openapi.operations import DescribedSite  # noqa: PLC0415 - as above

        check_hosts(has_hosts=self.has_hosts)
        settings = OpenAPI(title=self.folder.name) if self._description is None else self._description.settings
        site = DescribedSite(
            routes=self.table.routes,
            middleware=self.app_middleware,
            state=self.state,
            folder=self.folder,
            error_view=self.parts.error_view,
            session_cookie=self.sessions.cookie,
            checks_cross_site=not self.security.cross_site,
        )
        return describe(site, settings)

    def _pages_with(self, dependencies: Dependencies, observer: Observer) -> tuple[Pages, list[Mistake]]:
        """Return the pages of this app, and what is wrong with what its templates are given."""
        by_request = isinstance(self._urls, Hosts) or contains_part(self._urls)
        urls = (self.tried_url_for, self.tried_asset) if by_request else (self.url_for, self.asset)
        names = {
            **url_functions(*urls, by_request=by_request),
            **page_functions(self._policy, self.asset, by_request=by_request),
            **session_functions(has_tokens=self.security.tokens),
        }
        choose = None if self._observer is None else observer.environment_class
        return make_pages(self._templates, self.folder, names, dependencies, choose)

    def _has_page(self, path: str) -> bool:
        return isinstance(self.table.find("GET", path), tuple)

    def _has_page_on_host(self, request: Request, path: str) -> bool:
        return isinstance(self.table.at(request.host).find("GET", path), tuple)

    def _unwrap(self, value: object) -> tuple[object, Inherited]:
        inner, inherited = unwrap(value)
        return self._guests.table_value(self.statics.table_value(inner)), inherited

    def url_for(self, view: object, /, **parameters: object) -> str:
        """Return the path of a view, or of a view's name; also a function in templates. Raises NoSuchURL.

        `query` (a dict) and `fragment` are added to the path, unless it has parameters of these names.
        """
        if self._hosts is not None:
            return self._hosts.any_url(view, parameters)
        return MOUNT_PATH.get() + self.table.url_for(view, **parameters)

    def tried_url_for(self, view: object, /, **parameters: object) -> str:
        """Return a URL that `request.url_for` may give, for calls that are checked at start. Raises NoSuchURL."""
        return (self.table if self._hosts is None else self._hosts).tried_url(view, parameters)

    def tried_asset(self, name: str) -> str:
        """Return the URL of a file that `request.asset` may give, as above."""
        return self.statics.tried_asset(name)

    def asset(self, name: str) -> str:
        """Return the URL of a file in a `Static` folder, which changes with its content; also a function in templates.

        If several folders have the file, the first in URLS is used. Raises NoSuchURL.
        """
        return MOUNT_PATH.get() + self.statics.asset(name) if self._hosts is None else self._hosts.any_asset(name)

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

    def _find_with_host(self, request: Request, /) -> Call:
        call, request.params = self._find_on_host(request)
        return call

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


def _misdirected(_: Request) -> Response:
    raise MisdirectedRequest("This site is not served at the host in this address.")


def _name_of(value: object) -> str:
    return Path(value.folder).as_posix() if isinstance(value, Static) else name_of(value)
