"""Values from a view are text, never HTML, unless the template marks them as HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import IntEnum, StrEnum

import jinja2
import pytest
from markupsafe import Markup

from fanlight.errors import BadField, BadRequest, HTTPError, NotFound, UnprocessableContent
from fanlight.message.media_types import BY_EXTENSION
from fanlight.pages.builtin_pages import heading_page
from fanlight.pages.page import render
from fanlight.pages.pages import Pages
from fanlight.pages.template_folder import is_escaped, media_type_of

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
        "a.rss",
        "a.atom",
        "a.xslt",
        "a",
        "a.jinja",
        "a.html.j2",
        "a.txt.j2",
        "a.txt.html",
        "csv/a",
        "a.tpl",
    ],
)
def test_values_are_escaped_in_html_and_xml(site: Site, name: str) -> None:
    """A template escapes its values if its extension means HTML or XML, or is unknown."""
    assert site({name: "{{ said }}"}).render(render(name, said=EVIL)) == HARMLESS


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.TXT", "text/plain; charset=utf-8"),
        ("b/a.html.txt", "text/plain; charset=utf-8"),
        ("a.csv", "text/csv; charset=utf-8"),
        ("a.ics", "text/calendar; charset=utf-8"),
        ("a.md", "text/markdown; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.yaml", "application/yaml"),
        ("a.vcf", "text/vcard; charset=utf-8"),
        ("a.toml", "application/toml"),
    ],
)
def test_nothing_is_escaped_in_other_text(site: Site, name: str, media_type: str) -> None:
    """A template of another kind escapes nothing, and is sent as what it is, so no browser reads HTML in it."""
    assert site({name: "{{ said }}"}).render(render(name, said=EVIL)) == EVIL
    assert media_type_of(name) == media_type


def test_no_kind_that_is_not_escaped_is_read_as_tags() -> None:
    """Every media type of the table that a browser, or another reader, takes for HTML or XML, is escaped."""
    for ending, kind in BY_EXTENSION.items():
        is_read_as_tags = any(word in kind for word in ("html", "xml", "xslt"))
        assert is_escaped(f"a.{ending}") or not is_read_as_tags or "openxml" in kind, ending
        assert not is_escaped(f"a.{ending}") or is_read_as_tags, ending


def test_html_that_is_meant_stays(site: Site) -> None:
    """A template may use `safe`, and a view may pass Markup."""
    pages = site({"a.html": "{{ a | safe }}{{ b }}"})
    assert pages.render(render("a.html", a="<b>", b=Markup("<i>"))) == "<b><i>"


@pytest.mark.parametrize("part", ["a.txt", "a.js", "a.csv"])
@pytest.mark.parametrize(
    "tag",
    [
        '{% include "PART" %}',
        '{% include ["x.html", "PART"] %}',
        '{% include ["PART", "x.html"] ignore missing %}',
        '{% extends "PART" %}',
        '{% import "PART" as m %}{{ m.show(said) }}',
        '{% from "PART" import show with context %}{{ show(said) }}',
        '{% include "through.txt" %}',
        '{% include "child.txt" %}',
        '{% include "back.html" %}',
        "{% include name %}",
        "{% include names %}",
        "{% extends name %}",
    ],
)
def test_plain_text_as_a_part_of_a_page_is_escaped(site: Site, tag: str, part: str) -> None:
    """What escapes nothing by itself escapes everything where it is a part of a page, at any depth."""
    source = "{% macro show(what) %}{{ what }}{% endmacro %}{{ said | default('') }}{% block b %}{% endblock %}"
    pages = site(
        {
            "page.html": tag.replace("PART", part),
            part: source,
            "through.txt": f'{{% include ["{part}"] %}}',
            "child.txt": f'{{% extends "{part}" %}}{{% block b %}}{{{{ said }}}}{{% endblock %}}',
            "back.html": '{% include "through.txt" %}{{ said }}',
        }
    )
    for _ in range(2):
        page = pages.render(render("page.html", said=EVIL, name=part, names=("x.html", part)))
        assert "<script" not in page
        assert HARMLESS in page
        assert "&amp;lt;" not in page
        assert pages.render(render(part, said=EVIL)) == EVIL  # by itself it is as it was
    assert pages.check() == []


def test_a_page_as_a_part_of_plain_text_is_escaped_as_ever(site: Site) -> None:
    """An HTML template escapes its values wherever it is included; the surrounding text escapes none."""
    pages = site({"a.md": '{{ said }} {% include "b.html" %}', "b.html": "<b>{{ said }}</b>"})
    assert pages.render(render("a.md", said="<i>")) == "<i> <b>&lt;i&gt;</b>"


def test_plain_text_may_have_parts_of_plain_text(site: Site) -> None:
    """A .txt template may include another."""
    pages = site({"a.txt": '{% include "b.txt" %}', "b.txt": "{{ said }}"})
    assert pages.render(render("a.txt", said="<b>")) == "<b>"


def test_the_heading_is_text() -> None:
    """A plain text in URLS is escaped, in the heading and in the title."""
    page = heading_page(EVIL)
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
    """A string that claims to be an exact str, and HTML."""

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
