"""What a view says is text, never HTML, unless the template says that it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import IntEnum, StrEnum

import jinja2
import pytest
from markupsafe import Markup

from fanlight.errors import BadField, BadRequest, HTTPError, NotFound, TemplateError, UnprocessableContent
from fanlight.pages import Pages, render

Site = Callable[[Mapping[str, str]], Pages]

EVIL = "<script>alert('1')</script>\"&"
HARMLESS = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&#34;&amp;"


@pytest.mark.parametrize(
    "name",
    [
        "a.html",
        "a.HTM",
        "a.xml",
        "a.xhtml",
        "a.svg",
        "a",
        "a.jinja",
        "a.html.j2",
        "a.txt.j2",
        "a.md",
        "a.js",
        "a.txt.html",
        "a.tpl",
    ],
)
def test_values_are_escaped_in_every_template_but_plain_text(site: Site, name: str) -> None:
    """Whatever its extension, known or not, a template escapes what it is told."""
    assert site({name: "{{ said }}"}).render(render(name, said=EVIL)) == HARMLESS


@pytest.mark.parametrize("name", ["a.txt", "a.TXT", "b/a.html.txt"])
def test_nothing_is_escaped_in_plain_text(site: Site, name: str) -> None:
    """A .txt template escapes nothing; it is sent as text/plain, so no browser reads HTML in it."""
    page = render(name, said=EVIL)
    assert (site({name: "{{ said }}"}).render(page), page.media_type) == (EVIL, "text/plain; charset=utf-8")


def test_html_that_is_meant_stays(site: Site) -> None:
    """A template may say `safe`, and a view may hand in Markup."""
    pages = site({"a.html": "{{ a | safe }}{{ b }}"})
    assert pages.render(render("a.html", a="<b>", b=Markup("<i>"))) == "<b><i>"


@pytest.mark.parametrize(
    "tag",
    [
        '{% include "a.txt" %}',
        '{% include ["x.html", "a.txt"] %}',
        '{% extends "a.txt" %}',
        '{% import "a.txt" as m %}',
        '{% from "a.txt" import m %}',
        "{% include name %}",
    ],
)
def test_plain_text_cannot_be_a_part_of_a_page(site: Site, tag: str) -> None:
    """A .txt template, which escapes nothing, is refused inside a template that escapes."""
    pages = site({"page.html": f"\n{tag}", "a.txt": "{{ said }}{% macro m() %}{% endmacro %}"})
    with pytest.raises(TemplateError, match=r"^templates/page\.html:2: nothing is escaped in a\.txt"):
        pages.render(render("page.html", said=EVIL, name="a.txt"))


def test_plain_text_may_have_parts_of_plain_text(site: Site) -> None:
    """A .txt template may include another."""
    pages = site({"a.txt": '{% include "b.txt" %}', "b.txt": "{{ said }}"})
    assert pages.render(render("a.txt", said="<b>")) == "<b>"


def test_the_heading_is_text() -> None:
    """A plain text in URLS is escaped, in the heading and in the title."""
    page = Pages(None).heading(EVIL)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 2


def test_the_detail_of_an_error_is_text() -> None:
    """The built-in error page escapes the detail, which often repeats what the client sent."""
    page = _text(Pages(None), NotFound(EVIL))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_bad_fields_of_an_error_are_text() -> None:
    """The built-in error page escapes the names and messages of bad fields."""
    error = UnprocessableContent(fields=[BadField(source="form", name=EVIL, message=EVIL)])
    page = _text(Pages(None), error)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 2


def test_markup_as_a_detail_is_text_too() -> None:
    """A detail is never HTML, not even if it claims to be."""
    assert "&lt;b&gt;bold&lt;/b&gt;" in _text(Pages(None), BadRequest(Markup("<b>bold</b>")))


def test_the_detail_is_escaped_in_an_error_page_of_the_users(site: Site) -> None:
    """An error page of one's own escapes like any template."""
    pages = site({"error/error404.html": "{{ detail }} {{ error.detail }}"})
    assert _text(pages, NotFound(EVIL)) == f"{HARMLESS} {HARMLESS}"


def _text(pages: Pages, error: HTTPError) -> str:
    content = pages.error(error).content
    assert isinstance(content, bytes)
    return content.decode()


class Liar(str):
    """A text that says of itself that it is an exact one, and HTML."""

    __slots__ = ()

    @property  # type: ignore[misc]  # a lie
    def __class__(self) -> type:
        return str

    def __html__(self) -> str:
        return f"<b>{str.__str__(self)[:1]}</b>"


class Colour(StrEnum):
    RED = "<red>"


class Size(IntEnum):
    SMALL = 1


class Thing:
    def __str__(self) -> str:
        return EVIL


class Proxy:
    """Claims to be a number, as proxies of values do."""

    @property  # type: ignore[misc]  # a lie
    def __class__(self) -> type:
        return int

    def __str__(self) -> str:
        return EVIL


@pytest.mark.parametrize(
    "value",
    [
        "",
        EVIL,
        "plain",
        Markup("<i>"),
        Liar(EVIL),
        Colour.RED,
        Size.SMALL,
        pytest.param(Thing(), id="Thing"),
        pytest.param(Proxy(), id="Proxy"),
        None,
        True,
        0,
        -(10**30),
        1.5,
        float("nan"),
        Decimal("1.50"),
        ["<", Markup("<")],
        {"<": "&"},
        b"<",
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "source",
    [
        "{{ v }}",
        "{{ v }}{{ v | e }}{{ v | safe }}{{ v | string }}",
        "{{ '<' ~ v }}{{ v ~ '>' }}",
        "{% set x %}<p>{{ v }}</p>{% endset %}{{ x }}{{ x | length }}{{ x is escaped }}",
        "{% macro m(a) %}<p>{{ a }}</p>{% endmacro %}{{ m(v) }}{{ m(m(v)) | length }}",
        "{% macro m() %}<p>{{ caller() }}</p>{% endmacro %}{% call m() %}<{{ v }}{% endcall %}",
        "{% filter upper %}<{{ v }}{% endfilter %}{% filter e %}<{{ v }}{% endfilter %}",
        "{% block b %}<{{ v }}{% endblock %}{{ self.b() }}{{ self.b() | e }}",
        "{% autoescape false %}{{ v }}{% autoescape true %}{{ v }}{% endautoescape %}{% endautoescape %}",
        "{% for each in [v, v] recursive %}{{ each }}{% endfor %}{{ [v, v] | join('<') }}",
        "{{ 'a<b' | replace('<', v | string) }}{{ '%s' | format(v) }}{{ v | default('<') }}{{ v if v else '<' }}",
    ],
)
def test_what_is_shown_is_what_jinja_shows(site: Site, source: str, value: object) -> None:
    """We escape faster than Jinja as it comes, and every page is the same, byte for byte."""
    bare = jinja2.Environment(autoescape=True).from_string(source)
    assert site({"a.html": source}).render(render("a.html", v=value)) == bare.render(v=value)


def test_a_block_that_is_built_upon_is_escaped_once(site: Site) -> None:
    """`super()` gives HTML, in which nothing is escaped a second time."""
    pages = site(
        {
            "base.html": "{% block b %}<p>{{ v }}</p>{% endblock %}",
            "a.html": "{% extends 'base.html' %}{% block b %}{{ super() }}{{ v }}{% endblock %}",
        }
    )
    assert pages.render(render("a.html", v="<")) == "<p>&lt;</p>&lt;"
