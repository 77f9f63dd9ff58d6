"""Send the raw messages of tests/wire/vectors through proxies that others wrote: each must see the requests we see.

    python -m tests.soak.differential [--report] [--only nginx,HAProxy]

Each message is sent straight to a site, and through each proxy to another one, with a next request behind it; then
another client asks through the same proxy. In: the proxies that are installed. Out: a table; with `--report` it is
written into docs/reference/trials.md. A disagreement about how many requests there were, where they end or what was in
them is how requests are smuggled: it is printed, and the exit code is 1. That a proxy refuses a message, or makes a
good one of a bad one, is none.
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
    """A site that notes every request, and says in each response the number of its request."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.seen: list[Seen] = []
        self._call = Call(self.run, "mirror", is_pinned=True, reads_content=True)

    def find(self, _: Request, /) -> Call:
        """Return the one call, for every request."""
        return self._call

    def run(self, request: Request, /) -> Response:
        """Note a request."""
        number = len(self.seen)
        self.seen.append(Seen(number, request.method, request.head.target, bytes(request.content)))
        said = json.dumps({"number": number})
        return Response(
            said, headers={"x-mirror": str(number), "cache-control": "no-store"}, media_type="application/json"
        )

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


@dataclass
class Outcome:
    """What became of one message on one way."""

    seen: list[Seen]  # by the site, of this message and the one behind it
    answered: list[int]  # numbers of the requests whose responses the client got
    probes: list[Seen] = field(default_factory=list)  # what the site saw of the one who asked next
    probe_answer: int | None = None


def converse(port: int, data: bytes) -> list[int]:
    """Send bytes; return the numbers in the responses that come."""
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
    """Send a message with one behind it, then have somebody else ask."""
    begin = len(mirror.seen)
    answered = converse(port, data + _get(f"/next-{name}"))
    middle = len(mirror.seen)
    probe = f"/probe-{name}"
    answers = converse(port, _get(probe))
    seen, after = mirror.seen[begin:middle], mirror.seen[middle:]
    late = [each for each in after if each.target != probe]  # a proxy may have kept some of it
    return Outcome(
        seen + late,
        answered,
        [each for each in after if each.target == probe],
        answers[0] if len(answers) == 1 else None,
    )


def _get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n".encode()


class Verdict(NamedTuple):
    """What two ways of one message come to."""

    kind: str  # of KINDS
    why: str = ""


KINDS = ("same", "refused", "repaired", "rewritten", "differs")


def judge(name: str, straight: Outcome, through: Outcome) -> Verdict:
    """Compare what the site saw of a message that came straight, and of one that came through a proxy."""
    following = f"/next-{name}"
    theirs = [each for each in through.seen if each.target != following]
    ours = [each for each in straight.seen if each.target != following]
    if why := _confused(theirs, following, through):
        return Verdict("differs", why)
    if not theirs:
        return Verdict("refused" if ours else "same")
    if not ours:
        return Verdict("repaired")
    if len(ours) != len(theirs):
        return Verdict("differs", f"{len(ours)} requests, and {len(theirs)} through the proxy")
    found = [_compared(*pair, is_known=pair[1].number in through.answered) for pair in zip(ours, theirs, strict=True)]
    return max(found, key=lambda verdict: KINDS.index(verdict.kind))


def _confused(theirs: list[Seen], following: str, through: Outcome) -> str:
    """Return by what one can tell that the site saw other requests than the proxy knows of, "" if by nothing.

    A proxy knows of each request whose response it passes on, in its place; and of one request that it has begun to
    pass on, and then gave up, or answered itself.
    """
    numbers = {each.number for each in through.seen}
    if [each.number for each in through.probes] != [through.probe_answer]:
        return "who asked next got another response, or none"
    if through.answered != sorted(set(through.answered)) or not numbers.issuperset(through.answered):
        return "responses came to other requests than theirs"
    followers = [each.number for each in through.seen if each.target == following]
    if len(followers) > 1 or not set(followers).issubset(through.answered):
        return "the request behind it came twice, or got another response"
    unknown = [each for each in theirs if each.number not in through.answered]
    if unknown and len(theirs) > 1:
        return f"the site saw {len(theirs)} requests, of which the proxy does not know {len(unknown)}"
    return ""


def _compared(mine: Seen, other: Seen, *, is_known: bool) -> Verdict:
    """Compare two requests; that a proxy rewrites what it has understood is no disagreement."""
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
    """Say whether two targets are one: a proxy may leave out scheme and host, and encode what ought to be."""
    short = [re.sub(r"(?i)^https?://[^/?]*", "", each) for each in (mine, other)]
    plain = [unquote(each if each.startswith("/") else f"/{each}") for each in short]
    return mine == other or plain[0] == plain[1]


def messages() -> dict[str, bytes]:
    """Return every raw message, by its name."""
    return {path.stem: path.read_bytes() for path in sorted(VECTORS.glob("*.http"))}


def straightly(vectors: dict[str, bytes]) -> dict[str, Outcome]:
    """Return what becomes of each message that is sent to a site straight."""
    mirror = Mirror()
    with LiveServer(mirror) as server:
        return {name: try_message(mirror, server.port, name, data) for name, data in vectors.items()}


def through(proxy: Proxy, vectors: dict[str, bytes], straight: dict[str, Outcome], folder: Path) -> dict[str, Verdict]:
    """Return what each message comes to on its way through a proxy. Raises TimeoutError if it does not start.

    What a proxy passes on late would be taken for a part of the next message: so a disagreement is one if it is there
    again after a pause.
    """
    mirror, verdicts = Mirror(), {}
    with LiveServer(mirror) as server, proxy.running(folder, server.port) as port:
        for name, data in vectors.items():
            verdict = judge(name, straight[name], try_message(mirror, port, name, data))
            if verdict.kind == "differs":
                time.sleep(SETTLE_SECONDS)
                verdict = judge(name, straight[name], try_message(mirror, port, name, data))
            verdicts[name] = verdict
    return verdicts


class Compared(NamedTuple):
    """The rows of the table, and in words what differs, and what proxies have rewritten."""

    rows: list[str]
    found: list[str]
    rewritten: list[str]


def compare(chosen: Sequence[Proxy], vectors: dict[str, bytes], folder: Path) -> Compared:
    """Send all messages straight and through each proxy, side by side."""
    rows: list[str] = []
    found: list[str] = []
    rewritten: list[str] = []
    with ThreadPoolExecutor(len(chosen) or 1) as threads:
        straight = straightly(vectors)
        running = {
            proxy: threads.submit(through, proxy, vectors, straight, folder / f"{at}")
            for at, proxy in enumerate(chosen)
        }
        for proxy, each in running.items():
            try:
                verdicts = each.result()
            except TimeoutError as error:
                print(error, file=sys.stderr)  # noqa: T201 - for who waits
                rows.append(f"| {proxy.name} | did not start | | | | | |")
                continue
            counts = Counter(verdict.kind for verdict in verdicts.values())
            cells = [proxy.name, proxy.said_version(), *(str(counts[kind]) for kind in KINDS)]
            rows.append(f"| {' | '.join(cells)} |")
            for kind, kept in (("differs", found), ("rewritten", rewritten)):
                kept += [f"{proxy.name}, {name}: {each.why}" for name, each in verdicts.items() if each.kind == kind]
    return Compared(rows, found, rewritten)


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
    """Compare through every proxy that is installed; return the section for the page, and the disagreements."""
    present = [proxy for proxy in chosen if proxy.is_there]
    missing = [f"{proxy.name} (package {proxy.package})" for proxy in chosen if not proxy.is_there]
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
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="differential", description="Compare what proxies and we see in odd messages."
    )
    parser.add_argument("--report", action="store_true", help="write docs/reference/trials.md anew")
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
