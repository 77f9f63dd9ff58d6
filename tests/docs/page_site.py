"""The site of a page of the documentation, for tests that attack it: served as a reader would, and a client.

In: the name of a page whose blocks are one site. Out: the address where `fanlight run` serves it.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

from tests.docs.conftest import NAMED, REPOSITORY, environment, read_blocks
from tests.speed import PATIENCE


def write_site(page: str, folder: Path) -> None:
    """Write the named blocks of `docs/how-to/{page}.md` as files."""
    for block in read_blocks((REPOSITORY / "docs" / "how-to" / f"{page}.md").read_text()):
        first, _, rest = block.text.partition("\n")
        named = NAMED.match(first)
        if named and block.language in ("python", "html"):
            file = folder / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(rest if block.language == "html" else block.text)


@contextmanager
def served(folder: Path, **variables: str) -> Iterator[str]:
    """Have `fanlight run` serve a folder, with its address in the variable SITE; yield that.

    The socket listens before it is passed to the command, so the address is known, and the first request waits.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, (folder / "printed").open("w+") as printed:
        site = f"http://localhost:{listener.getsockname()[1]}"
        process = subprocess.Popen(
            ["fanlight", "run", "--bind", f"fd:{listener.fileno()}"],
            cwd=folder,
            env=environment() | {"SITE": site} | variables,
            pass_fds=[listener.fileno()],
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        listener.close()  # so that a site that can't be served refuses connections
        try:
            yield site
        finally:
            process.terminate()
            code = process.wait(PATIENCE)
            printed.seek(0)
            print(printed.read())  # noqa: T201 - for a test that fails
            assert code == 0
        printed.seek(0)
        assert "Traceback" not in printed.read()


@dataclass(frozen=True)
class Reply:
    """What a site has sent."""

    status: int
    fields: Message
    text: str


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@dataclass
class Visitor:
    """A client with cookies that follows no redirects."""

    site: str  # http://localhost:8000
    cookies: CookieJar = field(default_factory=CookieJar)
    trusted: ssl.SSLContext | None = None

    def get(self, path: str, **fields: str) -> Reply:
        """Return the response to a GET; `fields` are header fields, with _ for -."""
        return self.send(path, None, fields)

    def post(self, path: str, form: Mapping[str, str], **fields: str) -> Reply:
        """Return the response to a form."""
        return self.send(path, urlencode(form).encode(), fields)

    def send(self, path: str, content: bytes | None, fields: Mapping[str, str]) -> Reply:
        """Return the response to a request, POST if it has content."""
        opener = urllib.request.build_opener(
            _Stay, urllib.request.HTTPCookieProcessor(self.cookies), urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=self.trusted),
        )  # fmt: skip
        url = self.site + path if path.startswith("/") else path
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        try:
            with opener.open(urllib.request.Request(url, content, named)) as response:
                return Reply(response.status, response.headers, response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.headers, error.read().decode())
