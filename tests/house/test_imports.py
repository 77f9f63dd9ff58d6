"""What is loaded when: a site waits for its imports at each start, so it loads what it uses, and all before it serves.

Nothing here takes time: the modules of a fresh interpreter are compared with a list of names. Each has its reason.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

LESSON = Path(__file__).parents[2] / "examples" / "lesson"
# Not loaded by `from fanlight import App`, nor by the lesson's app, which has two plain pages.
UNUSED = {
    "html.entities": "2,231 names of characters; escaping needs five",
    "multipart": "for a view that may get a form; it loads tempfile, and so three compressors",
    "tempfile": "for content that is too large for memory",
    "hashlib": "loads OpenSSL; for what is signed, hashed or fingerprinted",
    "secrets": "loads hashlib and random; for sessions and nonces",
    "sqlite3": "for a store",
    "difflib": "for a name that is not found",
    "email": "for nothing that is served",
    "http": "for nothing; the phrases of statuses are a table",
    "http.client": "for the test client",
    "bz2": "for shutil, which tempfile loads",
    "importlib.metadata": "for `fanlight --version`",
    "fanlight.sessions.session_state": "for a view with a session, and what counts by users",
    "fanlight.protection.rate_limit_guard": "for a route with a limit",
    "fanlight.pages.static.files": "for a folder in URLS",
    "fanlight.binding.input_parameter": "for a view that takes something from its client",
    "fanlight.binding.body": "for a view that takes content",
    "fanlight.binding.class_fields": "for a view that takes a class",
    "fanlight.message.client_cert": "for TLS",
    "fanlight.openapi": "for a site that is described",
    "fanlight.app.observed_errors": "for development",
    "fanlight.protection.policy_reports": "for a site with an address for reports",
    "fanlight.stores.memory_store": "for a site that needs a store",
    "fanlight.topics": "for a site with topics",
}
# Nor by the server of the lesson's app.
UNUSED_BY_A_SERVER = {
    "click": "for a command line that is not plain",
    "jinja2": "for a site with templates",
    "fanlight.server.tls.tls": "for a server with TLS",
}
# Loaded neither by an import of the framework: a server is for a site that is run.
OF_A_SERVER = {
    "asyncio": "a third of a start",
    "logging": "loads traceback and string; for what is logged, and for asyncio",
    "signal": "its enums take time to make; for the command",
    "ssl": "loads OpenSSL",
    "backports.zstd": "a library, for an app that compresses",
    "brotli": "as above",
    "fanlight.binding.plan": "for an app with views",
    "fanlight.server": "for a site that is run",
}


def modules_after(code: str) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        cwd=LESSON,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ended.stdout.split())


@cache
def after_import() -> set[str]:
    return modules_after("from fanlight import App, Request, Response, redirect, render")


def test_an_import_loads_no_part_that_is_not_used() -> None:
    """The names of a plain site load neither a server nor what only some sites have."""
    assert sorted(after_import() & {*UNUSED, *UNUSED_BY_A_SERVER, *OF_A_SERVER}) == []


def test_the_server_of_a_plain_site_loads_no_part_that_is_not_used() -> None:
    """What is loaded when the lesson's site is ready to be served is used by every server, or by its pages."""
    started = "import fanlight.__main__, fanlight.cli.plain_words, fanlight.cli.run"
    loaded = modules_after(f"{started}\nfrom fanlight.site.loading import load\nload('.')")
    assert sorted(loaded & {*UNUSED, *UNUSED_BY_A_SERVER}) == []
    assert "asyncio" in loaded


def test_a_supervisor_loads_no_part_of_a_site() -> None:
    """Its workers load the site; it has its own start before theirs."""
    started = "import fanlight.__main__, fanlight.cli.plain_words, fanlight.cli.run, fanlight.server.workers.supervisor"
    rooms = {name.split(".")[1] for name in modules_after(started) if name.startswith("fanlight.")}
    assert sorted(rooms & {"app", "routing", "binding", "pages", "sessions", "protection", "compression"}) == []


def test_what_a_site_uses_is_loaded_before_it_serves(tmp_path: Path) -> None:
    """No request waits for an import: of a parser for a view that may get a form, of messages that a template shows."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "home.html").write_text("{% for each in flashes() %}{{ each }}{% endfor %}")
    (tmp_path / "main.py").write_text('def save():\n    return ""\n\nURLS = {"/": "home.html", "POST /": save}\n')
    loaded = modules_after(f"from fanlight.site.loading import load\nload({str(tmp_path)!r})")
    wanted = {
        "fanlight.message.form_reader",
        "multipart",
        "fanlight.sessions.flash",
        "jinja2",
        "fanlight.compression.codecs",
    }
    assert sorted(wanted - loaded) == []
