"""Sites of other frameworks, started by `fanlight run` and `fanlight dev`, as people have them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.browser import Tab
from tests.journeys.conftest import Serve, Site
from tests.speed import PATIENCE

DJANGO = """
import os, sys
import django
from django.conf import settings

settings.configure(
    DEBUG=False,
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="tests",
    ROOT_URLCONF="shop",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.messages",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
        "OPTIONS": {"context_processors": [
            "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]},
    }],
    STATIC_URL="/static/",
)
django.setup()

from django.contrib import admin
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls), path("", lambda request: HttpResponse("the shop"))]

if __name__ == "__main__":
    from django.core.management import call_command
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User
    User.objects.create_superuser("ann", "ann@example.org", "correct horse")
else:
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application
    application = get_wsgi_application()
    asgi_application = get_asgi_application()
"""


@pytest.mark.parametrize("name", ["shop.py", "shop:asgi_application"])
def test_the_admin_of_django(serve: Serve, tmp_path: Path, tab: Tab, name: str) -> None:
    """In a browser, an administrator signs in, adds a group, finds it again, and signs out: by WSGI, and by ASGI."""
    (tmp_path / "shop.py").write_text(DJANGO)
    subprocess.run([sys.executable, "shop.py"], cwd=tmp_path, check=True, timeout=PATIENCE)
    site = serve(tmp_path, name)
    tab.open(f"{site.url}/admin/")
    tab.type("#id_username", "ann")
    tab.type("#id_password", "correct horse")
    tab.click("input[type=submit]")
    assert "Site administration" in tab.text
    tab.open(f"{site.url}/admin/auth/group/add/")
    tab.type("#id_name", "Friends")
    tab.click("input[name=_save]")
    assert "was added successfully" in tab.text
    assert "Friends" in tab.text
    tab.click("#logout-form button")
    assert "Logged out" in tab.text


STARLETTE = """
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from shop.pages import index

app = Starlette(routes=[Mount("/static", StaticFiles(directory="shop/static")), index])
"""
PAGES = """
from starlette.responses import PlainTextResponse
from starlette.routing import Route

index = Route("/", lambda request: PlainTextResponse("the shop"))
"""


@pytest.mark.parametrize("words", [("shop.main:app",), ("shop.main:app", "--workers", "2")], ids=["alone", "workers"])
def test_a_package_finds_its_files_from_the_folder_of_the_command(
    serve: Serve, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """As with other servers: an app of a package names its folders from above it."""
    (tmp_path / "shop" / "static").mkdir(parents=True)
    for name, text in {"main.py": STARLETTE, "pages.py": PAGES, "__init__.py": "", "static/tea.txt": "tea"}.items():
        (tmp_path / "shop" / name).write_text(text)
    site = serve(tmp_path, *words)
    for _ in range(2):
        assert httpx.get(f"{site.url}/").text == "the shop"
        assert httpx.get(f"{site.url}/static/tea.txt").text == "tea"


FLASK = """
from flask import Flask
app = Flask(__name__)

@app.get("/")
def index():
    return "<!doctype html><title>Shop</title><h1>first</h1>"
"""


def _until(site: Site, text: str) -> str:
    """Return the front page when it has a text."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        page = httpx.get(site.url, timeout=PATIENCE).text
        if text in page:
            return page
        time.sleep(0.05)
    raise AssertionError(page)


FASTAPI_PAGE = """
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
app = FastAPI()

@app.get("/", response_class=HTMLResponse)
async def index():
    return "<!doctype html><title>Shop</title><h1>first</h1>"
"""
DJANGO_PAGE = """
from django.conf import settings
from django.core.{kind} import get_{kind}_application
from django.http import HttpResponse
from django.urls import path

settings.configure(DEBUG=False, ALLOWED_HOSTS=["*"], SECRET_KEY="tests", ROOT_URLCONF=__name__)
urlpatterns = [path("", lambda request: HttpResponse("<!doctype html><title>Shop</title><h1>first</h1>"))]
app = get_{kind}_application()
"""
SITES = {
    "flask": FLASK,
    "fastapi": FASTAPI_PAGE,
    "django": DJANGO_PAGE.format(kind="wsgi"),
    "django by ASGI": DJANGO_PAGE.format(kind="asgi"),
}


@pytest.mark.parametrize("code", SITES.values(), ids=SITES)
def test_dev_reloads_a_foreign_app(serve: Serve, tmp_path: Path, code: str) -> None:
    """A save is served at once, and a page of HTML has the script that reloads it."""
    (tmp_path / "main.py").write_text(code)
    site = serve(tmp_path, command=("-m", "fanlight", "dev", "--port", "0"))
    assert "<h1>first</h1>" in _until(site, "first")
    (tmp_path / "main.py").write_text(code.replace("first", "second"))
    assert "__fanlight__" in _until(site, "<h1>second</h1>")


@pytest.mark.skipif(os.name != "posix", reason="workers need a system on which sockets can be passed to them")
@pytest.mark.parametrize("code", SITES.values(), ids=SITES)
def test_a_reload_serves_new_code_of_a_foreign_app_and_fails_no_request(
    serve: Serve, tmp_path: Path, code: str
) -> None:
    """Requests that come all the time get the old page or the new one."""
    (tmp_path / "main.py").write_text(code)
    site = serve(tmp_path, "main:app", "--workers", "2", "--no-access-log")
    assert "<h1>first</h1>" in _until(site, "first")
    (tmp_path / "main.py").write_text(code.replace("first", "second"))
    site.send_signal(signal.SIGHUP)
    until, seen = time.monotonic() + PATIENCE, list[str]()
    with httpx.Client(timeout=PATIENCE) as kept:
        while seen[-20:].count("second") < 20:
            assert time.monotonic() < until
            for response in (kept.get(site.url), httpx.get(site.url, timeout=PATIENCE)):
                assert response.status_code == 200
                seen.append("second" if "<h1>second</h1>" in response.text else "first")
    site.process.terminate()
    assert site.wait_for_exit() == 0


FASTAPI = """
import os
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    open("events", "a").write("start\\n")
    yield
    open("events", "a").write("stop\\n")

app = FastAPI(lifespan=lifespan)

@app.get("/")
async def index():
    return {"worker": os.getpid()}
"""


@pytest.mark.skipif(os.name != "posix", reason="workers need a system on which sockets can be passed to them")
def test_workers_serve_a_fastapi_app(serve: Serve, tmp_path: Path) -> None:
    """Each worker runs the lifespan, from before its first request to behind its last response."""
    (tmp_path / "main.py").write_text(FASTAPI)
    site = serve(tmp_path, "main:app", "--workers", "2")
    assert httpx.get(site.url, timeout=PATIENCE).json()["worker"] != site.process.pid
    site.process.terminate()
    assert site.wait_for_exit() == 0
    assert (tmp_path / "events").read_text().split() == ["start", "start", "stop", "stop"]


def test_a_start_that_fails_is_said(tmp_path: Path) -> None:
    """Where the lifespan of an app fails, no port is opened, and the message is that of the app."""
    (tmp_path / "main.py").write_text(FASTAPI.replace('open("events", "a").write("start\\n")', "1 / 0"))
    command = [sys.executable, "-m", "fanlight", "run", "--port", "0"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode != 0
    assert "can't start" in ended.stderr
    assert "ZeroDivisionError" in ended.stderr


def test_routes_of_a_foreign_site(tmp_path: Path) -> None:
    """`fanlight routes` shows the app, and where it is mounted."""
    (tmp_path / "flask_app.py").write_text(FLASK)
    (tmp_path / "main.py").write_text(
        'from fanlight import wsgi\n\ndef home():\n    return ""\n\n'
        'URLS = {"/": home, "/legacy": wsgi("flask_app:app")}\n'
    )
    command = [sys.executable, "-m", "fanlight", "routes"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    assert "ANY  /legacy/{path...}  wsgi(flask_app:app)" in shown
    as_json = subprocess.run(
        [*command, "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True
    ).stdout
    assert [each["kind"] for each in json.loads(as_json)["routes"]] == ["view", "app", "app"]
