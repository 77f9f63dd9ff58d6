"""Take the pictures of pages for the docs: each in light and in dark, at a desk and on a phone.

    .venv/bin/python scripts/screenshots.py              all of them
    .venv/bin/python scripts/screenshots.py new-site     some
    .venv/bin/python scripts/screenshots.py --png FOLDER as PNG files in another folder, to be looked at

In: the table PICTURES. Each site is served from a copy in a folder of its own, and Chromium opens its page. Out:
docs/images/NAME.webp, NAME-dark.webp, NAME-phone.webp and NAME-phone-dark.webp. tests/docs/test_screenshots.py holds
that each picture is small, and is shown on a page. In a page of the docs:

    <picture>
      <source media="(prefers-color-scheme: dark)" srcset="docs/images/new-site-dark.webp">
      <img src="docs/images/new-site.webp" alt="What is to be seen">
    </picture>
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.browser import Browser, Tab  # noqa: E402 - found by the line above

IMAGES = REPOSITORY / "docs" / "images"
EXAMPLES = REPOSITORY / "examples"
SITES = REPOSITORY / "scripts" / "pictures"  # that are made for their picture
DESK, PHONE = (1280, 800), (390, 844)
SCALE, QUALITY = 2, 75  # pixels for each CSS pixel; of 100

Act = Callable[[Tab, str], None]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A page to be taken: where it is, and what a person does there first."""

    name: str
    site: Path | None = None  # its folder; None: what `fanlight new` makes
    target: str = ""  # what the command serves, if not what is in the folder
    path: str = "/"
    command: str = "run"  # or "dev"
    change: tuple[str, str, str] | None = None  # a file, a text in it, and another in its place, once the page is open
    act: Act | None = None  # is called with the tab, which shows the page, and the address of the site
    workers: int = 0
    phone: bool = True
    whole: bool = False  # at a desk, take the page down to its end

    def files(self) -> Iterator[tuple[str, tuple[int, int], bool]]:
        """Yield the name of each file, without its suffix, the size of the page, and whether it is dark."""
        for device, size in (("", DESK), ("-phone", PHONE)) if self.phone else (("", DESK),):
            for scheme in ("", "-dark"):
                yield f"{self.name}{device}{scheme}", size, bool(scheme)


def send_a_form_with_errors(tab: Tab, _: str) -> None:
    """Type a word where a number is meant."""
    tab.type("[name=people]", "many")
    tab.click("form button")


def knock(tab: Tab, url: str) -> None:
    """Let two guests in, then send a form with errors."""
    for name, people in (("Ada", "2"), ("Grace", "1")):
        tab.open(f"{url}/door")
        tab.type("[name=name]", name)
        tab.type("[name=people]", people)
        tab.click("form button")
    send_a_form_with_errors(tab, url)


def join(tab: Tab, _: str) -> None:
    """Send a form in which a field has another name than in the view."""
    tab.type("[name=name]", "Ada")
    tab.type("[name=mail]", "ada@example.com")
    tab.type("[name=age]", "thirty")
    tab.click("form button")


def visit(url: str) -> None:
    """Send what a day brings: pages, forms, mistakes, and a message that no browser would send."""
    address = urlsplit(url).hostname or "", urlsplit(url).port or 80
    cookie = {"Cookie": "theme=dark; session=anna-7", "Accept-Language": "en-GB,en", "User-Agent": "Firefox/140.0"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for method, path, fields, content in (
        ("GET", "/", {}, None),
        ("POST", "/login", form, "name=anna&password=correct-horse"),
        ("GET", "/posts/snow", {}, None),
        ("GET", "/post/snow", {}, None),
        ("POST", "/posts", form, "slug=thaw&title=Thaw&year=soon"),
        ("GET", "/report", {}, None),
        ("GET", "/posts/snow?page=2", cookie, None),
    ):
        connection = HTTPConnection(*address)
        connection.request(method, path, content, fields)
        connection.getresponse().read()
        connection.close()
    for data in (
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\nname=anna",
        b"GET /posts/snow HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For : 10.0.0.1\r\n\r\n",
    ):
        with socket.create_connection(address) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass


def open_list(tab: Tab, url: str) -> None:
    """Open the inspector's list when all that was sent stands in it."""
    visit(url)
    tab.open(f"{url}/__fanlight__")
    tab.wait_for("document.querySelectorAll('#rows tr').length >= 9 && !document.querySelector('.row.open, .row.new')")


def open_exchange(tab: Tab, url: str) -> None:
    """Open the page with cookies."""
    open_list(tab, url)
    tab.evaluate(
        "[...document.querySelectorAll('.target a')].find(each => each.textContent.includes('page=2')).id = 'it'"
    )
    tab.click("#it")


def go_down(tab: Tab, url: str) -> None:
    """Scroll to where the middleware begins."""
    open_exchange(tab, url)
    tab.evaluate("document.querySelector('.wrap').scrollIntoView(); scrollBy(0, -24)")


def open_refused(tab: Tab, url: str) -> None:
    """Open the message that was refused."""
    open_list(tab, url)
    tab.evaluate("[...document.querySelectorAll('.row')].find(each => each.textContent.includes('refused')).id = 'it'")
    tab.click("#it .target a")
    tab.evaluate("document.querySelector('.corridor').scrollIntoView(); scrollBy(0, -24)")


def open_post(tab: Tab, url: str) -> None:
    """Open the exchange in which the post was sent."""
    tab.wait_for("document.body?.innerText.includes('wrote')")  # the template was changed, and the page was loaded
    tab.open(f"{url}/__fanlight__")
    rows = "[...document.querySelectorAll('#rows tr')].filter(each => each.innerText.includes('/posts/snow'))"
    tab.wait_for(f"{rows}.length > 1 && !document.querySelector('.row.open')")
    tab.evaluate(f"{rows}.at(-1).id = 'it'")
    tab.click("#it .target a")


def replay_post(tab: Tab, url: str) -> None:
    """Send it again, to the template as it is now."""
    open_post(tab, url)
    tab.click(".replay form button")
    tab.wait_for("document.querySelector('.verdict')")


def save_test(tab: Tab, url: str) -> None:
    """Save it as a test."""
    open_post(tab, url)
    tab.click(".replay form[action$='/test'] button")
    tab.wait_for("document.querySelector('figure.source')")


WROTE = "templates/posts/post.html", "<p>{{ post.text }}</p>", "<p>In winter we wrote: {{ post.text }}</p>"
DIARY = SITES / "diary"
GUESTBOOK = EXAMPLES / "guestbook"


def fill_a_page(tab: Tab, _: str) -> None:
    """Wait for the pictures, which are fetched when they come into sight."""
    tab.evaluate("document.querySelectorAll('img').forEach(each => { each.loading = 'eager' })")
    tab.wait_for("[...document.images].every(each => each.complete && each.naturalWidth)")


def sign_the_book(tab: Tab, url: str) -> None:
    """Register, and send a file that is no picture."""
    tab.open(f"{url}/register?next=/sign")
    for field, text in (("name", "Ada"), ("email", "ada@example.org"), ("password", "correct horse battery")):
        tab.type(f"#{field}", text)
    tab.click(".sheet button")
    tab.type("#text", "I came for the window, and stayed for the stairs.")
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(b"a picture that is none")
        file.flush()
        tab.choose_file("#picture", Path(file.name))
        tab.click(".sheet button")


def try_the_api(tab: Tab, _: str) -> None:
    """Unfold an operation, and send its form."""
    tab.evaluate("document.querySelector('details.operation').open = true")
    tab.evaluate("document.querySelector('details.operation form').requestSubmit()")
    tab.wait_for("document.querySelector('output .good')")


def talk(tab: Tab, url: str) -> None:
    """Let two people talk: this tab is Ben's, another one of the same browser Anna's."""
    anna = tab.beside()
    for each, name in ((anna, "Anna"), (tab, "Ben")):
        each.open(url)
        each.type("[name=name]", name)
        each.evaluate("document.querySelector('[name=name]').dispatchEvent(new Event('change'))")
        each.wait_for(f"document.querySelector('#state').textContent === 'connected as {name}'")
    for count, (each, text) in enumerate(TALK, 1):
        speaker = anna if each == "Anna" else tab
        speaker.type("[name=text]", text)
        speaker.evaluate("document.querySelector('#say').requestSubmit()")
        for other in (anna, tab):
            other.wait_for(f"document.querySelectorAll('#lines li').length === {count}")
    anna.close_page()


def wait_for_the_overlay(tab: Tab, _: str) -> None:
    """Wait until the page shows why newer code does not serve."""
    tab.wait_for("document.querySelector('fanlight-dev')")


TALK = (
    ("Anna", "Is anybody at the window seat?"),
    ("Ben", "I am, until four. It rains on this side."),
    ("Anna", "Then keep it for me. I bring the cake."),
    ("Ben", "It is kept."),
)

PICTURES = [
    Picture(name="new-site", whole=True),
    Picture(name="new-site-form", path="/door", act=knock),
    Picture(name="not-found", site=EXAMPLES / "hello", path="/nowhere", phone=False),
    Picture(name="lesson", site=EXAMPLES / "lesson", phone=False),
    Picture(name="guestbook", site=GUESTBOOK, target="guestbook", act=fill_a_page),
    Picture(name="guestbook-sign", site=GUESTBOOK, target="guestbook", path="/register", act=sign_the_book),
    Picture(name="journal", site=EXAMPLES / "site", phone=False, whole=True),
    Picture(name="chat", site=EXAMPLES / "chat", act=talk, workers=4),
    Picture(name="error-404", site=SITES / "club", command="dev", path="/member/2"),
    Picture(name="error-422", site=SITES / "club", command="dev", path="/join", act=join),
    Picture(name="debug-page", site=SITES / "shop", command="dev", path="/authors/Emma%20Bovary?page=2"),
    Picture(name="inspector", site=DIARY, command="dev", act=open_list),
    Picture(name="inspector-exchange", site=DIARY, command="dev", act=open_exchange),
    Picture(name="inspector-corridor", site=DIARY, command="dev", act=go_down, phone=False),
    Picture(name="replay", site=DIARY, command="dev", path="/posts/snow", change=WROTE, act=replay_post),
    Picture(name="saved-test", site=DIARY, command="dev", path="/posts/snow", change=WROTE, act=save_test, phone=False),
    Picture(name="inspector-refused", site=DIARY, command="dev", act=open_refused),
    Picture(
        name="dev-overlay",
        site=None,
        command="dev",
        change=("main.py", "def home(", "def home[("),
        act=wait_for_the_overlay,
    ),
    Picture(name="api-docs", site=REPOSITORY / "tests" / "openapi" / "library", path="/docs", act=try_the_api),
    Picture(name="debug-page-template", site=SITES / "shop", command="dev", phone=False),
]


@contextmanager
def served(site: Path | None, command: str, target: str = "", workers: int = 0) -> Iterator[tuple[str, Path]]:
    """Serve a copy of a site on a port of the system's choice; give its address and its folder."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / (site.name if site else "mysite")
        if site is None:
            subprocess.run(
                [sys.executable, "-m", "fanlight", "new", str(folder)], check=True, stdout=subprocess.DEVNULL
            )
        else:
            shutil.copytree(site, folder, ignore=shutil.ignore_patterns("__pycache__", "data"))
        arguments = [sys.executable, "-m", "fanlight", command, *filter(None, [target]), "--port", "0"]
        arguments += ["--workers", f"{workers}"] if workers else []
        environ = os.environ | {"XDG_STATE_HOME": str(Path(temporary) / "state")}
        with subprocess.Popen(
            arguments, cwd=folder, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as server:
            assert server.stdout is not None
            lines = []
            for line in server.stdout:
                lines.append(line)
                if found := re.search(r"http://localhost:\d+", line):
                    break
            else:
                sys.exit(f"fanlight {command} does not serve {site or 'a new site'}:\n{''.join(lines)}")
            try:
                yield found[0], folder
            finally:
                server.terminate()


def take(browser: Browser, picture: Picture, folder: Path, kind: str) -> Iterator[Path]:
    """Write the files of a picture; each page is opened on a server of its own."""
    for name, (width, height), dark in picture.files():
        with served(picture.site, picture.command, picture.target, picture.workers) as (url, copy):
            tab = Tab(browser, dark=dark, width=width, height=height)
            tab.open(url + picture.path)
            if picture.change is not None:
                name_in_site, before, after = picture.change
                changed = copy / name_in_site
                changed.write_text(changed.read_text().replace(before, after, 1))
            if picture.act is not None:
                picture.act(tab, url)
            if picture.whole and width == DESK[0]:
                height = max(height, int(tab.evaluate("document.documentElement.scrollHeight")))  # noqa: PLW2901
            tab.resize(width, height, SCALE)
            image = folder / f"{name}.{kind}"
            image.write_bytes(tab.screenshot(kind, **({"quality": QUALITY} if kind == "webp" else {})))
            tab.close()
            yield image


def main() -> None:
    """Take the pictures that are named, or all."""
    parser = argparse.ArgumentParser(description="Take the pictures of pages for the docs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(each.name for each in PICTURES))
    parser.add_argument("--png", type=Path, metavar="FOLDER", help="write PNG files there instead")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {each.name for each in PICTURES}
    if unknown:
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(Path(profile))
        try:
            for picture in PICTURES:
                if not arguments.names or picture.name in arguments.names:
                    for file in take(browser, picture, arguments.png or IMAGES, "png" if arguments.png else "webp"):
                        print(f"{file.stat().st_size / 1024:6.0f} KiB  {file}")
        finally:
            browser.close()


if __name__ == "__main__":
    main()
