"""A wrong slash at the end is redirected to the page, and never elsewhere."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.routing.build import build
from fanlight.routing.route import NoMatch, NoMatchReason

TABLE = build(
    {
        "/": "index",
        "/blog": "blog",
        "/shop/": "shop",
        "/both": "1",
        "/both/": "2",
        "POST /form": "form",
        "/{one}/page": "page",
        "/café/": "café",
        "/id/{id:int}": "id",
    }
)

REDIRECTS = [
    ("GET", "/blog/", "/blog"),
    ("HEAD", "/blog/", "/blog"),
    ("GET", "/shop", "/shop/"),
    ("POST", "/form/", "/form"),
    ("GET", "/form/", "/form"),
    ("OPTIONS", "/blog/", "/blog"),
    ("GET", "/x/page/", "/x/page"),
    ("GET", "/caf%C3%A9", "/caf%C3%A9/"),
    ("GET", "/caf%c3%a9", "/caf%C3%A9/"),
    ("GET", "/a%2Fb/page/", "/a%2Fb/page"),
    ("GET", "/a%0D%0Ab/page/", "/a%0D%0Ab/page"),
    ("GET", "/a%3Fb%23c/page/", "/a%3Fb%23c/page"),
    ("GET", "/id/7/", "/id/7"),
]


@pytest.mark.parametrize(("method", "path", "to"), REDIRECTS)
def test_a_wrong_slash_is_redirected(method: str, path: str, to: str) -> None:
    """If only the slash at the end is wrong, the redirect goes to the right path."""
    assert TABLE.find(method, path) == NoMatch(NoMatchReason.REDIRECT, to=to)


@pytest.mark.parametrize("path", ["/both", "/both/"])
def test_both_forms_may_stand_side_by_side(path: str) -> None:
    """If both forms are routes, neither is redirected."""
    assert not isinstance(TABLE.find("GET", path), NoMatch)


@pytest.mark.parametrize(
    "path", ["/blog//", "/shop//", "//blog/", "/nope/", "/id/x/", "//", "/page/", "/blog/./", "/../blog/"]
)
def test_what_is_wrong_elsewhere_is_not_redirected(path: str) -> None:
    """More than one wrong slash, or no such page with either form, stays a 404."""
    assert TABLE.find("GET", path) == NoMatch(NoMatchReason.NOT_FOUND)


def test_another_method_at_the_path_itself_comes_first() -> None:
    """A path that exists for other methods is 405, not redirected."""
    table = build({"POST /x": "a", "/x/": "b"})
    assert table.find("GET", "/x") == NoMatch(NoMatchReason.WRONG_METHOD, allow=("POST", "OPTIONS"))


GREEDY = build({"/{a}": "1", "/{a}/{b}": "2", "/{a}/{b}/{c}/": "3", "/x-{a}/y/": "4"})
HOSTILE = [
    "//evil.com/",
    "/\\evil.com/",
    "/%5Cevil.com/",
    "/%2Fevil.com/",
    "/%2F%2Fevil.com/",
    "///evil.com/",
    "/\tevil.com/",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_is_not_redirected_off_the_site(path: str) -> None:
    """Paths that browsers may take for another host are not found, or stay on the site."""
    found = GREEDY.find("GET", path)
    if isinstance(found, NoMatch) and found.kind is NoMatchReason.REDIRECT:
        assert urlsplit(found.to).netloc == ""
        assert found.to[1] not in "/\\"
        assert found.to.isprintable()
    else:
        assert found == NoMatch(NoMatchReason.NOT_FOUND)


@given(st.text(alphabet="/\\%25cCfF.:@ae\t\r\n ?#;é", max_size=16), st.sampled_from(["", "/"]))
def test_no_redirect_leaves_the_site(text: str, slash: str) -> None:
    """Wherever a path is redirected to, a browser stays on the host, and the path is found there."""
    found = GREEDY.find("GET", "/" + text + slash)
    if not isinstance(found, NoMatch) or found.kind is not NoMatchReason.REDIRECT:
        return
    for slashes in (found.to, found.to.replace("\\", "/")):  # browsers take a backslash for a slash
        assert urlsplit(urljoin("http://site.example/a/b", slashes)).netloc == "site.example"
    assert found.to.startswith("/")
    assert found.to[:2] not in ("//", "/\\")
    assert not set(found.to) & set("\r\n\t ?#\\")
    assert found.to.isascii()
    assert not isinstance(GREEDY.find("GET", found.to), NoMatch)
