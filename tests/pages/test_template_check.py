"""All that can be known to be wrong with templates is found before the port opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fanlight.errors import Mistake
from fanlight.pages.page import render
from fanlight.pages.pages import Pages

Write = Callable[[Mapping[str, str]], Path]
Site = Callable[[Mapping[str, str]], Pages]


def test_sound_templates_have_no_mistakes(site: Site) -> None:
    """Templates that use all of the language, names known only when rendered included, are fine."""
    pages = site(
        {
            "base.html": "{% block a %}{% endblock %}{% include nav %}{% import 'm.html' as m %}",
            "a.html": "{% extends 'base.html' %}{% block a %}{{ unknown_until_rendered }}{% endblock %}",
            "b.html": "{% extends layout %}",
            "c.html": "{% include ['nope.html', 'a.html'] %}{% include 'nope.html' ignore missing %}",
            "d.html": "{% extends 'base.html' if plain else 'a.html' %}{% include ['nope.html', or_this] %}",
            "m.html": "{% macro m() %}{% endmacro %}",
            "maybe.html": "{% if framed %}{% extends 'maybe.html' %}{% endif %}",
            "robots.txt": "{% include 'part.txt' %}",
            "part.txt": "",
            "tree.html": "{% if more %}{% include 'tree.html' %}{% endif %}",
        }
    )
    assert pages.check() == []


@pytest.mark.parametrize(
    ("templates", "mistake"),
    [
        (
            {"a.html": "\n{% if %}"},
            Mistake(message="Expected an expression, got 'end of statement block'", places=("templates/a.html:2",)),
        ),
        (
            {"a/b.html": "x\ny{% for a in b %}\n\n"},
            Mistake(
                message="Unexpected end of template. Jinja was looking for the following tags: 'endfor' or 'else'. "
                "The innermost block that needs to be closed is 'for'",
                places=("templates/a/b.html:2",),
            ),
        ),
        (
            {"a.html": "{{ x | uper }}"},
            Mistake(message="No filter named 'uper'", places=("templates/a.html:1",), hint="did you mean `upper`?"),
        ),
        (
            {"a.html": "\n{% extends 'bsae.html' %}", "base.html": ""},
            Mistake(
                message="there is no template bsae.html",
                places=("templates/a.html:2",),
                hint="did you mean `base.html`?",
            ),
        ),
        (
            {"a.html": "{% if x %}\n\n{% include 'nva.html' %}{% endif %}", "nav.html": ""},
            Mistake(
                message="there is no template nva.html",
                places=("templates/a.html:3",),
                hint="did you mean `nav.html`?",
            ),
        ),
        (
            {"a.html": "{% from 'macro.html' import m %}", "macros.html": ""},
            Mistake(
                message="there is no template macro.html",
                places=("templates/a.html:1",),
                hint="did you mean `macros.html`?",
            ),
        ),
        (
            {"a.html": "{% include ['b1.htm', 'c.html'] %}", "b1.html": ""},
            Mistake(
                message="there is no template b1.htm or c.html",
                places=("templates/a.html:1",),
                hint="did you mean `b1.html`?",
            ),
        ),
        (
            {
                "a.html": "\n{% extends 'b.html' %}",
                "b.html": "{% extends 'c.html' %}",
                "c.html": "{% extends 'b.html' %}",
            },
            Mistake(
                message="b.html extends c.html extends b.html",
                places=("templates/b.html:1", "templates/c.html:1"),
                hint="remove `extends` from one of them",
            ),
        ),
        (
            {"a.html": "{% extends 'a.html' %}"},
            Mistake(
                message="a.html extends a.html",
                places=("templates/a.html:1",),
                hint="remove `extends` from one of them",
            ),
        ),
        (
            {"a.html": "{% for a in b %}" * 30 + "{% endfor %}" * 30},
            Mistake(
                message="a.html can't be compiled: SyntaxError: too many statically nested blocks",
                places=("templates/a.html",),
            ),
        ),
    ],
)
def test_a_mistake_is_found(site: Site, templates: Mapping[str, str], mistake: Mistake) -> None:
    """A mistake is reported once, with file, line and what to do, and nothing else is."""
    found = site(templates).check()
    assert [(each.message.partition(" (a.html, line")[0], each.places, each.hint) for each in found] == [
        (mistake.message, mistake.places, mistake.hint)
    ]


def test_every_mistake_is_found_at_once(site: Site) -> None:
    """The mistakes of all templates come together, file by file, from top to bottom."""
    pages = site(
        {
            "b.html": "{% include 'nope.html' %}\n{% include 'nor this.html' %}",
            "a.html": "{% if %}",
            "c.html": "{{ x is nope }}",
        }
    )
    assert [mistake.places[0] for mistake in pages.check()] == [
        "templates/a.html:1",
        "templates/b.html:1",
        "templates/b.html:2",
        "templates/c.html:1",
    ]


def test_a_part_of_any_extension_is_followed(site: Site) -> None:
    """A file that only another template makes a template is compiled, and so is what it names in turn."""
    pages = site({"a.html": "{% include 'b.part' %}", "b.part": "{% include 'c.part' %}", "c.part": "\n{% if %}"})
    assert [mistake.places for mistake in pages.check()] == [("templates/c.part:2",)]


def test_what_is_no_template_is_left_alone(write: Write) -> None:
    """Files that only lie in the folder (pictures, style sheets, hidden files) are not compiled."""
    folder = write({"style.css": "@media print{#nav{}}", ".draft.html": "{% if %}", ".git/a.html": "{% if %}"})
    (folder / "photo.jpg").write_bytes(b"\xff\xd8{% if %}")
    assert Pages(folder).check() == []


def test_a_template_that_is_no_text_is_a_mistake(write: Write) -> None:
    """A template that is not UTF-8 is reported with its line."""
    folder = write({})
    (folder / "a.html").write_bytes(b"\n\xff")
    mistakes = Pages(folder).check()
    assert [str(mistake) for mistake in mistakes] == [
        "byte 0xff is not UTF-8; save the file as UTF-8\n  at templates/a.html:2"
    ]


def test_a_name_that_leaves_the_folder_is_a_mistake(site: Site) -> None:
    """A template that names one outside of the folder is reported."""
    assert [mistake.places for mistake in site({"a.html": "{% include '../b.html' %}"}).check()] == [
        ("templates/a.html:1",)
    ]


def test_checking_does_not_render(site: Site) -> None:
    """Nothing a template would do is done by the check."""
    assert site({"a.html": "{{ 1 / 0 }}"}).check() == []


def test_what_was_checked_is_ready(write: Write) -> None:
    """The first request needs no file: what the check has compiled stays compiled."""
    folder = write({"a.html": "{% include 'b.html' %}", "b.html": "b"})
    pages = Pages(folder)
    pages.check()
    for path in folder.iterdir():
        path.unlink()
    assert pages.render(render("a.html")) == "b"
