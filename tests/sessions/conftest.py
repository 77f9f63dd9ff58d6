"""Sites with sessions, in a cookie and in a store, with a clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fanlight import App
from fanlight.errors import StoreUnavailable
from fanlight.sessions import session_state
from fanlight.sessions.refusals import REFUSALS
from fanlight.signing.signing_keys import Keys
from fanlight.stores.memory_store import MemoryStore
from fanlight.testing import Client

SECRET = "a-secret-of-the-tests-that-is-long-enough"
NOON = 1_800_000_000.0


class Clock:
    """The time of a test, in seconds since 1970."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class ShownStore(MemoryStore):
    """A store that notes its calls, and fails while it `is_gone`, or for writing only.

    Like Redis it knows nothing at once, unless it is `quick`.
    """

    is_quick = False

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.calls: list[str] = []
        self.is_gone = self.is_read_only = False

    def get(self, key: str) -> bytes | None:
        self._call("get")
        return super().get(key)

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        self._call("get_many")
        return [super(ShownStore, self).get(key) for key in keys]

    def known_many(self, keys: Sequence[str]) -> Any:
        return [super(ShownStore, self).get(key) for key in keys] if self.is_quick else None

    def set(self, key: str, value: bytes, seconds: float) -> None:
        self._call("set")
        super().set(key, value, seconds)

    def swap(self, key: str, old: bytes, value: bytes, seconds: float) -> bool:
        self._call("swap")
        with self._lock:
            is_there = MemoryStore.get(self, key) == old
        if is_there:
            super().set(key, value, seconds)
        return is_there

    def delete(self, *keys: str) -> None:
        self._call("delete")
        super().delete(*keys)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.is_gone or (self.is_read_only and name in ("set", "swap", "delete")):
            raise StoreUnavailable("it is gone", is_about_writing=self.is_read_only)


class SessionSite:
    """An app with sessions, and its clients."""

    def __init__(self, app: App, store: ShownStore, clock: Clock) -> None:
        self.app, self.store, self.clock = app, store, clock
        self._clients: list[Client] = []

    def client(self, base_url: str = "http://testserver") -> Client:
        """Return another browser."""
        client = Client(self.app, base_url=base_url)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for each in self._clients:
            each.close()


MakeSite = Callable[..., SessionSite]


@pytest.fixture(params=["cookie", "store"])
def carrier(request: pytest.FixtureRequest) -> str:
    """Where sessions are."""
    return str(request.param)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock of sessions."""
    made = Clock()
    monkeypatch.setattr(session_state, "time", SimpleNamespace(time=made))
    return made


@pytest.fixture
def make_site(tmp_path: Path, clock: Clock) -> Iterator[MakeSite]:
    """Make sites whose sessions are in a cookie, or in a store."""
    made: list[SessionSite] = []

    def make(urls: Any, carrier: str = "cookie", *, secrets: Sequence[str] = (SECRET,), **options: Any) -> SessionSite:
        file = tmp_path / "main.py"
        file.touch()
        app, store = App(urls, file=file, **options), ShownStore(clock)
        app.services.use(store=store, keys=Keys(secrets, clock=clock), keeps_sessions=carrier == "store")
        made.append(SessionSite(app, store, clock))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(autouse=True)
def _no_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REFUSALS, "_logged", {})
