"""A site's own page for an error, and what those who write the site see on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.browser import Tab
from tests.devtools.reload.conftest import DevSite, only_main

NOTE = "document.querySelector('fanlight-dev')?.shadowRoot.querySelector('.badge')"


def test_the_page_of_the_site_has_a_note(folder: Path, develop: Callable[..., DevSite], tab: Tab) -> None:
    """The site's own 404 is shown, with the explanation in a corner, which can be hidden; scripts in it are text."""
    only_main(
        folder,
        'URLS = {"/about": "About"}\nERRORS = {404: "Not here"}\n',
    )
    site = develop().begin()
    tab.open(f"{site.url}/<script>abuot</script>")
    tab.wait_for(NOTE)
    assert tab.text == "Not here"
    assert "No route matches GET /" in tab.evaluate(f"{NOTE}.textContent")
    assert tab.evaluate("document.querySelectorAll('template[data-fanlight-note] script').length") == 0
    tab.evaluate(f"{NOTE}.querySelector('button').click()")
    tab.wait_for(f"!({NOTE})")
    tab.open(f"{site.url}/about")
    assert not tab.evaluate(f"!!({NOTE})")
