"""Random bytes, guided by coverage, against the wire: run by `make fuzz`, and for a moment by the tests.

    python tests/fuzz/wire_atheris.py -max_total_time=600

Whatever comes, only a `ProtocolError` may be raised; the same bytes come to the same events however they
are split; and the wire never keeps more than its limits and one piece.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped]  # it comes without types

with atheris.instrument_imports():
    from fanlight.errors import ProtocolError
    from fanlight.wire.http1.http1_connection import Http1Connection
    from fanlight.wire.http1.wire_events import Content, RequestHead
    from fanlight.wire.http1.wire_limits import WireLimits

LIMITS = WireLimits(head_bytes=400, field_count=8, content_bytes=64, chunk_extension_bytes=16, trailer_bytes=64)
VECTORS = Path(__file__).parents[1] / "wire" / "vectors"


def outcome(pieces: list[bytes]) -> list[object]:
    """Return the events of a connection for these pieces, with a response to each request at once."""
    wire, content = Http1Connection(LIMITS), b""
    seen: list[object] = []
    for piece in pieces:
        wire.receive(piece)
        try:
            while not wire.must_close and (event := wire.next_event()) is not None:
                if isinstance(event, Content):
                    content += event.data
                    continue
                if isinstance(event, RequestHead):
                    seen.append((event.method, event.path, event.query, event.authority, tuple(event.fields)))
                    if event.content_length != 0:
                        continue
                else:
                    seen.append((content, tuple(event.trailers)))
                    content = b""
                wire.send_response(200, (), b"ok", b"")
        except ProtocolError as refusal:
            seen.append(refusal.status)
            wire.refuse(refusal, b"")
            break
        assert len(wire.buffer) <= len(piece) + 1024, "the wire keeps too much"
        if wire.must_close:
            break
    return seen


def test_one_input(data: bytes) -> None:
    """Hold one input against all that is promised."""
    whole = outcome([data])
    bytewise = outcome([data[index : index + 1] for index in range(len(data))])
    middle = len(data) and data[0] % len(data)
    halves = outcome([data[:middle], data[middle:]])
    for split in (bytewise, halves):
        hold_together(whole, split)


def hold_together(whole: list[object], split: list[object]) -> None:
    """Assert that two outcomes differ only in how soon, and why, a broken message is refused."""
    understood = [each for each in whole if not isinstance(each, int)]
    understood_split = [each for each in split if not isinstance(each, int)]
    if understood_split != understood:
        assert len(split) > len(understood_split), (whole, split)
        assert understood[: len(understood_split)] == understood_split, (whole, split)
    if len(whole) > len(understood):
        assert len(split) > len(understood_split), (whole, split)


def main() -> None:
    """Fuzz, beginning from the vectors; what is found on the way goes to a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as found:
        atheris.Setup([*sys.argv, "-max_len=600", f"-artifact_prefix={found}/", found, str(VECTORS)], test_one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
