"""The error for a page that can't be rendered has the place, the reason and a suggestion."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from fanlight.errors import NoSuchURL, TemplateError
from fanlight.pages.page import render
from fanlight.pages.pages import Pages

Write = Callable[[Mapping[str, str]], Path]
Site = Callable[[Mapping[str, str]], Pages]


@dataclass
class Post:
    """What a view might hand to a template."""

    title: str


class Unsayable(Exception):
    """An error whose `__str__` fails."""

    def __str__(self) -> str:
        raise RuntimeError("I won't say")


def fail(error: Exception) -> Callable[[], None]:
    """Return a function, for a template to call, that raises."""

    def raise_it() -> None:
        raise error

    return raise_it


@pytest.mark.parametrize(
    ("template", "message"),
    [
        # a name that isn't there, used in any way
        ("\n{{ titel }}", "t.html:2: there is no `titel` here; did you mean `title`?"),
        ("{% if titel %}{% endif %}", "t.html:1: there is no `titel` here; did you mean `title`?"),
        ("{% for x in titel %}{% endfor %}", "t.html:1: there is no `titel` here; did you mean `title`?"),
        ("{{ titel == 1 }}", "t.html:1: there is no `titel` here; did you mean `title`?"),
        ("{{ titel.size }}", "t.html:1: there is no `titel` here; did you mean `title`?"),
        ("{{ titel() }}", "t.html:1: there is no `titel` here; did you mean `title`?"),
        ("{{ titel | upper }}", "t.html:1: there is no `titel` here; did you mean `title`?"),
        ("{{ rnage(3) }}", "t.html:1: there is no `rnage` here; did you mean `range`?"),
        ("{% for item in [1] %}\n{{ itme }}{% endfor %}", "t.html:2: there is no `itme` here; did you mean `item`?"),
        ("{% set colour = 1 %}{{ color }}", "t.html:1: there is no `color` here; did you mean `colour`?"),
        (
            "{{ zzz }}",
            "t.html:1: there is no `zzz` here; write `zzz is defined`, or give it a default, where it may be missing",
        ),
        # a part that isn't there
        ("{{ post.titel }}", "t.html:1: this Post has no `titel`; did you mean `title`?"),
        ("{{ post['titel'] }}", "t.html:1: this Post has no `titel`; did you mean `title`?"),
        ("{{ data.nmae }}", "t.html:1: this dict has no `nmae`; did you mean `name`?"),
        ("{{ [1][7] }}", "t.html:1: this list has no `7`"),
        ("{{ nothing.title }}", "t.html:1: None has no `title`; check for None first"),
        ("{{ post._secret }}", "t.html:1: this Post has no `_secret`"),
        # things that Jinja itself says well
        (
            "{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}",
            "t.html:1: parameter 'a' was not provided",
        ),
        # templates that aren't there
        ('{% include "bas.html" %}', "t.html:1: there is no template bas.html; did you mean `base.html`?"),
        ('\n{% extends "bas.html" %}', "t.html:2: there is no template bas.html; did you mean `base.html`?"),
        (
            '{% include ["bas.html", "bse.html"] %}',
            "t.html:1: there is no template bas.html or bse.html; did you mean `base.html`?",
        ),
        ("{% include [titel, titel] %}", "t.html:1: there is no `titel` here; did you mean `title`?"),
        ("{% include titel %}", "t.html:1: there is no `titel` here; did you mean `title`?"),
        ("{% include [] %}", "t.html:1: there is no template of these names; templates are looked for in "),
        # mistakes in the language
        ("{{ title | uper }}", "t.html:1: No filter named 'uper'; did you mean `upper`?"),
        ("{{ title is evn }}", "t.html:1: No test named 'evn'; did you mean `even`?"),
        ("a\nb\n{% if %}", "t.html:3: Expected an expression, got 'end of statement block'"),
        ("{% endfor %}", "t.html:1: Encountered unknown tag 'endfor'"),
        # what is called raises
        ("\n{{ 1 / 0 }}", "t.html:2: ZeroDivisionError: division by zero"),
        ("{{ url_for('x') }}", "t.html:1: there is no view `x`; did you mean `y`?"),
        ("{{ unsayable() }}", "t.html:1: test_broken.Unsayable: <exception str() failed>"),
        ('{% include "t.html" %}', "t.html:1: RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_a_mistake_in_a_template_has_its_place(write: Write, template: str, message: str) -> None:
    """The error begins with the template's file and line, and has the reason and a suggestion."""

    def url_for(name: str) -> str:
        raise NoSuchURL(f"there is no view `{name}`; did you mean `y`?")

    pages = Pages(write({"t.html": template, "base.html": ""}), {"url_for": url_for})
    page = render(
        "t.html",
        title="T",
        post=Post("T"),
        data={"name": 1},
        nothing=None,
        unsayable=fail(Unsayable()),
    )
    with pytest.raises(TemplateError) as caught:
        pages.render(page)
    told = str(caught.value).replace(f"{__name__}.", "test_broken.")
    assert told.startswith(f"templates/{message}")


def test_the_place_is_the_innermost_template(site: Site) -> None:
    """A mistake in a part of a page has the file and line of the part."""
    pages = site({"a.html": '\n{% include "parts/b.html" %}', "parts/b.html": "\n\n{{ nope }}"})
    with pytest.raises(TemplateError) as caught:
        pages.render(render("a.html"))
    assert (caught.value.place, caught.value.reason) == ("templates/parts/b.html:3", "there is no `nope` here")


@pytest.mark.parametrize("tag", ['{% include "b.html" %}', '{% extends "b.html" %}', '{% import "b.html" as m %}'])
def test_a_broken_part_has_its_own_place(site: Site, tag: str) -> None:
    """A part that does not compile has its own file and line, not those of the page."""
    pages = site({"a.html": tag, "b.html": "\n{% if %}"})
    with pytest.raises(TemplateError, match=r"^templates/b\.html:2: Expected an expression"):
        pages.render(render("a.html"))


def test_a_mistake_in_a_macro_or_a_block_has_its_place(site: Site) -> None:
    """A macro of another file, and a block of the page, have the place where they are written."""
    pages = site(
        {
            "base.html": "\n{% block a %}{% endblock %}",
            "m.html": "\n\n{% macro m() %}{{ 1 / 0 }}{% endmacro %}",
            "a.html": '{% extends "base.html" %}\n{% block a %}\n\n{{ nope }}{% endblock %}',
            "b.html": '{% from "m.html" import m %}\n{{ m() }}',
        }
    )
    for name, place in (("a.html", "templates/a.html:4"), ("b.html", "templates/m.html:3")):
        with pytest.raises(TemplateError) as caught:
            pages.render(render(name))
        assert caught.value.place == place


def test_what_may_be_missing_can_be_tested_for(site: Site) -> None:
    """`is defined` and `default` work on a name, and on a part, that isn't there."""
    pages = site({"a.html": "{{ x is defined }} {{ x | default('d') }} {{ post.y is defined }} {{ post.y | d('e') }}"})
    assert pages.render(render("a.html", post=Post("T"))) == "False d False e"


@pytest.mark.parametrize("name", ["indx.html", "index.htm"])
def test_a_page_that_is_not_there_gets_a_suggestion(site: Site, name: str) -> None:
    """The error for a missing template suggests the most similar name."""
    with pytest.raises(TemplateError, match=rf"^there is no template {name}; did you mean `index\.html`\?$"):
        site({"index.html": "", "about.html": ""}).render(render(name))


def test_the_error_for_a_page_unlike_any_other_names_the_folder(site: Site) -> None:
    """If no template is similar, the error names the folder."""
    pages = site({"index.html": ""})
    with pytest.raises(TemplateError) as caught:
        pages.render(render("zzzz.html"))
    assert str(caught.value) == f"there is no template zzzz.html; templates are looked for in {pages.folder}"


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    """If the folder does not exist, the error says so."""
    with pytest.raises(TemplateError, match=r"there is no folder .*nowhere"):
        Pages(tmp_path / "nowhere").render(render("a.html"))
    with pytest.raises(TemplateError, match="this app has no templates folder"):
        Pages(None).render(render("a.html"))


def test_a_template_that_cannot_be_read_is_reported(write: Write) -> None:
    """A template that is not UTF-8 is reported with the line of the first bad byte."""
    folder = write({"b.html": '{% include "a.html" %}'})
    (folder / "a.html").write_bytes(b"one\ntwo caf\xe9\n")
    for name in ("a.html", "b.html"):
        with pytest.raises(TemplateError, match=r"^templates/a\.html:2: byte 0xe9 is not UTF-8; save the file as"):
            Pages(folder).render(render(name))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% for a in b %}" * 30 + "{% endfor %}" * 30, "SyntaxError: too many statically nested blocks"),
        ("{{ " + "1" * 5000 + " }}", "ValueError: Exceeds the limit"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_a_template_that_does_not_compile_is_reported(site: Site, template: str, message: str) -> None:
    """What Python's compiler refuses is a TemplateError too, for a page and for a part of one."""
    pages = site({"a.html": template, "b.html": '{% include "a.html" %}'})
    with pytest.raises(TemplateError, match=rf"^templates/a\.html: a\.html can't be compiled: {message}"):
        pages.render(render("a.html"))
    with pytest.raises(TemplateError, match=message):
        pages.render(render("b.html"))


def test_the_cause_is_kept_with_the_lines_of_the_template(site: Site) -> None:
    """The error's cause is what was raised, and its traceback shows the template, not Jinja's code for it."""
    cause = LookupError("nothing there")
    with pytest.raises(TemplateError) as caught:
        site({"a.html": "one\n<b>{{ find() }}</b>"}).render(render("a.html", find=fail(cause)))
    assert caught.value.__cause__ is cause
    shown = "".join(traceback.format_exception(caught.value))
    assert 'a.html", line 2, in top-level template code\n    <b>{{ find() }}</b>' in shown


def test_an_owner_that_misbehaves_does_not_hide_the_mistake(site: Site) -> None:
    """A value whose own code fails when it is inspected is still named."""

    class Proxy(SimpleNamespace):
        def __dir__(self) -> list[str]:
            raise RuntimeError

    class Keys(dict[str, int]):
        def __iter__(self) -> None:  # type: ignore[override]  # as bad as it can be
            raise RuntimeError

    pages = site({"a.html": "{{ it.titel }}"})
    for it in (Proxy(title=1), Keys(title=1)):
        with pytest.raises(TemplateError, match=r"has no `titel`; did you mean `title`\?$"):
            pages.render(render("a.html", it=it))


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")
def test_a_template_that_the_system_refuses_is_reported(write: Write) -> None:
    """A template that is there but can't be read is not called missing."""
    folder = write({"b.html": "{% include 'a.html' ignore missing %}"})
    (folder / "a.html").symlink_to("a.html")  # leads round in a circle
    for name, place in (("a.html", ""), ("b.html", "templates/b.html:1: ")):
        with pytest.raises(TemplateError, match=rf"^{place}the template a\.html can't be read: "):
            Pages(folder).render(render(name))
