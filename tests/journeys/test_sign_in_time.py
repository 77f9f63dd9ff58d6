"""The time of a sign-in over a real connection: the same for an account that exists and for one that does not."""

from __future__ import annotations

import http.client
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.speed import PATIENCE

MAIN = """
from fanlight import App, Forbidden, Session, Sessions, hash_password, verify_password

ACCOUNTS = {"known@example.com": hash_password("right"), "none@example.com": ""}


def enter(session: Session, email: str, password: str):
    if not verify_password(password, ACCOUNTS.get(email)):
        raise Forbidden("That address and password don't match.")
    session.sign_in(email)
    return "welcome"


unlimited = Sessions(sign_in="/sign-in", attempts=None, account_attempts=None)
app = App({"/sign-in": "Sign in", "POST /sign-in": enter}, sessions=unlimited)
"""
ROUNDS = 15


def test_the_time_reveals_no_names(serve: Callable[..., Any], tmp_path: Path) -> None:
    """Wrong passwords of a known and an unknown name, and of one without a password, take as long, in turn."""
    (tmp_path / "main.py").write_text(MAIN)
    site = serve(tmp_path, "--no-access-log", "--state-folder", str(tmp_path / "state"))
    connection = http.client.HTTPConnection("127.0.0.1", int(site.port), timeout=PATIENCE)
    took: dict[str, list[float]] = {name: [] for name in ("known", "unknown", "none")}
    pages = set()
    for number in range(ROUNDS + 1):
        for name, times in took.items():
            form = urlencode({"email": f"{name}@example.com", "password": "wrong"})
            began = time.perf_counter()
            connection.request("POST", "/sign-in", form, {"content-type": "application/x-www-form-urlencoded"})
            response = connection.getresponse()
            pages.add((response.status, response.read(), response.getheader("set-cookie")))
            if number:  # the first call of all loads what it needs
                times.append(time.perf_counter() - began)
    connection.close()
    assert len(pages) == 1, "the page reveals which names are known"
    medians = {name: statistics.median(times) for name, times in took.items()}
    for name, median in medians.items():
        assert 0.5 < median / medians["known"] < 2, (name, medians)
