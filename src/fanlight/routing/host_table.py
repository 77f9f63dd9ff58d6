"""The table of an app with several hosts: from the authority of a request to the table of its host.

In: the tables of `Hosts`, and functions of the app that know its values. Out: a `HostTable`; for an authority a
`FoundHost`, or None. Refuses what is wrong with the hosts, and with the table of each: SetupError lists all of it.

In development, where browsers lead every name below "localhost" to this machine, "example.org.localhost" is
"example.org", and "localhost" alone is the first host without a parameter.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from fanlight.errors import Mistake, SetupError
from fanlight.routing.build import TableOfHost
from fanlight.routing.entries import Unwrap
from fanlight.routing.explain import NearRoute
from fanlight.routing.host_pattern import HostPattern, find_host_conflicts, host_name, parse_host
from fanlight.routing.pattern import refuse
from fanlight.routing.reverse import Reverse
from fanlight.routing.route import NOT_FOUND, NoMatch, Route
from fanlight.routing.source import Literal, Source
from fanlight.routing.table import Table

MAX_KNOWN = 1024  # authorities of requests, each with its host
LOCALHOST = "localhost"
LOCAL = (LOCALHOST, "127.0.0.1", "[::1]")

BuildTable = Callable[[Mapping[str, object], TableOfHost], Table]


class HostSite(Struct, frozen=True, eq=False):
    """One host or pattern of hosts: its table, or the redirect that all its requests get."""

    pattern: HostPattern
    table: Table
    place: str
    redirect: object = None


class FoundHost(Struct, frozen=True):
    """The host of a request: its name, as its URLs have it, and the values of its parameters."""

    site: HostSite
    name: str
    parameters: dict[str, object]
    suffix: str = ""  # ".localhost", in development


class HostTable(Table):
    """The tables of all hosts; in the place of a path, its methods take "//example.org/path" as well."""

    def __init__(self, sites: Sequence[HostSite]) -> None:
        super().__init__()
        self.sites = tuple(sites)
        pairs = [pair for site in sites for pair in site.table.pairs]
        self.routes = tuple(route for _, route in pairs)
        self._reverse = Reverse(pairs, with_hosts=True)
        self._exact = {str(site.pattern): site for site in sites if not site.pattern.parameters}
        patterns = (site for site in sites if site.pattern.parameters)
        self._patterns = sorted(patterns, key=lambda site: site.pattern.order)
        self._is_local = False
        self._known: dict[str, FoundHost | None] = {}

    def below_localhost(self) -> Self:
        """Return this table for development, where its hosts are served below "localhost" as well."""
        other = copy.copy(self)
        other._is_local, other._known = True, {}  # noqa: SLF001 - of the same class
        return other

    def host_of(self, authority: str) -> FoundHost | None:
        """Return the host that an authority names ("Example.org:8000"), None if it is none of them."""
        try:
            return self._known[authority]
        except KeyError:
            if len(self._known) >= MAX_KNOWN:  # SECURITY: tests/routing/test_host_table.py: clients name any host
                self._known.clear()
            found = self._known[authority] = self._host_of(authority)
            return found

    def _host_of(self, authority: str) -> FoundHost | None:
        name = host_name(authority)
        found = self._named(name)
        if found is not None or not self._is_local:
            return found
        if name.endswith(f".{LOCALHOST}"):
            found = self._named(name.removesuffix(f".{LOCALHOST}"))
        elif name in LOCAL and self._exact:
            first, site = next(iter(self._exact.items()))
            found = FoundHost(site, first, {})
        return None if found is None else replace(found, suffix=f".{LOCALHOST}")

    def _named(self, name: str) -> FoundHost | None:
        site = self._exact.get(name)
        if site is not None:
            return FoundHost(site, name, {})
        labels = name.split(".")
        for site in self._patterns:
            values = site.pattern.read(labels)
            if values is not None:
                return FoundHost(site, name, values)
        return None

    # --- as any table ---------------------------------------------------------------------------------

    @property
    def redirects(self) -> list[tuple[str, str, str]]:
        """The hosts that are redirected, with the target and the place of each."""
        found = (site for site in self.sites if site.redirect is not None)
        return [(str(site.pattern), str(site.redirect), site.place) for site in found]

    def at(self, authority: str) -> Table:
        """Return the table of a host; of a host that is none of them, a table without routes."""
        found = self.host_of(authority)
        return _NO_ROUTES if found is None else found.site.table

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, object]] | NoMatch:
        """Return the route for "//example.org/path"; for a path alone that of the first host that has one."""
        if raw_path.startswith("//"):
            host, slash, path = raw_path[2:].partition("/")
            found = self.host_of(host)
            if found is None:
                return NOT_FOUND
            route = found.site.table.find(method, slash + path)
            return route if isinstance(route, NoMatch) else (route[0], {**found.parameters, **route[1]})
        results = [site.table.find(method, raw_path) for site in self.sites]
        return next((each for each in results if isinstance(each, tuple)), NOT_FOUND)

    def explain(self, method: str, raw_path: str) -> list[str]:
        """Return lines that explain which route "//example.org/path" gets, of that host alone."""
        host, slash, path = raw_path.removeprefix("//").partition("/")
        found = self.host_of(host) if host else None
        if found is None:
            hosts = ", ".join(str(site.pattern) for site in self.sites)
            return [f"{method} {raw_path}", f"  421: the host is none of {hosts}", "  write example.org/path"]
        if found.site.redirect is not None:
            return [f"{method} {raw_path}", f"  the host {found.site.pattern} is redirected  {found.site.place}"]
        return found.site.table.explain(method, f"{slash or '/'}{path}")

    def nearest(self, method: str, raw_path: str) -> list[NearRoute]:
        """Return the routes of all hosts that do not serve a request, most similar first."""
        near = [each for site in self.sites for each in site.table.nearest(method, raw_path)]
        return sorted(near, key=lambda each: -each.score)


_NO_ROUTES = Table()


class HostsReader:
    """Reads the tables of `Hosts`.

    `build_table(urls, host)` builds the table of one. `redirect_of(value)` is what a value does with all requests, None
    for a table.
    """

    def __init__(self, build_table: BuildTable, unwrap: Unwrap, redirect_of: Callable[[object], object]) -> None:
        self._build_table, self._unwrap, self._redirect_of = build_table, unwrap, redirect_of

    def read(self, tables: object, source: Source | None) -> HostTable:
        """Return the table of an app with hosts. Raises SetupError with every mistake in them, and in their tables."""
        if not isinstance(tables, Mapping) or not tables:
            given = "an empty dict" if isinstance(tables, Mapping) else f"a {type(tables).__name__}"
            raise SetupError([Mistake(message=f"Hosts has {given}", hint='write Hosts({"example.org": URLS})')])
        literal = source.find(tables) if source is not None else None
        sites, mistakes, read = list[HostSite](), list[Mistake](), list[tuple[HostPattern, str]]()
        for key, value in tables.items():
            place = (literal.place(key) if literal is not None else "") or f"Hosts[{key!r}]"
            try:
                pattern = parse_host(key)
                read.append((pattern, place))
                sites.append(self._site(pattern, key, value, place, literal))
            except SetupError as error:
                mistakes += [each if each.places else replace(each, places=(place,)) for each in error.mistakes]
        for key, places in literal.duplicate_keys if literal is not None else ():
            message = f'the host "{key}" is written twice; Python keeps only the last'
            mistakes.append(Mistake(message=message, places=places, hint="put their tables into one, or remove one"))
        mistakes += find_host_conflicts(read)
        if mistakes:
            raise SetupError(mistakes)
        return HostTable(sites)

    def _site(self, pattern: HostPattern, key: str, value: object, place: str, literal: Literal | None) -> HostSite:
        if (redirect := self._redirect_of(value)) is not None:
            return HostSite(pattern, Table(), place, redirect=redirect)
        urls, inherited = self._unwrap(value)
        if not isinstance(urls, Mapping):
            hint = 'give its table, {"/": index}, or redirect("https://example.org")'
            refuse(f'the value of the host "{key}" is a {type(urls).__name__}, and no table', hint)
        if not urls:
            refuse(f'the table of the host "{key}" is empty', "give it a key, or remove the host")
        below = literal.below(key, urls) if literal is not None else None
        return HostSite(pattern, self._build_table(urls, TableOfHost(pattern, below, inherited.at("/", place))), place)
