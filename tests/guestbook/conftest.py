"""The guestbook of the examples, served by the command, and guests of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.journeys.conftest import Site
from tests.pictures import make
from tests.speed import PATIENCE

EXAMPLE = Path(__file__).parents[2] / "examples" / "guestbook"
PASSWORD = "correct horse battery"
PICTURE = make("png", (320, 200))


class Guest(httpx.Client):
    """A visitor with cookies and an address of its own; it is no browser, so it says no origin."""

    def __init__(self, url: str, address: str) -> None:
        fields = {"accept": "text/html", "x-forwarded-for": address}
        super().__init__(base_url=url, timeout=PATIENCE, headers=fields)

    @property
    def session(self) -> str:
        """The value of its session's cookie."""
        return next(each.value or "" for each in self.cookies.jar if each.name == "session")

    def register(self, name: str, password: str = PASSWORD) -> Guest:
        """Make an account, and be signed in."""
        form = {"name": name, "email": address_of(name), "password": password}
        response = self.post("/register", data=form)
        assert response.status_code == 303, response.text
        return self

    def sign(self, text: str, picture: tuple[str, bytes, str] | None = None) -> httpx.Response:
        """Sign the book."""
        return self.post("/sign", data={"text": text}, files={"picture": picture} if picture else None)

    def entries(self, words: str = "") -> list[dict[str, object]]:
        """Return the newest entries that have some words in them."""
        found: list[dict[str, object]] = self.get("/api/entries", params={"q": words}).json()["entries"]
        return found


def address_of(name: str) -> str:
    return f"{re.sub('[^a-z0-9]', '-', name.lower())}@example.org"


class Guestbook:
    """A guestbook that is served; `folder` has its data."""

    def __init__(self, site: Site, folder: Path, environ: dict[str, str]) -> None:
        self.site, self.url, self.folder, self._environ = (
            site,
            site.url.replace("0.0.0.0", "localhost"),
            folder,
            environ,
        )
        self._guests: list[Guest] = []
        self._printed: str | None = None  # once it is closed

    @property
    def port(self) -> int:
        """Its port on this machine."""
        return int(self.site.port)

    def guest(self, name: str = "") -> Guest:
        """Return a visitor, who has an account if it has a name."""
        self._guests.append(Guest(self.url, f"198.51.100.{len(self._guests) % 250}"))
        return self._guests[-1].register(name) if name else self._guests[-1]

    def appoint(self, name: str) -> None:
        """Make a guest the keeper of the book, as the README says it."""
        words = [sys.executable, "-m", "guestbook.admin", address_of(name)]
        done = subprocess.run(
            words, cwd=EXAMPLE, env=os.environ | self._environ, capture_output=True, text=True, check=True
        )
        assert "keeps the book now" in done.stdout

    def close(self) -> str:
        """Stop it; return what it has printed since its banner. It can be closed twice."""
        if self._printed is None:
            for each in self._guests:
                each.close()
            if self.site.process.poll() is None:
                self.site.process.terminate()
            self._printed = self.site.rest()
            self.site.wait_for_exit()
        return self._printed


Serve = Callable[..., Guestbook]


@contextmanager
def serving(folder: Path) -> Iterator[Serve]:
    """Yield a function that serves the guestbook with its data in a folder; at the end no error has been logged."""
    running: list[Guestbook] = []

    def start(*words: str, data: Path = folder, **environ: str) -> Guestbook:
        settings = {
            "GUESTBOOK_FOLDER": str(data),
            "DATABASE_URL": f"sqlite:{data}/book.sqlite",
            "XDG_STATE_HOME": str(data / "state"),
            **environ,
        }
        command = [
            sys.executable,
            "-m",
            "fanlight",
            "run",
            "guestbook",
            "--port",
            "0",
            "--trusted-proxies",
            "127.0.0.1",
            *words,
        ]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            running.append(Guestbook(Site(command, EXAMPLE), data, settings))
        return running[-1]

    yield start
    printed = "".join([each.close() for each in running])
    assert "Traceback" not in printed, printed
    # A store that is gone is an error in the log, once; no other is expected.
    errors = [each for each in printed.splitlines() if "  ERROR  " in each and "tore" not in each]
    assert errors == [], printed


@pytest.fixture
def serve_guestbook(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves the guestbook."""
    with serving(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def guestbook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guestbook]:
    """Return a guestbook that the tests of a module share; each has guests of its own."""
    with serving(tmp_path_factory.mktemp("guestbook")) as start:
        yield start()
