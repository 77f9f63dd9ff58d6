"""The table of an app with several hosts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fanlight.errors import NoSuchURL, SetupError
from fanlight.routing.build import TableOfHost, build
from fanlight.routing.entries import Inherited
from fanlight.routing.host_table import MAX_KNOWN, HostsReader, HostTable
from fanlight.routing.route import NoMatch
from fanlight.routing.table import Table


def build_table(urls: Mapping[str, object], host: TableOfHost) -> Table:
    return build(urls, host=host)


def hosts(tables: object) -> HostTable:
    redirect_of = {"redirect": "301"}.get
    reader = HostsReader(build_table, lambda value: (value, Inherited()), lambda value: redirect_of(str(value)))
    return reader.read(tables, None)


TABLE = hosts(
    {
        "{user}.example.org": {"/": "home", "/{slug}": "post"},
        "{id:int}.example.org": {"/": "number"},
        "www.example.org": "redirect",
        "example.org": {"/": "front", "/about": "about"},
    }
)


@pytest.mark.parametrize(
    ("authority", "pattern", "parameters"),
    [
        ("EXAMPLE.org:8000", "example.org", {}),
        ("www.example.org", "www.example.org", {}),
        ("7.example.org", "{id:int}.example.org", {"id": 7}),
        ("Alice.example.org.", "{user}.example.org", {"user": "alice"}),
    ],
)
def test_the_most_specific_host_is_found(authority: str, pattern: str, parameters: dict[str, object]) -> None:
    """Names before types before any label, whatever their order in the table."""
    found = TABLE.host_of(authority)
    assert found is not None
    assert (str(found.site.pattern), found.parameters) == (pattern, parameters)


@pytest.mark.parametrize("authority", ["", "org", "a.b.example.org", "example.org.evil.test", "localhost", "[::1]"])
def test_any_other_host_is_none(authority: str) -> None:
    """Its table has no routes."""
    assert TABLE.host_of(authority) is None
    assert TABLE.at(authority).routes == ()


def test_what_is_remembered_of_hosts_is_bounded() -> None:
    """A client may name any number of them."""
    for number in range(3 * MAX_KNOWN):
        TABLE.host_of(f"u{number}.example.org")
    assert len(TABLE._known) <= MAX_KNOWN


@pytest.mark.parametrize(
    ("authority", "name", "suffix"),
    [
        ("alice.example.org.localhost:8000", "alice.example.org", ".localhost"),
        ("example.org.localhost", "example.org", ".localhost"),
        ("localhost:8000", "www.example.org", ".localhost"),
        ("127.0.0.1:8000", "www.example.org", ".localhost"),
        ("example.org", "example.org", ""),
    ],
)
def test_in_development_hosts_are_below_localhost(authority: str, name: str, suffix: str) -> None:
    """And localhost itself is the first one without a parameter."""
    found = TABLE.below_localhost().host_of(authority)
    assert found is not None
    assert (found.name, found.suffix) == (name, suffix)
    assert TABLE.host_of("localhost") is None  # the table that serves elsewhere is as before


def test_a_url_has_its_host() -> None:
    """With the values of the host among those of the path."""
    assert TABLE.url_for("post", user="alice", slug="a b") == "//alice.example.org/a%20b"
    assert TABLE.url_for("about", query={"q": "x"}) == "//example.org/about?q=x"
    with pytest.raises(NoSuchURL, match=r"the URL of \"post\" is \{user\}\.example\.org/\{slug\}; missing: user"):
        TABLE.url_for("post", slug="x")


def test_a_route_is_found_by_host_and_path() -> None:
    """By a path alone it is that of the first host that has one."""
    route, parameters = found = TABLE.find("GET", "//alice.example.org/x")  # type: ignore[misc]
    assert isinstance(found, tuple)
    assert (route.address, parameters) == ("{user}.example.org/{slug}", {"user": "alice", "slug": "x"})
    assert isinstance(TABLE.find("GET", "//other.test/"), NoMatch)
    assert TABLE.find("GET", "/about")[0].address == "{user}.example.org/{slug}"  # type: ignore[index]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "Hosts has an empty dict"),
        ([], "Hosts has a list"),
        ({"example.org": "index"}, 'the value of the host "example.org" is a str, and no table'),
        ({"example.org": {}}, 'the table of the host "example.org" is empty'),
        ({"{slug}.example.org": {"/{slug}": "post"}}, '"slug" is a parameter of the host'),
        ({"example.org": {"nope": "index"}}, 'the key "nope" does not begin with "/"'),
    ],
)
def test_mistakes_are_found_at_the_start(tables: object, message: str) -> None:
    """Those of the hosts, and those of the table of each, with the place of each."""
    with pytest.raises(SetupError) as caught:
        hosts(tables)
    assert message in caught.value.mistakes[0].message
    if tables:
        assert "Hosts[" in "".join(caught.value.mistakes[0].places)


def test_all_mistakes_are_reported_at_once() -> None:
    """Those of two hosts, and their conflict."""
    with pytest.raises(SetupError) as caught:
        hosts({"{a}.example.org": {"x": "index"}, "{b}.example.org": {"/{b}": "index"}})
    assert len(caught.value.mistakes) == 3


def test_explain_names_the_host() -> None:
    """Or lists the hosts that there are."""
    assert TABLE.explain("GET", "//example.org/about")[1].startswith("  -> GET example.org/about")
    assert "www.example.org is redirected" in TABLE.explain("GET", "//www.example.org/")[1]
    assert "421: the host is none of {user}.example.org" in TABLE.explain("GET", "//x.test/")[1]
    assert TABLE.nearest("GET", "/abuot")[0].score >= TABLE.nearest("GET", "/abuot")[-1].score


def test_redirected_hosts_are_listed() -> None:
    """With where they lead."""
    assert TABLE.redirects == [("www.example.org", "301", "Hosts['www.example.org']")]
    assert Table().redirects == []
