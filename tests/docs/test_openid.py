"""The site of docs/how-to/openid.md signs people in with a provider, and refuses what attackers send."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey
from tests.docs.openid_provider import CLIENT_ID, CLIENT_SECRET, Lies, Provider
from tests.docs.page_site import Reply, Visitor, served, write_site

from fanlight.testing import LiveServer


@dataclass
class World:
    """A site and its provider."""

    site: str
    provider: Provider

    def go(self, visitor: Visitor, path: str = "/sign-in") -> str:
        """Begin to sign in; return the address to which the provider sends the browser back."""
        begun = visitor.get(path, accept="text/html")
        if "/sign-in" in begun.fields["location"]:  # of a page that wants a user
            begun = visitor.get(begun.fields["location"])
        back: str = visitor.get(begun.fields["location"]).fields["location"]
        assert back.startswith(f"{self.site}/signed-in?code=")
        return back

    def sign_in(self, lies: Lies | None = None, path: str = "/sign-in") -> tuple[Visitor, Reply]:
        """Sign in as a new visitor; return it, and the last reply."""
        visitor = Visitor(self.site)
        self.provider.lies = lies or Lies()
        return visitor, visitor.get(self.go(visitor, path))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("openid")
    write_site("openid", folder)
    provider = Provider()
    with LiveServer(provider.app) as server:
        provider.issuer = server.url
        settings = {"OPENID_ISSUER": server.url, "OPENID_CLIENT_ID": CLIENT_ID, "OPENID_CLIENT_SECRET": CLIENT_SECRET}
        with served(folder, **settings) as site:
            provider.redirect_uri = f"{site}/signed-in"
            yield World(site, provider)


def is_signed_in(visitor: Visitor) -> bool:
    return "Orders of" in visitor.get("/orders").text


def test_a_visitor_signs_in_and_comes_back(world: World) -> None:
    """A visitor of a page for users is sent to the provider, signs in there, and sees the page."""
    visitor, reply = world.sign_in(path="/orders")
    assert (reply.status, reply.fields["location"]) == (303, "/orders")
    assert "Orders of ada@example.com" in visitor.get("/orders").text
    assert visitor.post("/sign-out", {}).status == 303
    assert not is_signed_in(visitor)


def test_an_account_is_that_of_the_subject(world: World, tmp_path: Path) -> None:
    """Who has another address is the same account; who has the address of someone else is another."""
    first, _ = world.sign_in()
    other, _ = world.sign_in(Lies(claims={"sub": "eve", "email": "ada@example.com"}))
    again, _ = world.sign_in(Lies(claims={"email": "ada@new.example"}))
    assert "ada@new.example" in first.get("/orders").text
    assert "ada@new.example" in again.get("/orders").text
    assert "ada@example.com" in other.get("/orders").text


def test_another_state_is_refused(world: World) -> None:
    """A response that was not requested in this browser is refused, before the provider is asked for anything."""
    visitor, attacker = Visitor(world.site), Visitor(world.site)
    world.provider.lies = Lies()
    planted = world.go(attacker)  # which would sign the visitor in as the attacker
    requested = len(world.provider.requested)
    assert visitor.get(planted).status == 400  # that has not begun
    own = world.go(visitor)
    assert visitor.get(planted).status == 400  # that has begun another
    assert visitor.get(own).status == 400  # and has to begin again
    code = parse_qs(urlsplit(world.go(visitor)).query)["code"][0]
    assert visitor.get(f"/signed-in?code={code}").status == 400  # without any
    assert len(world.provider.requested) == requested
    assert not is_signed_in(visitor)


def test_a_response_counts_once(world: World) -> None:
    """The address to which the provider sent the browser back is worthless afterwards."""
    visitor = Visitor(world.site)
    world.provider.lies = Lies()
    back = world.go(visitor)
    assert visitor.get(back).status == 303
    visitor.post("/sign-out", {})
    assert visitor.get(back).status == 400
    assert not is_signed_in(visitor)


def test_a_code_of_another_sign_in_is_refused(world: World) -> None:
    """A code that was stolen is worthless in another browser, because of its verifier (PKCE)."""
    thief, owner = Visitor(world.site), Visitor(world.site)
    world.provider.lies = Lies()
    stolen = parse_qs(urlsplit(world.go(owner)).query)["code"][0]
    state = parse_qs(urlsplit(world.go(thief)).query)["state"][0]
    assert thief.get(f"/signed-in?code={stolen}&state={state}").status == 400
    assert not is_signed_in(thief)


NOW = int(time.time())
FALSE_CLAIMS = {
    "another nonce": {"nonce": "of another sign-in"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "dogs"},
    "no audience": {"aud": None},
    "another audience beside us": {"aud": [CLIENT_ID, "dogs"]},  # and not authorized by us
    "another authorized party": {"aud": [CLIENT_ID, "dogs"], "azp": "dogs"},
    "expired": {"exp": NOW - 120, "iat": NOW - 420},
    "no expiry": {"exp": None},
    "of tomorrow": {"iat": NOW + 86400, "exp": NOW + 90000},
    "no subject": {"sub": None},
    "the hash of another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("claims", FALSE_CLAIMS.values(), ids=FALSE_CLAIMS)
def test_false_claims_are_refused(world: World, claims: dict[str, object]) -> None:
    """An id token that was not made by this provider, for this site, now, signs no one in."""
    visitor, reply = world.sign_in(Lies(claims=claims))
    assert reply.status == 400
    assert not is_signed_in(visitor)


def test_false_signatures_are_refused(world: World) -> None:
    """An id token counts only if a published key of the provider has signed it, with an algorithm of such keys."""
    provider, other = world.provider, RSAKey.generate_key(2048)
    for token in (
        lambda claims: provider.signed(claims, other),
        lambda claims: provider.signed(claims, other, kid="2027"),
        provider.without_signature,
        provider.by_public_key,
        lambda claims: provider.signed(claims)[:-4],
        lambda _: "no token",
        lambda _: None,
    ):
        visitor, reply = world.sign_in(Lies(token=token))
        assert reply.status == 400
        assert not is_signed_in(visitor)


def test_a_new_key_of_the_provider_counts_at_once(world: World) -> None:
    """The provider may change its key at any time."""
    world.provider.key = RSAKey.generate_key(2048, {"kid": "2028"})
    visitor, _ = world.sign_in(Lies(token=lambda claims: world.provider.signed(claims, kid="2028")))
    assert is_signed_in(visitor)
    world.provider.key = RSAKey.generate_key(2048, {"kid": "2026"})


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_a_visitor_comes_back_to_this_site(world: World, target: str) -> None:
    """A link to the sign-in page leads to no other site afterwards."""
    _, reply = world.sign_in(path=f"/sign-in?next={target}")
    assert reply.fields["location"] == "/"


def test_a_visitor_may_refuse(world: World) -> None:
    """Whoever does not want to sign in at the provider comes back to a page that says so."""
    visitor = Visitor(world.site)
    state = parse_qs(urlsplit(visitor.get("/sign-in").fields["location"]).query)["state"][0]
    assert visitor.get(f"/signed-in?error=access_denied&state={state}").fields["location"] == "/"
    assert "You have not signed in." in visitor.get("/").text


def test_a_provider_that_fails_is_a_503(world: World) -> None:
    """A provider that does not respond, or not as it should, is a 503, and no one is signed in."""
    visitor, reply = world.sign_in(Lies(status=500))
    assert reply.status == 503
    assert "Signing in is not possible at the moment." in reply.text
    assert not is_signed_in(visitor)
