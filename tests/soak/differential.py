"""Send the raw messages of tests/wire/vectors through proxies: each must see the same requests as Fanlight.

    python -m tests.soak.differential [--report] [--only nginx,HAProxy]

Each message is sent directly to a site, and through each installed proxy to another one, followed by another request;
then another client sends a request through the same proxy. The result is a table; with `--report` it is written into
docs/reference/trials.md. A disagreement about the number of requests, where they end or their content is what request
smuggling is made of: it is printed, and the exit code is 1. A proxy may refuse a message, or correct it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from tests.soak.proxies import PROXIES, Proxy
from tests.soak.report import write_section

from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.testing import LiveServer

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "trials.md"
VECTORS = Path(__file__).parents[1] / "wire" / "vectors"
HEADING = "## Through proxies"
QUIET_SECONDS = 0.7  # without a byte: nothing more comes
MOST_SECONDS = 5.0
SETTLE_SECONDS = 7.0  # longer than any proxy here waits for a client


class Seen(NamedTuple):
    """A request as the site has seen it."""

    number: int
    method: str
    target: str
    content: bytes


class Mirror:
    """A site that records every request, and has its number in each response."""

    def __init__(self) -> None:
        """Start without requests."""
        self.seen: list[Seen] = []
        self._call = Call(self.run, "mirror", is_pinned=True, reads_content=True)

    def find(self, _: Request, /) -> Call:
        """Return the one call, for every request."""
        return self._call

    def run(self, request: Request, /) -> Response:
        """Record the request."""
        number = len(self.seen)
        self.seen.append(Seen(number, request.method, request.head.target, bytes(request.content)))
        content = json.dumps({"number": number})
        return Response(
            content, headers={"x-mirror": str(number), "cache-control": "no-store"}, media_type="application/json"
        )

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


@dataclass
class Outcome:
    """The requests and responses of one message, sent directly or through a proxy."""

    seen: list[Seen]  # by the site, of this message and the one after it
    completed: list[int]  # numbers of the requests whose responses the client got
    probes: list[Seen] = field(default_factory=list)  # what the site saw of the next client's request
    probe_response: int | None = None


def exchange(port: int, data: bytes) -> list[int]:
    """Send data; return the numbers in the responses."""
    received = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), MOST_SECONDS) as sock:
        sock.settimeout(QUIET_SECONDS)
        until = time.monotonic() + MOST_SECONDS
        with contextlib.suppress(OSError):
            sock.sendall(data)
        while time.monotonic() < until and (piece := sock.recv(65536)):
            received += piece
    return [int(each) for each in re.findall(rb"(?im)^x-mirror: *([0-9]{1,9})\r?$", received)]


def try_message(mirror: Mirror, port: int, name: str, data: bytes) -> Outcome:
    """Send a message with another request after it; then send a request as another client."""
    begin = len(mirror.seen)
    completed = exchange(port, data + _get(f"/next-{name}"))
    middle = len(mirror.seen)
    probe = f"/probe-{name}"
    responses = exchange(port, _get(probe))
    seen, after = mirror.seen[begin:middle], mirror.seen[middle:]
    late = [each for each in after if each.target != probe]  # a proxy may have kept some of it
    return Outcome(
        seen + late,
        completed,
        [each for each in after if each.target == probe],
        responses[0] if len(responses) == 1 else None,
    )


def _get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n".encode()


class Verdict(NamedTuple):
    """The result of comparing a message sent directly with the same message through a proxy."""

    kind: str  # of KINDS
    why: str = ""


KINDS = ("same", "refused", "repaired", "rewritten", "differs")


def compare_outcomes(name: str, direct: Outcome, run_through: Outcome) -> Verdict:
    """Compare what the site saw of a message sent directly, and of the same message through a proxy."""
    following = f"/next-{name}"
    theirs = [each for each in run_through.seen if each.target != following]
    ours = [each for each in direct.seen if each.target != following]
    if why := _confusion(theirs, following, run_through):
        return Verdict("differs", why)
    if not theirs:
        return Verdict("refused" if ours else "same")
    if not ours:
        return Verdict("repaired")
    if len(ours) != len(theirs):
        return Verdict("differs", f"{len(ours)} requests, and {len(theirs)} through the proxy")
    found = [
        _compare_requests(*pair, is_known=pair[1].number in run_through.completed)
        for pair in zip(ours, theirs, strict=True)
    ]
    return max(found, key=lambda verdict: KINDS.index(verdict.kind))


def _confusion(theirs: list[Seen], following: str, run_through: Outcome) -> str:
    """Return the evidence that the site saw other requests than the proxy knows of, or an empty string.

    A proxy knows each request whose response it passes on, in its place, and one request that it began to pass on and
    then gave up or responded to itself.
    """
    numbers = {each.number for each in run_through.seen}
    if [each.number for each in run_through.probes] != [run_through.probe_response]:
        return "the next client got another response, or none"
    if run_through.completed != sorted(set(run_through.completed)) or not numbers.issuperset(run_through.completed):
        return "responses came to other requests than theirs"
    followers = [each.number for each in run_through.seen if each.target == following]
    if len(followers) > 1 or not set(followers).issubset(run_through.completed):
        return "the request behind it came twice, or got another response"
    unknown = [each for each in theirs if each.number not in run_through.completed]
    if unknown and len(theirs) > 1:
        return f"the site saw {len(theirs)} requests, of which the proxy does not know {len(unknown)}"
    return ""


def _compare_requests(mine: Seen, other: Seen, *, is_known: bool) -> Verdict:
    """Compare two requests; it is no disagreement if a proxy rewrites what it has understood."""
    changes = []
    if mine.method != other.method:
        changes.append(f"{mine.method} is {other.method}")
    if mine.content != other.content:
        changes.append(f"content of {len(mine.content)} bytes, {len(other.content)} of them through the proxy")
    if not _is_same_target(mine.target, other.target):
        changes.append(f"{mine.target[:60]} is {other.target[:60]}")
    is_same_method = mine.method.upper() == other.method.upper()
    is_cut = mine.content.startswith(other.content)  # left out, or given up in the middle: its client got no response
    if not is_same_method or not is_cut or (mine.content != other.content and other.content and is_known):
        return Verdict("differs", "; ".join(changes))
    return Verdict("rewritten" if changes else "same", "; ".join(changes))


def _is_same_target(mine: str, other: str) -> bool:
    """Return whether two targets are equal; a proxy may drop scheme and host, or encode characters."""
    short = [re.sub(r"(?i)^https?://[^/?]*", "", each) for each in (mine, other)]
    plain = [unquote(each if each.startswith("/") else f"/{each}") for each in short]
    return mine == other or plain[0] == plain[1]


def messages() -> dict[str, bytes]:
    """Return every raw message by its name."""
    return {path.stem: path.read_bytes() for path in sorted(VECTORS.glob("*.http"))}


def run_directly(vectors: dict[str, bytes]) -> dict[str, Outcome]:
    """Send each message directly to a site; return the outcomes."""
    mirror = Mirror()
    with LiveServer(mirror) as server:
        return {name: try_message(mirror, server.port, name, data) for name, data in vectors.items()}


def run_through(
    proxy: Proxy, vectors: dict[str, bytes], direct: dict[str, Outcome], folder: Path
) -> dict[str, Verdict]:
    """Send each message through a proxy; return the verdicts. Raises TimeoutError if the proxy does not start.

    What a proxy passes on late would count for the next message: so a disagreement counts only if it occurs again after
    a pause.
    """
    mirror, verdicts = Mirror(), {}
    with LiveServer(mirror) as server, proxy.running(folder, server.port) as port:
        for name, data in vectors.items():
            verdict = compare_outcomes(name, direct[name], try_message(mirror, port, name, data))
            if verdict.kind == "differs":
                time.sleep(SETTLE_SECONDS)
                verdict = compare_outcomes(name, direct[name], try_message(mirror, port, name, data))
            verdicts[name] = verdict
    return verdicts


class Comparison(NamedTuple):
    """The rows of the table, the disagreements, and what proxies have rewritten."""

    rows: list[str]
    found: list[str]
    rewritten: list[str]


def compare(chosen: Sequence[Proxy], vectors: dict[str, bytes], folder: Path) -> Comparison:
    """Send all messages directly and through each proxy, side by side."""
    rows: list[str] = []
    found: list[str] = []
    rewritten: list[str] = []
    with ThreadPoolExecutor(len(chosen) or 1) as threads:
        direct = run_directly(vectors)
        running = {
            proxy: threads.submit(run_through, proxy, vectors, direct, folder / f"{at}")
            for at, proxy in enumerate(chosen)
        }
        for proxy, each in running.items():
            try:
                verdicts = each.result()
            except TimeoutError as error:
                print(error, file=sys.stderr)  # noqa: T201 - progress
                rows.append(f"| {proxy.name} | did not start | | | | | |")
                continue
            counts = Counter(verdict.kind for verdict in verdicts.values())
            cells = [proxy.name, proxy.version_text(), *(str(counts[kind]) for kind in KINDS)]
            rows.append(f"| {' | '.join(cells)} |")
            for kind, kept in (("differs", found), ("rewritten", rewritten)):
                kept += [f"{proxy.name}, {name}: {each.why}" for name, each in verdicts.items() if each.kind == kind]
    return Comparison(rows, found, rewritten)


SECTION = """{heading}

`python -m tests.soak.differential`: {count} raw messages (the [vectors](../../tests/wire/test_vectors.py), each with
another request after it) sent directly to a site, and through each proxy to another; then another client sends a
request through the same proxy, over the connections that it keeps to the site. A disagreement is about the number of
requests, where they end, or their content.

| proxy | version | the same | refused by the proxy | corrected by the proxy, refused here | rewritten | disagreements |
|---|---|---|---|---|---|---|
{rows}

Rewritten by the proxy, once it had understood the request: {rewritten}.
{missing}"""


def run(chosen: Sequence[Proxy] = PROXIES) -> tuple[str, list[str]]:
    """Compare through every installed proxy; return the section of the page, and the disagreements."""
    present = [proxy for proxy in chosen if proxy.is_installed]
    missing = [f"{proxy.name} (package {proxy.package})" for proxy in chosen if not proxy.is_installed]
    vectors = messages()
    with tempfile.TemporaryDirectory(prefix="differential-") as name:
        Path(name).chmod(0o755)
        compared = compare(present, vectors, Path(name))
    section = SECTION.format(
        heading=HEADING,
        count=len(vectors),
        rows="\n".join(compared.rows),
        rewritten="; ".join(compared.rewritten) or "nothing",
        missing=f"\nNot installed, so not compared: {', '.join(missing)}.\n" if missing else "",
    )
    return section, compared.found


def main() -> int:
    """Run the comparison; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="differential", description="Compare the requests that proxies and Fanlight see in odd messages."
    )
    parser.add_argument("--report", action="store_true", help="write docs/reference/trials.md again")
    parser.add_argument("--only", default="", help="names of proxies, with commas between")
    arguments = parser.parse_args()
    names = {each.strip().lower() for each in arguments.only.split(",") if each.strip()}
    section, found = run([proxy for proxy in PROXIES if not names or proxy.name.lower() in names])
    print(section, *found, sep="\n")  # noqa: T201 - the report
    if arguments.report and not found:
        write_section(PAGE, HEADING, section)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
