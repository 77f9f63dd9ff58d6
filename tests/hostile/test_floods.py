"""Floods of requests whose log lines are expensive: no line of an honest client or of the flood is missing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.hostile.decoding import MIB, peak_memory
from tests.hostile.floods import KINDS, flooding, lines_in, log_delay
from tests.soak.served import SITE, Served
from tests.speed import PATIENCE, seconds

MOST_MIB = 64  # that entries and lines may take, some of them twice
FLOOD_SECONDS = 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_flood_does_not_delay_or_lose_log_lines(tmp_path: Path, kind: str) -> None:
    """During a flood an honest client's lines are written soon; a shutdown writes all lines; memory is bounded."""
    log = tmp_path / "access.log"
    served = Served(SITE, ["--access-file", str(log)], tmp_path / "log")
    honest = 0
    try:
        before = peak_memory(served)
        with flooding(served.port, kind) as counted:
            until = time.monotonic() + seconds(FLOOD_SECONDS)
            while time.monotonic() < until or not honest:
                assert log_delay(served.port, log, f"honest-{honest}", PATIENCE) < PATIENCE
                honest += 1
        grown = (peak_memory(served) - before) / MIB * 1024
    finally:
        served.stop()
    assert lines_in(log) == counted["answered"] + honest
    assert grown < MOST_MIB
    assert "lost" not in served.log.read_text()
