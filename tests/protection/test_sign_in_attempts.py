"""How often a sign-in may be tried: by address, and by account without locking its owner out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import Request, Response, StoreUnavailable, TooManyRequests
from fanlight.message.content import SpooledContent
from fanlight.protection.attempt_limits import ACCOUNT_FIELDS, read_attempts
from fanlight.protection.known_browsers import MAX_AGE_SECONDS
from fanlight.protection.sign_in_attempts import SignInGuard, accounts_of
from fanlight.services import Services
from fanlight.signing.signing_keys import Keys
from fanlight.stores.memory_store import MemoryStore
from fanlight.testing import FakeHead

URLENCODED, JSON = "application/x-www-form-urlencoded", "application/json"


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


class Browser:
    """A client at an address, with its cookies."""

    def __init__(self, site: Site, address: str) -> None:
        self.site, self.address = site, address
        self.cookies: dict[str, str] = {}
        self.refusals: list[TooManyRequests] = []

    def sign_in(self, email: str, *, succeeds: bool = False, method: str = "POST", **fields: str) -> int:
        """Return the status of a try; the form may have other fields."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        request = self.site.request(
            self.address, urlencode({"email": email, "password": "x", **fields}), method, cookie=cookie
        )
        try:
            self.site.guard.begin(request)
        except TooManyRequests as error:
            self.refusals.append(error)
            return error.status
        if succeeds:
            request.state["signed in"] = True
        response = Response("ok")
        self.site.guard.finish(request, response)
        for name, value in response.fields():
            if name == "set-cookie":
                pair, _, attributes = value.partition(";")
                assert "HttpOnly" in attributes
                assert "SameSite=Lax" in attributes
                self.cookies |= dict([pair.split("=", 1)])
        return 200

    def sign_in_often(self, email: str, count: int) -> list[int]:
        return [self.sign_in(email) for _ in range(count)]


class Site:
    """A site with a page to sign in."""

    def __init__(self, address: str | None, account: str | None) -> None:
        self.clock = Clock()
        self.store = MemoryStore(clock=self.clock)
        self.services = Services()
        self.services.use(store=self.store, keys=Keys(["secret"], clock=self.clock), keeps_sessions=False)
        self.contents: list[SpooledContent] = []
        limits = read_attempts(address, account, "")
        self.guard = SignInGuard(limits, "/sign-in", lambda request: "signed in" in request.state, lambda _: "known")

    def request(
        self, address: str, content: str, method: str = "POST", kind: str = URLENCODED, cookie: str = ""
    ) -> Request:
        own: type[Request] = type("Own", (Request,), {"__slots__": (), "services": self.services})
        spooled = SpooledContent()
        spooled.write(content.encode("utf-8", "surrogatepass"))
        self.contents.append(spooled)
        return own(FakeHead(method, "/sign-in", {"content-type": kind, "cookie": cookie}), address, spooled)

    def browser(self, number: int) -> Browser:
        return Browser(self, f"192.0.2.{number}")

    def close(self) -> None:
        for each in self.contents:
            each.close()


@pytest.fixture
def make_site() -> Iterator[Any]:
    """Return a function that makes a site."""
    sites: list[Site] = []

    def make(address: str | None = "10/minute", account: str | None = "20/hour") -> Site:
        sites.append(Site(address, account))
        return sites[-1]

    yield make
    for each in sites:
        each.close()


def test_an_address_has_ten_tries_a_minute(make_site: Any) -> None:
    """The eleventh try is refused, for whichever account; another address has its own, and time gives it back."""
    site = make_site()
    browser = site.browser(1)
    assert [browser.sign_in(f"{number}@example.com") for number in range(11)] == [*[200] * 10, 429]
    (refused,) = browser.refusals
    assert refused.headers == {"retry-after": "6"}
    assert refused.detail == "Too many attempts to sign in. Please try again in 6 seconds."
    assert site.browser(2).sign_in("0@example.com") == 200
    site.clock.now += 6
    assert browser.sign_in("0@example.com") == 200
    assert browser.sign_in("0@example.com") == 429


def test_an_account_has_twenty_tries_from_all_addresses(make_site: Any) -> None:
    """An attack on one account from many addresses ends, whether the account exists or not; others go on."""
    site = make_site()
    results = [site.browser(number).sign_in("Ada@Example.com ") for number in range(30)]
    assert results == [*[200] * 20, *[429] * 10]
    assert site.browser(40).sign_in("ada@example.com") == 429
    assert site.browser(40).sign_in("bob@example.com") == 200
    site.clock.now += 180
    assert site.browser(41).sign_in("ada@example.com") == 200


def test_a_sign_in_forgets_the_tries_before_it(make_site: Any) -> None:
    """Tries count in a row: after the right password there are twenty again."""
    site = make_site(address=None)
    browser = site.browser(1)
    assert browser.sign_in_often("ada@example.com", 19) == [200] * 19
    assert browser.sign_in("ada@example.com", succeeds=True) == 200
    browser.cookies.clear()
    assert browser.sign_in_often("ada@example.com", 21) == [*[200] * 20, 429]


def test_a_field_that_the_form_does_not_have_hides_no_account(make_site: Any) -> None:
    """Whichever field the view reads, the account that it names is counted: another name in another field is no way."""
    site = make_site(address=None)
    tries = [site.browser(n).sign_in(f"decoy{n}@example.com", username="ada") for n in range(21)]
    assert tries == [200] * 20 + [429]
    tries = [site.browser(n).sign_in("bob@example.com", username=f"decoy{n}") for n in range(21)]
    assert tries == [200] * 20 + [429]


def test_a_sign_in_forgets_no_tries_for_an_account_in_another_field(make_site: Any) -> None:
    """An attacker with an account of its own can't reset the count of another, nor be known as its browser."""
    site = make_site(address=None)
    attacker = site.browser(1)
    assert attacker.sign_in_often("ada@example.com", 19) == [200] * 19
    assert attacker.sign_in("ada@example.com", succeeds=True, username="mallory") == 200
    assert attacker.cookies == {}
    assert attacker.sign_in("ada@example.com") == 429


def test_a_stranger_does_not_lock_the_owner_out(make_site: Any) -> None:
    """A browser that has signed in to an account has tries of its own; they are limited as well."""
    site = make_site(address=None)
    owner, stranger = site.browser(1), site.browser(2)
    assert owner.sign_in("ada@example.com", succeeds=True) == 200
    assert stranger.sign_in_often("ada@example.com", 25)[-1] == 429
    assert owner.sign_in("ADA@example.com") == 200
    assert owner.sign_in_often("ada@example.com", 20) == [*[200] * 19, 429]
    assert stranger.sign_in("ada@example.com") == 429


def test_the_cookie_of_one_account_is_nothing_for_another(make_site: Any) -> None:
    """Who has an account cannot get more tries for another one with its cookie; nor with a forged or an old one."""
    site = make_site(address=None)
    attacker = site.browser(1)
    assert attacker.sign_in("eve@example.com", succeeds=True) == 200
    known = attacker.cookies["known"]
    assert attacker.sign_in_often("ada@example.com", 21)[-1] == 429
    for forged in (
        f"{known[:-3]}abc",
        known[1:],
        "",
        "x" * 100_000,
        "\u00e9",
        Keys(["other"]).sign("known-browser", b"x"),
    ):
        attacker.cookies["known"] = forged
        assert attacker.sign_in("ada@example.com") == 429
    attacker.cookies["known"] = site.services.keys.sign("another purpose", b"x" * 24)
    assert attacker.sign_in("ada@example.com") == 429
    attacker.cookies["known"] = known
    assert attacker.sign_in_often("eve@example.com", 21)[-1] == 429
    site.clock.now += MAX_AGE_SECONDS + 1
    assert site.browser(2).sign_in_often("eve@example.com", 21)[-1] == 429
    assert attacker.sign_in("eve@example.com") == 429


def test_the_cookie_is_set_once(make_site: Any) -> None:
    """A browser that is known for an account keeps its cookie; with another account it gets another."""
    browser = make_site().browser(1)
    browser.sign_in("ada@example.com", succeeds=True)
    known = browser.cookies["known"]
    browser.sign_in("ada@example.com", succeeds=True)
    assert browser.cookies["known"] == known
    browser.sign_in("bob@example.com", succeeds=True)
    assert browser.cookies["known"] != known


def test_only_posts_are_tries(make_site: Any) -> None:
    """To look at the page is no try."""
    site = make_site()
    browser = site.browser(1)
    assert [browser.sign_in("a@example.com", method="GET") for _ in range(30)] == [200] * 30
    assert browser.sign_in("a@example.com") == 200


def test_either_limit_can_be_removed(make_site: Any) -> None:
    """Without a limit for addresses, or for accounts, the other one holds."""
    assert make_site(account=None).browser(1).sign_in_often("a@example.com", 11)[-1] == 429
    assert [make_site(account=None).browser(number).sign_in("a@example.com") for number in range(30)][-1] == 200
    assert make_site(address=None).browser(1).sign_in_often("a@example.com", 20)[-1] == 200


def test_without_the_store_nobody_signs_in(make_site: Any) -> None:
    """While tries can't be counted there are none: 503."""

    class Gone(MemoryStore):
        def take(self, *_: Any) -> Any:
            raise StoreUnavailable("it is gone")

    site = make_site()
    site.services.use(store=Gone(), keys=site.services.keys, keeps_sessions=False)
    with pytest.raises(StoreUnavailable):
        site.browser(1).sign_in("a@example.com")


def test_on_the_event_loop_the_store_is_called_in_a_thread(make_site: Any) -> None:
    """An async view is guarded in the same way."""
    site = make_site(address=None)

    async def sign_in(*, succeeds: bool) -> Response:
        request, response = site.request("192.0.2.1", "email=a%40example.com"), Response("ok")
        await site.guard.begin_async(request)
        if succeeds:
            request.state["signed in"] = True
        await site.guard.finish_async(request, response)
        return response

    async def run() -> None:
        for _ in range(19):
            assert "set-cookie" not in (await sign_in(succeeds=False)).headers
        assert "known=" in (await sign_in(succeeds=True)).headers["set-cookie"]
        for _ in range(20):
            await sign_in(succeeds=False)
        with pytest.raises(TooManyRequests):
            await sign_in(succeeds=False)

    asyncio.run(run())


@pytest.mark.parametrize(("kind", "content", "names"), [
    (URLENCODED, "email=Ada%40example.com&password=x", True),
    (URLENCODED, "username=ada%40example.com", True),
    (URLENCODED, "name=ada%40example.com&password=x", True),
    (URLENCODED, "email=++&name=ada%40example.com", True),
    (JSON, '{"email": "ada@example.com"}', True),
    (URLENCODED, "password=x", False),
    (URLENCODED, "email=", False),
    (URLENCODED, "email=%ff%fe", False),
    (JSON, '{"email": 5.5}', False),
    (JSON, '{"email": ["ada@example.com"]}', False),
    (JSON, '["ada@example.com"]', False),
    (JSON, "{", False),
    (JSON, "null", False),
    ("text/plain", "email=ada@example.com", False),
    ("multipart/form-data; boundary=x", "--x\r\nbroken", False),
    ("", "email=ada@example.com", False),
])  # fmt: skip
def test_the_account_is_in_a_field_of_the_form(make_site: Any, kind: str, content: str, names: bool) -> None:
    """A form or JSON names the account; what is malformed names none, and is left to the view."""
    site = make_site()
    found = accounts_of(site.request("192.0.2.1", content, kind=kind), ACCOUNT_FIELDS)
    wanted = accounts_of(site.request("192.0.2.1", '{"login": "ada@example.com"}', kind=JSON), ("login",))
    assert len(wanted) == 1
    assert found == (wanted if names else [])


def test_a_number_names_an_account_as_its_digits_do(make_site: Any) -> None:
    """A phone may be posted as either."""
    site = make_site()
    as_number, as_text, as_form = (
        accounts_of(site.request("192.0.2.1", content, kind=kind), ("phone",))
        for kind, content in (
            (JSON, '{"phone": 5550100}'),
            (JSON, '{"phone": "5550100"}'),
            (URLENCODED, "phone=5550100"),
        )
    )
    assert as_number == as_text == as_form
    assert len(as_number) == 1
    assert accounts_of(site.request("192.0.2.1", '{"phone": true}', kind=JSON), ("phone",)) == []


@given(st.text(max_size=60))
def test_any_name_is_an_account_of_sixteen_bytes(name: str) -> None:
    """Whatever is posted, also half a character, is a short key, and the same in upper case."""
    site = Site(None, "20/hour")
    found = accounts_of(site.request("192.0.2.1", json.dumps({"email": name}), kind=JSON), ("email",))
    assert [len(each) for each in found] == ([16] if name.strip() else [])
    site.close()
