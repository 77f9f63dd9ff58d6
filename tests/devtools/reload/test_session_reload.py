"""Sessions while a site is developed: they survive a change of code, and the inspector does not show them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.devtools.reload.conftest import DevSite, only_main, wait_until

MAIN = """
from fanlight import Flash, Session


def text(session: Session) -> str:
    return f"code one: {session.user_id} {session.get('word')}"


def enter(session: Session, flash: Flash) -> str:
    session.sign_in(5)
    session["word"] = "xylophone"
    flash("marimba")
    return "entered"


URLS = {"/text": text, "/enter": enter}
"""


def test_a_session_survives_a_change_of_code(folder: Path, develop: Callable[..., DevSite], tmp_path: Path) -> None:
    """The secret is in the state folder, so the worker of the new code has it; no page shows a cookie."""
    only_main(folder, MAIN)
    site = develop("--state-folder", str(tmp_path / "state")).begin()
    response, _ = site.send("GET", "/enter")
    cookies = [each.partition(";")[0] for each in response.headers.get_all("set-cookie") or ()]
    cookie = "; ".join(cookies)
    assert site.get(cookie=cookie)[1] == "code one: 5 xylophone"
    shown = inspected(site)
    assert "a session" in shown
    assert "session-flash" in shown
    signatures = [each.partition("=")[2].partition(".")[2] for each in cookies]
    assert len(signatures) == 2
    assert not [each for each in signatures if each in shown]
    site.replace("main.py", "code one", "code two")
    site.wait_for("code two")
    assert site.get(cookie=cookie)[1] == "code two: 5 xylophone"


def inspected(site: DevSite) -> str:
    """Return what the inspector shows of the exchanges so far, when its thread has got to them."""

    def listed() -> str:
        return site.get("/__fanlight__/exchanges.har")[1]

    wait_until(lambda: "/text" in listed(), listed)
    ids = dict.fromkeys(re.findall(r"\b\d{3}-\d{5}\b", listed()))
    return listed() + "".join(site.get(f"/__fanlight__/exchanges/{each}")[1] for each in ids)
