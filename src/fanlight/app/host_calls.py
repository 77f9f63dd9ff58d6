"""The requests of an app with several hosts: the call of each, and the URLs that its pages have.

In: a request, whose host is what the client or a trusted proxy says. Out: its call, with the values of the host among
its `params`; the URL of a view or a file, as a path on the same host, and complete on another. Refuses a host that is
none of the app's with 421 (RFC 9110 section 15.5.20), and logs it once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fanlight.app.calls import CallFactory
from fanlight.app.cors_paths import CorsPaths
from fanlight.app.error_handlers import ErrorHandlers
from fanlight.app.guests import Find
from fanlight.app.no_route import NoRouteResponses
from fanlight.app.responses import ResponseFactory
from fanlight.app.statics import StaticFolders
from fanlight.authority import split_authority
from fanlight.errors import NoSuchURL, UnfittingValue
from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.handler import Call
from fanlight.message.hosts import Hosts
from fanlight.message.location import percent_encode
from fanlight.message.mount_path import MOUNT_PATH
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.routing.entries import Unwrap
from fanlight.routing.host_table import BuildTable, FoundHost, HostSite, HostsReader, HostTable
from fanlight.routing.prefixes import Prefixes
from fanlight.routing.route import NoMatch
from fanlight.routing.source import Source
from fanlight.routing.table import Table

MAX_LOGGED = 16  # foreign hosts: scanners send any
MAX_SHOWN = 260
_PORT = lazy_pattern(r"[0-9]{1,5}")

InParts = Callable[[Table], Sequence[tuple[Prefixes, tuple[ResponseFactory, ErrorHandlers]]]]

log = logging.getLogger("fanlight.app")


class AppHosts:
    """The hosts of an app; its functions take the request on whose page a URL will be."""

    def __init__(self, hosts: Hosts, statics: StaticFolders) -> None:
        self._hosts, self._statics = hosts, statics
        self._table = HostTable(())

    def build(self, build_table: BuildTable, *, source: Source | None, unwrap: Unwrap, is_local: bool) -> HostTable:
        """Return the table of all hosts. Raises SetupError with every mistake in them, and in their tables."""
        table = HostsReader(build_table, unwrap, _redirect_of).read(self._hosts.tables, source)
        self._table = table.below_localhost() if is_local else table
        return self._table

    def calls(
        self,
        without_route: CallFactory,
        misdirected: Call,
        cors_paths: Callable[[Table], CorsPaths | None],
        finder: Callable[[Table], Find],
        in_parts: InParts,
    ) -> HostCalls:
        """Return what finds the call of each request."""
        return HostCalls(self._table, without_route, misdirected, cors_paths, finder, in_parts)

    def request_functions(self) -> dict[str, object]:
        """Return the methods of this app's requests that depend on their host."""

        def url_for(request: Request, view: object, /, **parameters: object) -> str:
            return self.url_for(request, view, **parameters)

        def asset(request: Request, name: str) -> str:
            return self.asset(request, name)

        return {"url_for": url_for, "asset": asset}  # functions: a method would not be bound to the request

    def url_for(self, request: Request, view: object, /, **parameters: object) -> str:
        """Return the path of a view of the request's host, or the complete URL of one of another host.

        A view of the same host has the same values in the host, unless `parameters` name others. Raises NoSuchURL.
        """
        found = self._table.host_of(request.host)
        if found is not None:
            try:
                table = found.site.table
                mount = table.mount_for(request.method, request.raw_path)
                return MOUNT_PATH.get() + table.url_in(mount, view, parameters)
            except UnfittingValue:
                raise
            except NoSuchURL:
                pass  # it is a view of another host, or this host with other values
        return _seen_from(request, found, self.any_url(view, parameters))

    def tried_url(self, view: object, parameters: Mapping[str, object]) -> str:
        """Return a URL that `url_for` gives on one of the hosts, for checks at start. Raises NoSuchURL."""
        for site in self._table.sites:
            try:
                return site.table.tried_url(view, parameters)
            except UnfittingValue:
                raise
            except NoSuchURL:
                pass  # maybe of another host
        return self.any_url(view, parameters)

    def any_url(self, view: object, parameters: Mapping[str, object]) -> str:
        """Return the URL of a view without its scheme, "//example.org/path". Raises NoSuchURL."""
        host, slash, path = self._table.url_for(view, **parameters)[2:].partition("/")
        return f"//{host}{MOUNT_PATH.get()}{slash}{path}"

    def asset(self, request: Request, name: str, /) -> str:
        """Return the URL of a file: of the request's host if one of its folders has it. Raises NoSuchURL."""
        found = self._table.host_of(request.host)
        if found is None:
            return _seen_from(request, found, self.any_asset(name))
        mount = found.site.table.mount_for(request.method, request.raw_path)
        own = self._statics.asset_of(name, str(found.site.pattern), "" if mount is None else mount.name)
        return MOUNT_PATH.get() + own if own is not None else _seen_from(request, found, self.any_asset(name))

    def any_asset(self, name: str, /) -> str:
        """Return the URL of a file without its scheme, "//example.org/static/app.css", of the first host that has it.

        Raises NoSuchURL.
        """
        for site in self._table.sites:
            if not site.pattern.parameters and (path := self._statics.asset_of(name, str(site.pattern))) is not None:
                return f"//{site.pattern}{MOUNT_PATH.get()}{path}"
        return MOUNT_PATH.get() + self._statics.asset(
            name
        )  # of a host with parameters: a path, for its own pages; or none


def _seen_from(request: Request, found: FoundHost | None, url: str) -> str:
    """Return a URL with a host, "//example.org/path", as a path if that is the request's host, else complete."""
    if not url.startswith("//"):
        return url
    host, slash, rest = url[2:].partition("/")
    if found is None:
        return f"{request.scheme}://{host}{slash}{rest}"
    if host == found.name:
        return f"{slash}{rest}"
    port = split_authority(request.host)[1]
    written = f":{port}" if _PORT.fullmatch(port) else ""
    return f"{request.scheme}://{host}{found.suffix}{written}{slash}{rest}"


class HostCalls:
    """The call of each request."""

    def __init__(
        self,
        table: HostTable,
        calls: CallFactory,
        misdirected: Call,
        cors_paths: Callable[[Table], CorsPaths | None],
        finder: Callable[[Table], Find],
        in_parts: InParts,
    ) -> None:
        """Prepare; `calls` makes those that no route has, and `finder` returns what finds the routes of a table."""
        self._table, self._misdirected = table, misdirected
        self._redirects: dict[HostSite, Call] = {}
        self._finds = {site: finder(site.table) for site in table.sites if site.redirect is None}
        self._without_route: dict[HostSite, Callable[[NoMatch, Request], Call]] = {}
        for site in table.sites:
            if isinstance(site.redirect, HostRedirect):
                self._redirects[site] = calls.for_handler(site.redirect.respond, f"the host {site.pattern}")
            else:
                self._without_route[site] = NoRouteResponses(
                    calls, site.table, cors_paths(site.table), in_parts=in_parts(site.table)
                ).call
        self._logged: set[str] = set()

    def find(self, request: Request) -> tuple[Call, dict[str, object]]:
        """Return the call for a request, and its parameters."""
        head = request.head
        host = self._table.host_of(head.authority)
        if host is None:
            return self._refused(head.authority), {}
        site = host.site
        elsewhere = self._redirects.get(site)
        if elsewhere is not None:
            return elsewhere, {}
        found = self._finds[site](head.method, head.path)
        if isinstance(found, NoMatch):
            return self._without_route[site](found, request), {}
        route, parameters = found
        call: Any = route.endpoint  # made by Endpoints.call
        return call, {**host.parameters, **parameters} if host.parameters else parameters

    def _refused(self, host: str) -> Call:
        if host not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add(host)
            log.warning("a request for the host %r was refused, which is none of Hosts (logged once)", host[:MAX_SHOWN])
        return self._misdirected


class HostRedirect:
    """What redirects a host; a target that is a host alone gets path and query of each request."""

    def __init__(self, response: Response) -> None:
        self._response, self._target = response, response.headers["location"]
        _, has_scheme, host = self._target.partition("://")
        self._is_host = bool(has_scheme) and not set("/?#").intersection(host)

    def respond(self, request: Request) -> Response:
        """Return the redirect of a request."""
        if not self._is_host:
            return self._response.copy()
        head = request.head
        path = head.path if head.path.startswith("/") else "/"  # "*" of OPTIONS
        query = f"?{head.query}" if head.query else ""
        made = redirect(percent_encode(f"{self._target}{path}{query}"), self._response.status)
        for name, value in self._response.headers.pairs():
            made.headers.setdefault(name, value)
        return made

    def __str__(self) -> str:
        return f"{self._response.status} to {self._target}"


def _redirect_of(value: object) -> HostRedirect | None:
    """Return what a value of `Hosts` is for all requests to the host, None for a table."""
    is_redirect = isinstance(value, Response) and 300 <= value.status < 400 and "location" in value.headers
    return HostRedirect(value) if is_redirect and isinstance(value, Response) else None
