"""`fanlight replay ID` and `fanlight replay FILE`: send recorded requests again, and show what differs.

In: the id of an exchange that the development server keeps, or a file of `fanlight record`. Out: a line for each
request, its differences below it, and whether there were any. A file is sent to the development server that runs, to
the server at a URL, or to the site itself, which is started for that.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from fanlight.devtools.inspector.exchange_store import Store
from fanlight.devtools.inspector.replay.differences import Difference, Rules
from fanlight.devtools.inspector.replay.raw_request import CannotReplay
from fanlight.devtools.inspector.replay.recording_file import Recorded, Recording, record
from fanlight.devtools.inspector.replay.regression import Outcome, replay_all
from fanlight.devtools.running_servers import DevServer, find_by_url, find_one, running

_ID = re.compile(r"([0-9]{1,6})-([0-9]{1,12})")  # of an exchange: "001-00005", or shorter: 1-5
_MAX_SHOWN_LINES = 12


def is_id(what: str) -> bool:
    """Return whether an argument is the id of an exchange, and no file."""
    return _ID.fullmatch(what) is not None and not Path(what).exists()


def recording_of_id(exchange_id: str, url: str | None) -> tuple[Recording, DevServer]:
    """Return an exchange of the running development server. Raises ServerError or CannotReplay."""
    server = find_one() if url is None else find_by_url(url)
    found = _ID.fullmatch(exchange_id)
    assert found is not None  # by is_id
    exchange = Store(Path(server.exchanges)).get(f"{found[1]:0>3}-{found[2]:0>5}")
    if exchange is None:
        hint = f"{server.url}/__fanlight__ lists them"
        raise CannotReplay(f"the development server at {server.url} has no exchange {exchange_id}; {hint}")
    return Recording((record(exchange, has_secrets=True),), ()), server


@contextlib.contextmanager
def target_url(url: str | None, start_site: Callable[[], AbstractContextManager[str]]) -> Iterator[tuple[str, str]]:
    """Yield the URL to send requests to, and what it is: the given one, a running development server, or the site."""
    if url is not None:
        yield url.rstrip("/"), url
    elif running():
        server = find_one()
        yield server.url, f"the development server at {server.url}"
    else:
        with start_site() as started:
            yield started, "the site, started for this"


def writing_requests(recorded: Sequence[Recorded]) -> list[str]:
    """Return the requests that may write, as "POST /save"."""
    return [f"{each.request.method or '(broken)'} {each.request.target}" for each in recorded if each.request.writes]


def send_all(
    recorded: Sequence[Recorded], url: str, rules: Rules, show: Callable[[str], object]
) -> tuple[int, int, int]:
    """Send everything, and show the outcomes; return how many are the same, differ, and were not compared."""
    counts = [0, 0, 0]
    for outcome in replay_all(recorded, url, rules):
        counts[2 if outcome.not_compared else 1 if outcome.differs else 0] += 1
        show("\n".join(format_outcome(outcome)))
    return counts[0], counts[1], counts[2]


def format_outcome(outcome: Outcome) -> list[str]:
    """Return the lines of one outcome."""
    request, before = outcome.recorded.request, outcome.recorded.response
    what = f"{_visible(request.method) or '?':7} {_visible(request.target) or '(no request)'}"
    if outcome.not_compared:
        return [f"  skipped  {what}  {outcome.not_compared}"]
    replayed = outcome.replayed
    time = f"  {replayed.seconds * 1000:.0f} ms" if replayed is not None else ""
    if not outcome.differs:
        return [f"  same     {what}  {before.status}{time}"]
    lines = [f"  DIFFERS  {what}  {before.status}{time}"]
    for each in outcome.differences:
        lines += [f"             {line}" for line in format_difference(each)]
    return lines


def format_difference(difference: Difference) -> list[str]:
    """Return the lines of one difference: in one line if both sides are short, else below each other."""
    before, after = difference.before.splitlines(), difference.after.splitlines()
    if len(before) <= 1 and len(after) <= 1 and len(difference.before) + len(difference.after) < 80:
        return [
            f"{difference.place}: {_visible(difference.before) or '(none)'} -> {_visible(difference.after) or '(none)'}"
        ]
    return [f"{difference.place}:", *_marked("-", before), *_marked("+", after)]


def _marked(mark: str, lines: Sequence[str]) -> list[str]:
    shown = [f"  {mark} {_visible(line)}" for line in lines[:_MAX_SHOWN_LINES]]
    more = len(lines) - _MAX_SHOWN_LINES
    return [*shown, f"  {mark} ... {more} more lines"] if more > 0 else shown


def _visible(text: str) -> str:
    """Return text without control characters, cut: a response could have any, for the terminal to act on."""
    text = text if text.isprintable() else "".join(each if each.isprintable() else "\N{MIDDLE DOT}" for each in text)
    return text if len(text) <= 200 else f"{text[:197]}..."
