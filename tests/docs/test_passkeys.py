"""The site of docs/how-to/passkeys.md in a browser with a virtual authenticator, and attacked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser import PageFailed, Tab
from tests.docs.page_site import served, write_site

POST = """async (path, value) => {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json",
    accept: "application/json" }, body: JSON.stringify(value) })
  return [response.status, await response.json()]
}"""
ASSERT = f"""(async () => {{
  const [, options] = await ({POST})("/sign-in/options", {{}})
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  return (await navigator.credentials.get({{ publicKey }})).toJSON()
}})()"""
CREATE = f"""(async () => {{
  const [, options] = await ({POST})("/register/options", {{ name: "Eve" }})
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
  return (await navigator.credentials.create({{ publicKey }})).toJSON()
}})()"""
HAS_ENDED = "document.body?.innerText.includes('Hello') || document.querySelector('#problem')?.innerText"
Credential = dict[str, Any]


class Person:
    """A person at a browser with an authenticator."""

    def __init__(self, tab: Tab, site: str) -> None:
        self.tab, self.site = tab, site
        self.authenticator = tab.add_authenticator()
        tab.open(site)

    def register(self, name: str) -> None:
        """Fill in the form for a new account."""
        self.tab.type("[name=name]", name)
        self.tab.evaluate("document.querySelector('#register button').click()")
        self.tab.wait_for(HAS_ENDED)

    def sign_out(self) -> None:
        self.tab.click("form button")

    def sign_in(self) -> None:
        """Press the button."""
        self.tab.evaluate("document.querySelector('#sign-in').click()")
        self.tab.wait_for(HAS_ENDED)

    def make(self, script: str) -> Credential:
        """Return what the authenticator gives to a script, which is not sent yet."""
        made: Credential = self.tab.evaluate(script)
        return made

    def send(self, path: str, credential: object) -> tuple[int, Any]:
        """Send a credential; return the status and the content."""
        status, content = self.tab.evaluate(f"({POST})({json.dumps(path)}, {json.dumps(credential)})")
        return status, content

    def is_signed_in(self) -> bool:
        self.tab.open(self.site)
        return "Hello" in self.tab.text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("passkeys")
    write_site("passkeys", folder)
    with served(folder) as site:
        yield site


@pytest.fixture
def person(tab: Tab, site: str) -> Person:
    return Person(tab, site)


@pytest.fixture
def registered(person: Person, request: pytest.FixtureRequest) -> Person:
    person.register(request.node.name[:64])
    assert "Hello" in person.tab.text
    person.sign_out()
    return person


def test_a_person_registers_and_signs_in(person: Person) -> None:
    """An account is made with a passkey, which signs in later; all scripts have run under the strict policy."""
    person.register("Ada <b>")
    assert "Hello, Ada <b>" in person.tab.text
    person.sign_out()
    assert "Hello" not in person.tab.text
    person.sign_in()
    assert "Hello, Ada <b>" in person.tab.text
    assert [each for each in person.tab.errors() if "favicon" not in each] == []
    policy = person.tab.evaluate("fetch('/').then(page => page.headers.get('content-security-policy'))")
    assert "script-src 'none'" in policy or "script-src 'nonce-" in policy


def test_a_name_is_taken_once(registered: Person, request: pytest.FixtureRequest) -> None:
    """A second account of a name is refused, before a passkey is made for it."""
    registered.register(request.node.name.upper()[:64])
    assert "already" in registered.tab.text
    assert len(registered.tab.authenticator("getCredentials", registered.authenticator)["credentials"]) == 1


def test_a_visitor_comes_back_to_this_site(registered: Person) -> None:
    """After signing in a visitor is where they were going, if that is a page of this site."""
    for target, expected in (("/%3Fcat%3Dtom", "/?cat=tom"), ("https://evil.example/", "/"), ("//evil.example", "/")):
        made = registered.make(ASSERT)
        assert registered.send(f"/sign-in?next={target}", made) == (200, {"next": expected})


def test_an_assertion_counts_once(registered: Person) -> None:
    """What has signed in once does not sign in again, nor for a challenge that came later."""
    made = registered.make(ASSERT)
    assert registered.send("/sign-in", made)[0] == 200
    registered.tab.open(registered.site)
    registered.sign_out()
    assert registered.send("/sign-in", made)[0] == 400
    registered.make(ASSERT)  # another challenge
    assert registered.send("/sign-in", made)[0] == 400
    assert not registered.is_signed_in()


def test_a_changed_assertion_is_refused(registered: Person) -> None:
    """A changed signature, a passkey of no one, and what is no passkey at all, are refused with a 400."""

    def changed(part: str) -> Callable[[Credential], object]:
        def change(made: Credential) -> object:
            text = made["response"][part]
            other = "B" if text[10] == "A" else "A"
            return made | {"response": made["response"] | {part: text[:10] + other + text[11:]}}

        return change

    unknown = "AAAAAAAAAAAAAAAAAAAAAA"
    forgeries: tuple[Callable[[Credential], object], ...] = (
        changed("signature"),
        changed("authenticatorData"),
        changed("clientDataJSON"),
        lambda made: made | {"rawId": unknown, "id": unknown},
        lambda made: made | {"rawId": "é"},
        lambda made: made | {"response": {}},
        lambda made: made | {"response": dict.fromkeys(made["response"], "")},
        lambda _: {},
    )
    for forge in forgeries:
        assert registered.send("/sign-in", forge(registered.make(ASSERT)))[0] == 400
    assert not registered.is_signed_in()


def test_a_challenge_is_that_of_the_browser(registered: Person, new_tab: Callable[..., Tab], site: str) -> None:
    """An assertion of one browser signs no one in at another: there it has no challenge, or another."""
    stolen = registered.make(ASSERT)
    thief = Person(new_tab(), site)
    assert thief.send("/sign-in", stolen)[0] == 400
    thief.send("/sign-in/options", {})
    assert thief.send("/sign-in", stolen)[0] == 400
    assert not thief.is_signed_in()


def test_a_copied_authenticator_is_noticed(registered: Person) -> None:
    """A passkey whose count goes back was copied, and is refused."""
    tab, identity = registered.tab, registered.authenticator
    [copy] = tab.authenticator("getCredentials", identity)["credentials"]
    for _ in range(2):
        assert registered.send("/sign-in", registered.make(ASSERT))[0] == 200
    tab.authenticator("removeCredential", identity, credentialId=copy["credentialId"])
    tab.authenticator("addCredential", identity, credential=copy)
    tab.open(registered.site)
    registered.sign_out()
    assert registered.send("/sign-in", registered.make(ASSERT))[0] == 400


def test_a_passkey_without_its_person_does_not_sign_in(registered: Person) -> None:
    """An authenticator that has not verified its person gives nothing; what it gives to another site does not count."""
    registered.tab.authenticator("setUserVerified", registered.authenticator, isUserVerified=False)
    with pytest.raises(PageFailed):
        registered.make(ASSERT)
    unverified = registered.make(
        ASSERT.replace("FromJSON(options)", "FromJSON({ ...options, userVerification: 'discouraged' })")
    )
    assert registered.send("/sign-in", unverified)[0] == 400
    assert not registered.is_signed_in()


def test_a_passkey_for_another_origin_is_refused(tab: Tab, tmp_path: Path) -> None:
    """A passkey that was made, or used, on a page of another origin is refused."""
    write_site("passkeys", tmp_path)
    with served(tmp_path, SITE="http://localhost:1") as site:  # the page is on another port
        person = Person(tab, site)
        assert person.send("/register", person.make(CREATE))[0] == 400
        assert not person.is_signed_in()


def test_a_registration_is_checked(person: Person) -> None:
    """A passkey for another challenge, a changed one, and what is no passkey, make no account."""
    made = person.make(CREATE)
    for forge in (made, {}, made | {"response": {}}, made | {"type": "password"}):
        assert person.send("/register/options", {"name": "Eve"})[0] == 200
        assert person.send("/register", forge)[0] == 400
    assert not person.is_signed_in()
