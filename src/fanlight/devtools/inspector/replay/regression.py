"""Send recorded requests again, and compare each response with the one that was recorded.

In: recorded exchanges, the URL of a server, rules. Out: an `Outcome` for each, in their order, as they come. One that
can't be compared has the reason; it is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from fanlight.devtools.inspector.replay.differences import Difference, Rules, differences
from fanlight.devtools.inspector.replay.raw_request import CannotReplay
from fanlight.devtools.inspector.replay.recording_file import Recorded
from fanlight.devtools.inspector.replay.resending import Replayed, send


class Outcome(Struct, frozen=True):
    """What came of one recorded request."""

    recorded: Recorded
    replayed: Replayed | None
    differences: Sequence[Difference]
    not_compared: str = ""  # why, if it was not sent or not compared

    @property
    def differs(self) -> bool:
        """Whether the response is another one."""
        return bool(self.differences)


def replay_all(recorded: Iterable[Recorded], url: str, rules: Rules) -> Iterator[Outcome]:
    """Yield an outcome for each request; the next one is sent when the caller asks for it."""
    for each in recorded:
        yield replay_one(each, url, rules)


def replay_one(recorded: Recorded, url: str, rules: Rules) -> Outcome:
    """Return the outcome of one request. A server that can't be reached, or does not respond, is a difference."""
    if recorded.left_out:
        reason = f"its {' and '.join(recorded.left_out)} was left out; `fanlight record --with-secrets` keeps it"
        return Outcome(recorded, None, (), reason)
    try:
        replayed = send(recorded.request, url)
    except CannotReplay as error:
        return Outcome(recorded, None, (Difference("response", str(recorded.response.status), str(error)),))
    return Outcome(recorded, replayed, differences(recorded.response, replayed.response, rules))
