"""Ask apps of several frameworks, each in a process of its own, by the test client of its framework.

A program. In: JSON on standard input, a list of jobs: a framework, a folder with its files, and requests. Out: JSON on
standard output, for each job its replies and what it has printed, or a traceback. The framework is imported once; for
each job the process is forked, since Django can be set up only once in a process.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Request = dict[str, Any]
Reply = dict[str, Any]
Ask = Callable[[Request], Reply]


def _reply(status: int, headers: Any, content: bytes) -> Reply:
    fields = [(name.lower(), value) for name, value in headers]
    return {"status": status, "headers": fields, "text": content.decode()}


@contextlib.contextmanager
def flask() -> Iterator[Ask]:
    """Yield how the app of app.py is asked, by Flask's test client."""
    client = importlib.import_module("app").app.test_client()

    def ask(request: Request) -> Reply:
        response = client.open(
            request["target"], method=request["method"], headers=request["headers"], data=request["content"].encode()
        )
        with response:
            return _reply(response.status_code, response.headers.items(), response.get_data())

    yield ask


@contextlib.contextmanager
def fastapi() -> Iterator[Ask]:
    """Yield the same for FastAPI."""
    from fastapi.testclient import TestClient

    app = importlib.import_module("app").app
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:

        def ask(request: Request) -> Reply:
            response = client.request(
                request["method"], request["target"], headers=request["headers"], content=request["content"]
            )
            return _reply(response.status_code, response.headers.multi_items(), response.content)

        yield ask


@contextlib.contextmanager
def django() -> Iterator[Ask]:
    """Yield the same for Django, with settings.py and urls.py."""
    import django  # type: ignore[import-untyped]
    from django.apps import apps  # type: ignore[import-untyped]
    from django.conf import settings  # type: ignore[import-untyped]
    from django.core.management import call_command  # type: ignore[import-untyped]
    from django.test import Client  # type: ignore[import-untyped]

    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    django.setup()
    settings.MIGRATION_MODULES = {each.label: None for each in apps.get_app_configs()}  # tables without their history
    call_command("migrate", run_syncdb=True, verbosity=0)
    client = Client(raise_request_exception=False)

    def ask(request: Request) -> Reply:
        headers = dict(request["headers"])
        client.handler.enforce_csrf_checks = "origin" in headers  # as from a browser
        media_type = headers.pop("content-type", "application/octet-stream")
        response = client.generic(
            request["method"], request["target"], request["content"].encode(), media_type, headers=headers
        )
        cookies = [("set-cookie", morsel.OutputString()) for morsel in response.cookies.values()]
        content = b"".join(response.streaming_content) if response.streaming else response.content
        return _reply(response.status_code, [*response.items(), *cookies], content)

    yield ask


@contextlib.contextmanager
def fanlight() -> Iterator[Ask]:
    """Yield the same for main.py."""
    from fanlight.site.loading import load
    from fanlight.testing import Client

    with Client(load("main.py")) as client:

        def ask(request: Request) -> Reply:
            content = request["content"].encode() or None
            response = client.request(request["method"], request["target"], headers=request["headers"], content=content)
            return _reply(response.status, response.headers.pairs(), response.content)

        yield ask


FRAMEWORKS = {each.__name__: each for each in (flask, fastapi, django, fanlight)}
PRELOADED = {
    "flask": ["flask"],
    "fastapi": ["fastapi.testclient"],
    "django": ["django.core.management", "django.db.backends.sqlite3.base", "django.forms", "django.test"],
    "fanlight": ["fanlight.sessions.session_writer", "fanlight.site.loading", "fanlight.testing", "jinja2.ext"],
}


def run_tests(folder: Path) -> None:
    """Call the functions of each file of tests in a folder."""
    for file in sorted(folder.glob("test_*.py")):
        for name, function in inspect.getmembers(importlib.import_module(file.stem), inspect.isfunction):
            if name.startswith("test_"):
                function()
                print(f"passed: {name}")  # noqa: T201 - a row's output


def do(job: dict[str, Any]) -> dict[str, Any]:
    """Return the replies to a job's requests, and what was printed."""
    folder = Path(job["folder"])
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        with FRAMEWORKS[job["framework"]]() as ask:
            replies = [ask(request) for request in job["requests"]]
        run_tests(folder)
    return {"replies": replies, "printed": printed.getvalue().splitlines()}


def do_apart(job: dict[str, Any]) -> dict[str, Any]:
    """Do the same in a process of its own; return the traceback if it fails."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        with os.fdopen(read) as results:
            result = results.read()
        os.waitpid(pid, 0)
        return dict(json.loads(result or '{"failed": "the process ended"}'))
    try:
        result = json.dumps(do(job))
    except BaseException:  # noqa: BLE001 - of any framework; it is reported
        result = json.dumps({"failed": traceback.format_exc()})
    with os.fdopen(write, "w") as results:
        results.write(result)
    os._exit(0)


def main() -> None:
    """Do the jobs one after the other."""
    jobs = json.load(sys.stdin)
    warnings.simplefilter("ignore")  # of other frameworks
    for framework in {job["framework"] for job in jobs}:
        for module in PRELOADED[framework]:
            importlib.import_module(module)
    json.dump([do_apart(job) for job in jobs], sys.stdout)


if __name__ == "__main__":
    main()
