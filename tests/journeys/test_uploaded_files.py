"""What visitors have uploaded runs nothing in a real browser: opened, framed, or loaded by a page of the site."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import pytest
from tests.browser import Tab
from tests.journeys.conftest import wait_until
from tests.pictures import samples

from fanlight import App, Image, Security, Static, Upload
from fanlight.message.response import Response
from fanlight.testing import LiveServer

REPORT = (
    "fetch('/ran/{name}'); self.document?.documentElement?.setAttribute('data-ran', '{name}'); self.postMessage('ran');"
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>{script}</script></svg>'
# A GIF of a single pixel whose first bytes are JavaScript as well: `GIF89a/*...*/=1;` and the script.
POLYGLOT = b"GIF89a/*" + b"\0\0\0\0\0" + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0;" + b"*/=1;"
EVIL = {
    "evil.html": "<!doctype html><script>{script}</script>",
    "evil.htm": "<!doctype html><script>{script}</script>",
    "evil.svg": SVG,
    "evil.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><script>{script}</script></html>',
    "evil.xml": '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>{script}</script></html>',
    "page.png": "<!doctype html><script>{script}</script>",
    "page.mp4": "<!doctype html><script>{script}</script>",
    "page": "<!doctype html><script>{script}</script>",
    "evil.js": "{script}",
    "evil.mjs": "{script}",
    "evil.txt": "{script}",
    "evil.gif": "",  # the polyglot
    "evil.css": "body {{ background: url(/ran/{name}) }}",
}
# How a page of the site might load one, if an attacker can write markup into it, or its author trusts the folder.
LOADERS = (
    "<script src='/uploads/evil.js'></script><script src='/uploads/evil.txt'></script>"
    "<script src='/uploads/evil.gif'></script><script src='/uploads/page.png'></script>"
    "<script type=module src='/uploads/evil.mjs'></script><link rel=stylesheet href='/uploads/evil.css'>"
    "<iframe src='/uploads/evil.html'></iframe><iframe src='/uploads/evil.svg'></iframe>"
    "<iframe src='/uploads/evil.xml'></iframe><iframe src='/uploads/page.png'></iframe>"
    "<object data='/uploads/evil.svg'></object><embed src='/uploads/evil.svg'>"
    "<object data='/uploads/evil.html'></object>"
    "<img src='/uploads/evil.svg'><img src='/uploads/photo.png'>"
)
MORE = """(async () => {
    const tries = [() => import('/uploads/evil.mjs'),
                   () => navigator.serviceWorker.register('/uploads/evil.js'),
                   () => new Promise((done, fail) => {
                       const worker = new Worker('/uploads/evil.js');
                       worker.onerror = fail; worker.onmessage = done; })];
    const failed = [];
    for (const each of tries) { try { await each() } catch (error) { failed.push(error.name || error.type) } }
    return failed })()"""
Serve = Callable[..., LiveServer]


@pytest.fixture
def ran() -> list[str]:
    """Return the names of the files whose script has run."""
    return []


@pytest.fixture
def serve(tmp_path: Path, ran: list[str]) -> Iterator[Serve]:
    """Return a function that serves a site with evil uploads, in a given kind of folder."""
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    for name, text in EVIL.items():
        (uploads / name).write_text(text.format(name=name, script=REPORT.format(name=name)))
    (uploads / "evil.gif").write_bytes(POLYGLOT + REPORT.format(name="evil.gif").encode())
    (uploads / "photo.png").write_bytes(samples()["png"])
    with wave.open(str(uploads / "sound.wav"), "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", ""))
        sound.writeframes(bytes([128]) * 8000)

    def note(name: str) -> Response:
        ran.append(name)
        return Response("", media_type="image/png")

    with ExitStack() as stack:

        def start(folder: Static) -> LiveServer:
            urls: dict[str, Any] = {
                "/": lambda: f"<!doctype html><link rel=icon href='data:,'>{LOADERS}",
                "/empty": lambda: "<!doctype html><link rel=icon href='data:,'>",
                "/ran/{name}": note,
                "/uploads": folder,
            }
            # Frames of the site itself are permitted, so that they are not what keeps a file from running.
            app = App(urls, security=Security(frame="SAMEORIGIN"), file=tmp_path / "main.py")
            return stack.enter_context(LiveServer(app))

        (tmp_path / "main.py").write_text("")
        yield start


@pytest.mark.parametrize("name", list(EVIL))
def test_an_opened_file_runs_nothing(serve: Serve, tab: Tab, ran: list[str], tmp_path: Path, name: str) -> None:
    """A page, an image with scripts, XML, a page with the name of a picture: saved, or shown without running."""
    (tmp_path / "saved").mkdir()
    tab.download_to(tmp_path / "saved")
    site = serve(Static("uploads", uploads=True))
    tab.open(f"{site.url}/empty")
    failed = tab.open_without_scripts(f"{site.url}/uploads/{name}")
    if name in ("page.png", "page.mp4", "evil.gif"):
        assert not failed
        assert tab.evaluate("document.contentType").startswith(("image/", "video/"))
    else:
        assert failed == "net::ERR_ABORTED"  # it became a download
        wait_until(lambda: [each.name for each in (tmp_path / "saved").iterdir()] == [name])
        assert tab.path == "/empty"
    assert tab.evaluate("document.documentElement.dataset.ran") is None
    assert ran == []


def test_a_page_that_loads_them_runs_nothing(serve: Serve, tab: Tab, ran: list[str], tmp_path: Path) -> None:
    """As a script, a module, a style sheet, a frame, an object, an import, a worker, a service worker."""
    (tmp_path / "saved").mkdir()
    tab.download_to(tmp_path / "saved")
    site = serve(Static("uploads", uploads=True))
    tab.open(f"{site.url}/")
    assert tab.evaluate(MORE) == ["TypeError", "SecurityError", "error"]
    tab.wait_for("document.images[1].complete && document.images[1].naturalWidth === 50")
    assert tab.evaluate("document.documentElement.dataset.ran") is None
    assert ran == []


def test_the_same_files_would_run_in_a_folder_of_the_site(serve: Serve, tab: Tab, ran: list[str]) -> None:
    """So the tests above would notice: a folder of the site's own files runs them."""
    site = serve(Static("uploads"))
    tab.open(f"{site.url}/")
    tab.evaluate(MORE)
    wanted = {"evil.js", "evil.mjs", "evil.css", "evil.html", "evil.svg", "evil.xml"}
    wait_until(lambda: wanted <= set(ran))
    # Even there `nosniff` holds, for what is not named as a script or a page.
    assert not {"evil.gif", "evil.txt", "page.png"} & set(ran)


@pytest.mark.parametrize("name", [f"{each}.{each}" for each in ("png", "jpeg", "gif", "webp", "avif")])
def test_a_picture_is_shown_by_itself(serve: Serve, tab: Tab, tmp_path: Path, name: str) -> None:
    """In a document of its own, which has no origin, and no error in the console."""
    (tmp_path / "uploads" / name).write_bytes(samples()[name.partition(".")[0]])
    site = serve(Static("uploads", uploads=True))
    assert tab.open_without_scripts(f"{site.url}/uploads/{name}") == ""
    assert tab.evaluate("document.images[0].naturalWidth") == 50
    assert tab.evaluate("self.origin") == "null"
    assert tab.errors() == []


def test_a_sound_is_played_by_itself(serve: Serve, tab: Tab) -> None:
    """A document of sound loads its file, from the same origin, and can still run nothing."""
    site = serve(Static("uploads", uploads=True))
    assert tab.open_without_scripts(f"{site.url}/uploads/sound.wav") == ""
    wait_until(lambda: tab.evaluate("document.querySelector('video').readyState") == 4)
    assert tab.evaluate("document.querySelector('video').duration") == 1
    assert tab.errors() == []


def test_another_site_can_not_embed_them(serve: Serve, tab: Tab) -> None:
    """A page of a sibling domain gets the picture, one of another site gets none."""
    port = serve(Static("uploads", uploads=True)).url.rpartition(":")[2]
    picture = f"http://files.site.localhost:{port}/uploads/photo.png"
    load = f"""new Promise(done => {{ const it = new Image();
        it.onload = () => done(true); it.onerror = () => done(false); it.src = '{picture}' }})"""
    for host, is_shown in (("www.site.localhost", True), ("www.other.localhost", False)):
        tab.open(f"http://{host}:{port}/empty")
        assert tab.evaluate(load) is is_shown


def test_a_person_uploads_a_picture_and_sees_it(tab: Tab, tmp_path: Path) -> None:
    """From the form to the page; what is no picture is refused with a message."""
    (tmp_path / "main.py").write_text("")
    uploads = tmp_path / "uploads"
    uploads.mkdir()

    def save(picture: Annotated[Upload, Image()]) -> str:
        return f"<!doctype html><img src='/uploads/{picture.save_in(uploads).name}'>"

    fields = "<input type=file name=picture><button>Send</button>"
    form = f"<!doctype html><form method=post enctype=multipart/form-data>{fields}</form>"
    urls = {"/": lambda: form, "POST /": save, "/uploads": Static("uploads", uploads=True)}
    with LiveServer(App(urls, file=tmp_path / "main.py")) as site:
        (tmp_path / "evil.html").write_bytes(samples()["webp"])
        (tmp_path / "photo.png").write_text(SVG.format(script=""))
        tab.open(f"{site.url}/")
        tab.choose_file("input", tmp_path / "evil.html")
        tab.click("button")
        assert tab.evaluate("document.images[0].naturalWidth") == 50
        assert tab.evaluate("document.images[0].src").endswith(".webp")
        tab.open(f"{site.url}/")
        tab.choose_file("input", tmp_path / "photo.png")
        tab.click("button")
        assert (tab.status, "is no PNG, JPEG, GIF, WebP or AVIF image" in tab.text) == (422, True)
