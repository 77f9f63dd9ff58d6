"""Which development servers run on this machine, so that `fanlight record` and `fanlight replay` find them.

In: a development server's URL, site and folder. Out: a file beside the control sockets (`runtime_folder`), which only
its user can read; and from these files the servers that still run. Raises ServerError if there is none, or more than
one to choose from.
"""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from fanlight.devtools.dev_context import EXCHANGES_NAME
from fanlight.errors import InvalidSetting, ServerError
from fanlight.server.operator.runtime_folder import runtime_folder

_PREFIX, _SUFFIX = "dev-", ".json"
_REACH_SECONDS = 1.0


class DevServer(Struct, frozen=True, kw_only=True):
    """A development server that runs."""

    pid: int
    url: str  # "http://localhost:8000"
    site: str  # the file of the site
    exchanges: str  # the file of the recorded exchanges


def announce_server(url: str, site: str, folder: Path) -> Path | None:
    """Write the file of this process's server, and return it, to be removed at the end; None if that can't be done."""
    exchanges = str(folder / EXCHANGES_NAME)
    server = DevServer(pid=os.getpid(), url=url, site=str(Path(site).absolute()), exchanges=exchanges)
    try:
        file = runtime_folder() / f"{_PREFIX}{server.pid}{_SUFFIX}"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as opened:  # noqa: PTH123 - of a descriptor
            opened.write(msgspec.json.encode(server))
    except (InvalidSetting, OSError):
        return None
    return file


def running() -> list[DevServer]:
    """Return the development servers of this user that accept connections."""
    try:
        files = sorted(runtime_folder().glob(f"{_PREFIX}*{_SUFFIX}"))
    except InvalidSetting:
        return []
    found = []
    for file in files:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            server = msgspec.json.decode(file.read_bytes(), type=DevServer)
            if _accepts(server.url):
                found.append(server)
            else:
                file.unlink()  # it was killed
    return found


def find_one() -> DevServer:
    """Return the one development server that runs, or the one of a site in the current folder. Raises ServerError."""
    found = running()
    if len(found) > 1:
        found = [each for each in found if Path(each.site).is_relative_to(Path.cwd())] or found
    if not found:
        raise ServerError("no development server runs; start `fanlight dev` in another terminal")
    if len(found) > 1:
        listed = ", ".join(f"{each.url} ({each.site})" for each in found)
        raise ServerError(f"{len(found)} development servers run: {listed}; choose one with --url")
    return found[0]


def find_by_url(url: str) -> DevServer:
    """Return the development server at a URL. Raises ServerError."""
    wanted = urlsplit(url)
    for each in running():
        own = urlsplit(each.url)
        if (own.scheme, own.port) == (wanted.scheme, wanted.port):
            return each
    raise ServerError(f"no development server of yours runs at {url}; `fanlight dev` shows its URL when it starts")


def _accepts(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "localhost", parts.port or 80), timeout=_REACH_SECONDS):
            return True
    except (OSError, ValueError):
        return False
