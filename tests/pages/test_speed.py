"""Rendering through us costs no more than rendering with Jinja as it comes.

Compared in one run, by the best of several rounds, so that a busy machine doesn't matter.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Mapping
from pathlib import Path

import jinja2
import pytest

from fanlight.errors import NotFound
from fanlight.message.request import Request
from fanlight.pages.builtin_pages import error_page, plain_error_page
from fanlight.pages.page import render
from fanlight.pages.pages import Pages

Write = Callable[[Mapping[str, str]], Path]
CALLS = 200
ROUNDS = 25

TEMPLATES = {
    "small.html": "<h1>{{ title }}</h1>",
    "base.html": "<title>{% block title %}{% endblock %}</title>{% include 'nav.html' %}{% block body %}{% endblock %}",
    "nav.html": "<a href='/'>home</a>",
    "page.html": "{% extends 'base.html' %}{% block title %}{{ title }}{% endblock %}",
}


def seconds(*calls: Callable[[], object]) -> list[float]:
    """Return what each call takes at best, the rounds taken in turn."""
    timers = [timeit.Timer(call) for call in calls]
    rounds = [[timer.timeit(CALLS) for timer in timers] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]


@pytest.mark.parametrize("name", ["small.html", "page.html"])
def test_rendering_is_no_slower_than_jinja_by_itself(write: Write, ask: Callable[..., Request], name: str) -> None:
    """A page, request included, takes no longer than Jinja needs for a template that it already holds."""
    folder = write(TEMPLATES)
    pages, page, request = Pages(folder), render(name, title="Snow"), ask("/")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), autoescape=True, auto_reload=False)
    template = environment.get_template(name)
    ours, bare = seconds(lambda: pages.render(page, request), lambda: template.render(title="Snow"))
    assert ours < 1.2 * bare


def test_a_page_of_many_values_is_faster_than_with_jinja_by_itself(write: Write) -> None:
    """Texts and numbers are escaped without an object made of each."""
    source = "{% for each in items %}<li>{{ each }}{{ loop.index }}{% endfor %}"
    pages, page = Pages(write({"a.html": source})), render("a.html", items=["some text"] * 50)
    template = jinja2.Environment(autoescape=True).from_string(source)
    ours, bare = seconds(lambda: pages.render(page), lambda: template.render(page.context))
    assert ours < 0.85 * bare


def test_rendering_opens_no_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a page was rendered, neither it nor its parts are looked for again."""
    pages = Pages(write(TEMPLATES | {"error/error404.html": "{% extends 'base.html' %}"}))

    def show() -> None:
        pages.render(render("page.html", title="Snow"))
        pages.error(NotFound())

    show()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file was looked for")

    for what in ("os.stat", "os.path.isfile", "pathlib.Path.stat", "pathlib.Path.read_bytes", "builtins.open"):
        monkeypatch.setattr(what, refuse)
    show()


def test_an_error_page_without_detail_is_made_once() -> None:
    """The page for a plain 404 is made at import."""
    assert plain_error_page(404) is plain_error_page(404)
    ready, made = seconds(lambda: plain_error_page(404), lambda: error_page(404).encode())
    assert ready < made / 2
