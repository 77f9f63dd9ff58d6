"""A browser loads and caches the files of a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Open = Callable[..., str]

PAGE = """<!doctype html>
<title>Style</title>
<link rel="icon" href="{{ asset('icon.svg') }}" type="image/svg+xml">
<link rel="stylesheet" href="{{ asset('app.css') }}">
<h1 id="shown">nothing</h1>
<script type="module" src="{{ asset('main.js') }}"></script>
"""
MODULE = """import { colour } from "./colour.mjs";
const shown = document.getElementById("shown");
shown.textContent = colour(shown) + " " + (await (await fetch("/static/data.json")).json()).number;
"""


def test_a_browser_applies_the_style_and_runs_the_modules(serve: Any, dom_of: Open, tmp_path: Path) -> None:
    """A style sheet, modules that import each other, JSON and an icon have media types that a browser accepts."""
    static = tmp_path / "static"
    static.mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "home.html").write_text(PAGE)
    (static / "app.css").write_text("h1 { color: rgb(1, 2, 3) }")
    (static / "main.js").write_text(MODULE)
    (static / "colour.mjs").write_text("export const colour = it => getComputedStyle(it).color")
    (static / "data.json").write_text('{"number": 42}')
    (static / "icon.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (tmp_path / "main.py").write_text(
        'from fanlight import Static\n\nURLS = {"/": "home.html", "/static": Static("static")}\n'
    )
    site = serve(tmp_path)
    assert '<h1 id="shown">rgb(1, 2, 3) 42</h1>' in dom_of(f"{site.url}/", "42</h1>")
    log = site.read_until("/static/data.json")
    assert "  404  " not in log  # a status; a random id may contain the digits


def test_a_new_site_has_a_style_sheet(serve: Any, dom_of: Open, run: Callable[..., str], tmp_path: Path) -> None:
    """The site that `fanlight new` makes has a style sheet, which a browser loads from a URL that can be cached."""
    run(sys.executable, "-m", "fanlight", "new", str(tmp_path / "mysite"))
    site = serve(tmp_path / "mysite")
    assert "<h1>Your site is up.</h1>" in dom_of(f"{site.url}/", "Your site is up.")
    log = site.read_until("site.")
    assert "  404  " not in log  # a status; a random id may contain the digits
    address = run("curl", "-sS", f"{site.url}/").partition('stylesheet" href="')[2].partition('"')[0]
    assert "immutable" in run("curl", "-sS", "-D", "-", "-o", "/dev/null", f"{site.url}{address}")


def test_two_workers_agree_on_urls_and_tags(serve: Any, run: Callable[..., str], tmp_path: Path) -> None:
    """The URL and the entity tag are the same, whichever worker renders the page or sends the file."""
    (tmp_path / "static").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "home.html").write_text("{{ asset('app.css') }}")
    (tmp_path / "static" / "app.css").write_text("a {}")
    (tmp_path / "main.py").write_text(
        'from fanlight import Static\n\nURLS = {"/": "home.html", "/static": Static("static")}\n'
    )
    site = serve(tmp_path, "--workers", "2")
    addresses = {run("curl", "-sS", f"{site.url}/") for _ in range(20)}
    assert len(addresses) == 1
    (address,) = addresses
    heads = {run("curl", "-sSI", f"{site.url}{address}").partition("etag: ")[2].split("\n")[0] for _ in range(20)}
    assert len(heads) == 1
    (tmp_path / "static" / "app.css").write_text("b {}")
    changed = {run("curl", "-sS", f"{site.url}/") for _ in range(20)}
    assert len(changed) == 1
    assert changed != addresses
