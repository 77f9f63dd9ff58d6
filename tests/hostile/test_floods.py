"""Floods of requests whose lines are expensive: no honest line is missing from the log, nor any of the flood's own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.hostile.decoding import MIB, peak
from tests.hostile.floods import KINDS, flooding, lines_in, seen_after
from tests.soak.served import SITE, Served
from tests.speed import PATIENCE, seconds

MOST_MIB = 64  # that entries and lines may hold, and some of it twice
FLOOD_SECONDS = 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_flood_does_not_blind_the_log(tmp_path: Path, kind: str) -> None:
    """While it comes an honest client's lines are there soon; a stop writes all of them; memory has its bound."""
    log = tmp_path / "access.log"
    served = Served(SITE, ["--access-file", str(log)], tmp_path / "log")
    honest = 0
    try:
        before = peak(served)
        with flooding(served.port, kind) as counted:
            until = time.monotonic() + seconds(FLOOD_SECONDS)
            while time.monotonic() < until or not honest:
                assert seen_after(served.port, log, f"honest-{honest}", PATIENCE) < PATIENCE
                honest += 1
        grown = (peak(served) - before) / MIB * 1024
    finally:
        served.end()
    assert lines_in(log) == counted["answered"] + honest
    assert grown < MOST_MIB
    assert "lost" not in served.log.read_text()
