"""However many bad cookies are sent, the log stays short."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from fanlight.sessions import refusals
from fanlight.sessions.refusals import MAX_REASONS, SECONDS, Refusals


def test_a_reason_is_logged_now_and_then(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each reason, and after a while one more with the number of those between."""
    now = [0.0]
    monkeypatch.setattr(refusals, "time", SimpleNamespace(monotonic=lambda: now[0]))
    noted = Refusals()
    with caplog.at_level(logging.WARNING, "fanlight.sessions"):
        for _ in range(100):
            noted.note("it is forged", "GET /")
        noted.note("it is old", "GET /")
        now[0] = SECONDS
        noted.note("it is forged", "GET /b")
    assert [each.getMessage() for each in caplog.records] == [
        "it is forged: GET /",
        "it is old: GET /",
        "it is forged: GET /b (99 more since the last line)",
    ]


def test_reasons_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Many different reasons don't fill memory or the log."""
    noted = Refusals()
    for number in range(10 * MAX_REASONS):
        noted.note(f"reason {number}", "GET /")
    assert len(caplog.records) == MAX_REASONS


def test_a_line_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """A path with a line end can't begin another entry."""
    Refusals().note("it is forged", "GET /\nroot")
    assert "\n" not in caplog.records[0].getMessage()
