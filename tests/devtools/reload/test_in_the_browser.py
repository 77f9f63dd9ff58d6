"""What a person sees in the browser while a site is developed, without touching the browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.browser import Browser, Tab
from tests.contrast import faint_in_both_schemes
from tests.devtools.reload.conftest import HOME, MAIN, DevSite, only_main, wait_until

OVERLAY = "document.querySelector('fanlight-dev')?.shadowRoot.querySelector('section').innerText"


def wait_for_text(tab: Tab, text: str) -> None:
    """Wait until the page consists of a text."""
    tab.wait_for(f"document.body?.innerText === {json.dumps(text)}")


def test_a_change_of_code_is_seen(site: DevSite, tab: Tab) -> None:
    """The page refreshes itself when Python code has changed."""
    tab.open(site.url)
    assert tab.text == "code one, template one"
    site.replace("main.py", "code one", "code two")
    wait_for_text(tab, "code two, template one")
    assert tab.errors() == []


def test_a_change_of_a_template_is_seen(site: DevSite, tab: Tab) -> None:
    """The page refreshes itself when a template has changed, and the process is the same."""
    tab.open(site.url)
    site.replace("templates/home.html", "template one", "template two")
    wait_for_text(tab, "code one, template two")
    assert "reloaded" not in site.printed


def test_a_style_sheet_is_swapped_in_place(site: DevSite, tab: Tab) -> None:
    """The page takes the new style sheet without being loaded again, and stays scrolled where it was."""
    site.replace("templates/home.html", "<body>", "<body style='height: 5000px'>")
    site.wait_for("5000px", "/")
    tab.open(site.url)
    tab.evaluate("window.isTheSame = true; scrollTo(0, 1234)")
    site.write("static/site.css", "h1 { color: rgb(9, 8, 7) }\n")
    tab.wait_for("getComputedStyle(document.querySelector('h1')).color == 'rgb(9, 8, 7)'")
    assert tab.evaluate("[window.isTheSame, scrollY]") == [True, 1234]
    tab.wait_for("document.querySelectorAll('link[rel=stylesheet]').length == 1")
    site.write("static/site.css", "h1 { color: rgb(7, 7, 7) }\n")
    tab.wait_for("getComputedStyle(document.querySelector('h1')).color == 'rgb(7, 7, 7)'")


def test_a_style_sheet_that_changes_while_the_page_does_not_listen_is_swapped_later(site: DevSite, tab: Tab) -> None:
    """Between its loading and its listening, or while the browser keeps it for "back"."""
    tab.open(site.url)
    before = site.styles()
    tab.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    site.write("static/site.css", "h1 { color: rgb(9, 8, 7) }\n")
    wait_until(lambda: site.styles() != before)
    tab.evaluate("dispatchEvent(new PageTransitionEvent('pageshow'))")
    tab.wait_for("getComputedStyle(document.querySelector('h1')).color == 'rgb(9, 8, 7)'")


def test_an_overlay_shows_a_syntax_error_until_it_is_mended(site: DevSite, tab: Tab) -> None:
    """The old page stays, with the error's file, line and source on it; it goes away when the file is mended."""
    tab.open(site.url)
    site.replace("main.py", "def home():", "def home(:")
    tab.wait_for(f"{OVERLAY}?.includes('main.py:6')")
    shown = tab.evaluate(OVERLAY)
    assert "SyntaxError: invalid syntax" in shown
    assert "def home(:" in shown
    assert tab.text == "code one, template one"
    assert site.get()[1] == "code one"
    site.replace("main.py", "def home(:", "def home():")
    tab.wait_for(f"document.querySelector('h1') && !{OVERLAY}")
    assert tab.errors() == []


def test_escape_hides_the_overlay(site: DevSite, tab: Tab) -> None:
    """The overlay can be hidden by a key, and the next problem is shown again."""
    tab.open(site.url)
    site.replace("main.py", "URLS =", "URLS = undefined_name  #")
    tab.wait_for(f"{OVERLAY}?.includes('undefined_name')")
    tab.evaluate("dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))")
    assert tab.evaluate(OVERLAY) is None
    site.replace("main.py", "undefined_name", "another_name")
    tab.wait_for(f"{OVERLAY}?.includes('another_name')")


def test_a_template_with_a_mistake_leaves_the_old_one(site: DevSite, tab: Tab) -> None:
    """The overlay shows the template's line, and the template from before is rendered until it is mended."""
    tab.open(site.url)
    site.replace("templates/home.html", "{{ greeting }}", "{{ greeting")
    tab.wait_for(f"{OVERLAY}?.includes('templates/home.html:4')")
    assert "code one, template one" in site.get("/")[1]
    site.replace("templates/home.html", "{{ greeting", "{{ greeting }}!")
    wait_for_text(tab, "code one!, template one")
    assert tab.evaluate(OVERLAY) is None


def test_a_page_opened_during_a_problem_shows_it(site: DevSite, tab: Tab) -> None:
    """A page that is opened while newer code does not serve has the overlay too."""
    site.replace("main.py", "def home():", "def home(:")
    site.read_until("goes on serving")
    tab.open(site.url)
    tab.wait_for(f"{OVERLAY}?.includes('main.py:6')")


def test_a_site_that_never_started_turns_into_itself(develop: Callable[..., DevSite], folder: Path, tab: Tab) -> None:
    """A site with an error from the start is a page about it, which turns into the site when it is mended."""
    only_main(folder, "URLS = {'/': home}\n")
    site = develop()
    site.find_port()
    tab.open(f"{site.url}/anything")
    assert (tab.status, "NameError: name 'home' is not defined" in tab.text) == (500, True)
    site.write("main.py", "def home():\n    return lost\nURLS = {'/anything': home()}\n")
    tab.wait_for("document.body?.innerText.includes(\"name 'lost' is not defined\")")
    site.write("main.py", "URLS = {'/anything': 'At last'}\n")
    tab.wait_for("document.body?.innerText.includes('At last')")
    assert [each for each in tab.errors() if "500" not in each] == []


def test_a_page_from_a_form_is_not_sent_again(develop: Callable[..., DevSite], folder: Path, tab: Tab) -> None:
    """The response to a form is not refreshed, which would send the form again; a note has buttons for both."""
    only_main(
        folder,
        "sent = []\n"
        "def form():\n"
        "    return '<!doctype html><title>x</title><form method=post><button>Send</button></form>one'\n"
        "def send():\n"
        "    with open('sent.data', 'a') as file:\n"
        "        file.write('x')\n"
        "    return '<!doctype html><title>x</title><p>Sent'\n"
        "URLS = {'/': form, 'POST /': send}\n",
    )
    site = develop().begin()
    tab.open(site.url)
    tab.click("button")
    assert tab.text == "Sent"
    site.replace("main.py", "one", "two")
    tab.wait_for(f"{OVERLAY}?.includes('The code has changed')")
    assert (folder / "sent.data").read_text() == "x"
    tab.evaluate("document.querySelector('fanlight-dev').shadowRoot.querySelector('button').click()")
    tab.wait_for("document.body?.innerText.includes('two')")
    assert (folder / "sent.data").read_text() == "x"


def test_a_page_that_a_script_has_replaced_refreshes_once(site: DevSite, tab: Tab) -> None:
    """Where a script fetches pages and puts them in place (htmx, Turbo), the tools' script works, and only once."""
    tab.open(site.url)
    tab.evaluate(
        "fetch('/').then(it => it.text()).then(text => {"
        " const page = new DOMParser().parseFromString(text, 'text/html');"
        " history.pushState({}, '', '/?next');"
        " document.body.replaceWith(document.adoptNode(page.body));"
        " const copy = document.createElement('script');"
        " const from = page.querySelector('script[data-version]');"
        " for (const each of from.attributes) copy.setAttribute(each.name, each.value);"
        " return new Promise(done => { copy.onload = done; document.body.append(copy) }) })"
    )
    tab.evaluate("sessionStorage.loads = '0'; addEventListener('pagehide', () => sessionStorage.loads++)")
    site.replace("main.py", "code one", "code two")
    wait_for_text(tab, "code two, template one")
    assert tab.path == "/?next"
    assert tab.evaluate("sessionStorage.loads") == "1"
    assert tab.errors() == []


def test_a_strict_policy_of_the_site_admits_the_script(develop: Callable[..., DevSite], folder: Path, tab: Tab) -> None:
    """A page with a content security policy that forbids everything refreshes itself too."""
    only_main(
        folder,
        "from fanlight import Response\n"
        "def home():\n"
        "    page = '<!doctype html><title>x</title><link rel=icon href=\"data:,\"><p>one'\n"
        "    return Response(page, headers={'content-security-policy': \"default-src 'none'; img-src data:\"})\n"
        "URLS = {'/': home}\n",
    )
    site = develop().begin()
    tab.open(site.url)
    site.replace("main.py", "<p>one", "<p>two")
    wait_for_text(tab, "two")
    site.replace("main.py", "URLS = {", "URLS = ({")
    tab.wait_for(f"{OVERLAY}?.includes('never closed')")
    assert tab.errors() == []


def test_ten_tabs_leave_the_connections_to_the_site(site: DevSite, browser: Browser) -> None:
    """All tabs of a site share one stream: a browser opens six connections to a host, and the site has the others."""
    first = Tab(browser)
    tabs = [first, *(first.beside() for _ in range(9))]
    try:
        for each in tabs:
            each.open(site.url)
        assert first.evaluate("fetch('/text').then(it => it.text())") == "code one"
        site.replace("main.py", "code one", "code two")
        for each in tabs:
            wait_for_text(each, "code two, template one")
        first.close_page()  # the one that listens
        site.replace("main.py", "code two", "code three")
        for each in tabs[1:]:
            wait_for_text(each, "code three, template one")
    finally:
        first.close()


def test_a_page_kept_for_back_is_refreshed(site: DevSite, tab: Tab) -> None:
    """A page that the browser shows again by "back" is of the code that serves then."""
    tab.open(site.url)
    tab.open(f"{site.url}/text")
    site.replace("main.py", "code one", "code two")
    wait_for_text(tab, "code two")
    tab.evaluate("history.back()")
    wait_for_text(tab, "code two, template one")


def test_an_event_source_of_the_site_comes_back(develop: Callable[..., DevSite], folder: Path, tab: Tab) -> None:
    """A page's own stream of events ends on a reload without an error of the page, and connects to the new code."""
    only_main(
        folder,
        "import asyncio\n"
        "from fanlight import EventStream\n"
        "async def numbers():\n"
        "    yield 'one'\n"
        "    await asyncio.sleep(3600)\n"
        "def events():\n"
        "    return EventStream(numbers(), retry_seconds=0.05)\n"
        "URLS = {'/': 'Listen', '/events': events}\n",
    )
    site = develop().begin()
    tab.open(f"{site.url}/__fanlight__/static/reload.js")  # a page of the same origin that does not refresh itself
    tab.evaluate("window.got = []; new EventSource('/events').onmessage = event => got.push(event.data)")
    tab.wait_for("got.join() == 'one'")
    site.replace("main.py", "'one'", "'two'")
    tab.wait_for("got.join() == 'one,two'")


def test_the_page_of_a_problem_can_be_read(develop: Callable[..., DevSite], folder: Path, tab: Tab) -> None:
    """All text of the page has enough contrast, by day and by night."""
    only_main(folder, "def home(): ...\n\n\nURLS = {'/': home, '/a/{b}': home, 'x': home}\n")
    site = develop()
    site.find_port()
    site.read_until("2 errors in the site")
    assert faint_in_both_schemes(tab, site.url) == []


def test_the_overlay_has_a_hint(site: DevSite, tab: Tab) -> None:
    """What to write is on the overlay, where it is known."""
    tab.open(site.url)
    site.replace("main.py", "URLS =", "URLS = datetime.date.today()  #")
    tab.wait_for(f"{OVERLAY}?.includes('import datetime')")


def test_it_works_under_a_strict_policy(site: DevSite, tab: Tab) -> None:
    """Of a page with a nonce, and of one without: it refreshes itself, and the overlay appears; nothing is refused."""
    policy = "SECURITY = Security(content_security_policy=ContentSecurityPolicy())\nURLS ="
    site.write(
        "main.py", MAIN.replace("URLS =", policy).replace("import Static", "import *\nfrom fanlight import Static")
    )
    site.wait_for("code one", "/")
    for template in ("<body>", "<body>{{ csp_nonce() and '' }}"):
        site.write("templates/home.html", HOME.replace("<body>", template))
        site.wait_for("template one", "/")
        tab.open(site.url)
        site.replace("templates/home.html", "template one", "template two")
        wait_for_text(tab, "code one, template two")
        site.replace("main.py", "def home():", "def home(:")
        tab.wait_for(f"{OVERLAY}?.includes('SyntaxError')")
        assert tab.evaluate("getComputedStyle(document.querySelector('fanlight-dev')).position") == "fixed"
        site.replace("main.py", "def home(:", "def home():")
        tab.wait_for(f"document.querySelector('h1') && !{OVERLAY}")
        assert tab.errors() == []
        site.replace("templates/home.html", "template two", "template one")
    tab.open(f"{site.url}/__fanlight__/")
    assert tab.errors() == []
    tab.open(f"{site.url}/nowhere")
    assert [each for each in tab.errors() if "404" not in each] == []
