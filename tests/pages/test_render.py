"""Pages are rendered from templates, with their context and the names in all templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fanlight.errors import ClientDisconnected, NotFound
from fanlight.message.request import Request
from fanlight.pages.bounded_dict import MAX_TEMPLATES, BoundedDict
from fanlight.pages.page import Page, render
from fanlight.pages.pages import Pages
from fanlight.pages.template_folder import TemplateFolder

Write = Callable[[Mapping[str, str]], Path]
Site = Callable[[Mapping[str, str]], Pages]


def test_render_only_notes_what_is_to_be_rendered() -> None:
    """`render` opens nothing: it gives a page that equals another with the same template and context."""
    assert render("nowhere.html", a=1) == Page("nowhere.html", {"a": 1})


def test_a_page_cannot_be_changed() -> None:
    """A page is frozen, as it travels."""
    page = render("a.html")
    with pytest.raises(AttributeError):
        page.template = "b.html"  # type: ignore[misc]  # what the test is about
    assert not hasattr(page, "__dict__")


def test_the_context_may_have_any_name() -> None:
    """A context may have a `template`, as the name of the template is positional only."""
    assert render("a.html", template="x").context == {"template": "x"}


def test_a_page_does_not_show_its_context() -> None:
    """A page in a log or a traceback does not show its context."""
    assert "secret" not in repr(render("a.html", password="secret"))


def test_a_template_shows_its_context(site: Site) -> None:
    """A template finds its context by name."""
    assert site({"a.html": "<h1>{{ title }}</h1>"}).render(render("a.html", title="Snow")) == "<h1>Snow</h1>"


def test_templates_extend_include_and_import_from_anywhere_in_the_folder(site: Site) -> None:
    """Templates name one another relative to the folder, wherever they are."""
    pages = site(
        {
            "base.html": "<{% block body %}{% endblock %}>",
            "parts/nav.html": "nav of {{ title }}",
            "parts/macros.html": "{% macro shout(text) %}{{ text | upper }}{% endmacro %}",
            "blog/post.html": '{% extends "base.html" %}{% from "parts/macros.html" import shout %}'
            '{% block body %}{% include "parts/nav.html" %}, {{ shout("hi") }}{% endblock %}',
        }
    )
    assert pages.render(render("blog/post.html", title="Snow")) == "<nav of Snow, HI>"


def test_an_include_may_be_missing_if_it_is_marked_so(site: Site) -> None:
    """`ignore missing` is not an error."""
    assert site({"a.html": 'a{% include "b.html" ignore missing %}'}).render(render("a.html")) == "a"


def test_the_first_of_several_includes_that_exists_is_taken(site: Site) -> None:
    """Of a list of templates, the first that exists is used."""
    pages = site({"a.html": '{% include ["x.html", "b.html", "c.html"] %}', "b.html": "b", "c.html": "c"})
    assert pages.render(render("a.html")) == "b"


def test_a_template_may_use_the_names_handed_in(write: Write) -> None:
    """Every template, also an imported one, may use what the pages were made with."""
    folder = write(
        {
            "a.html": '{% from "m.html" import link %}{{ url_for("x") }} {{ link() }}',
            "m.html": "{% macro link() %}{{ url_for('y') }}{% endmacro %}",
        }
    )
    pages = Pages(folder, {"url_for": lambda name: f"/{name}"})
    assert pages.render(render("a.html")) == "/x /y"


def test_the_context_goes_before_the_names_handed_in(write: Write) -> None:
    """The context of a view overrides the names in all templates, for this page only."""
    pages = Pages(write({"a.html": "{{ who }}"}), {"who": "all"})
    assert [pages.render(render("a.html", who="me")), pages.render(render("a.html"))] == ["me", "all"]


def test_a_template_gets_the_request(site: Site, ask: Callable[..., Request]) -> None:
    """A template finds the request as `request`, and so do the templates that it includes."""
    pages = site({"a.html": '{{ request.path }}{% include "b.html" %}', "b.html": " {{ request.method }}"})
    assert pages.render(render("a.html"), ask("/blog")) == "/blog GET"


def test_a_view_may_have_a_request_of_its_own(site: Site, ask: Callable[..., Request]) -> None:
    """What a view calls `request` is what its template finds."""
    assert site({"a.html": "{{ request }}"}).render(render("a.html", request="mine"), ask("/")) == "mine"


def test_rendering_leaves_the_context_alone(site: Site, ask: Callable[..., Request]) -> None:
    """A page can be rendered again: nothing of a rendering stays in its context."""
    page = render("a.html", n=1)
    site({"a.html": "{% set n = 2 %}{{ n }}"}).render(page, ask("/"))
    assert page.context == {"n": 1}


def test_an_http_error_raised_in_a_template_is_the_response(site: Site) -> None:
    """What a template calls may raise NotFound, and NotFound it stays."""

    def find() -> None:
        raise NotFound("no such post")

    with pytest.raises(NotFound, match="no such post"):
        site({"a.html": "{{ find() }}"}).render(render("a.html", find=find))


def test_a_client_that_leaves_is_no_mistake_in_a_template(site: Site) -> None:
    """An error that the client is to blame for passes as it is."""

    def read() -> None:
        raise ClientDisconnected

    with pytest.raises(ClientDisconnected):
        site({"a.html": "{{ read() }}"}).render(render("a.html", read=read))


def test_a_template_is_read_once(write: Write) -> None:
    """A template is compiled when it is first needed; that its file changes, or goes, makes no difference."""
    folder = write({"a.html": "{% include 'b.html' %}", "b.html": "first"})
    pages = Pages(folder)
    before = pages.render(render("a.html"))
    write({"b.html": "second"})
    (folder / "a.html").unlink()
    assert [before, pages.render(render("a.html"))] == ["first", "first"]


def test_the_memory_of_templates_is_bounded() -> None:
    """However many names are used, no more are kept than the limit."""
    kept = BoundedDict()
    for number in range(3 * MAX_TEMPLATES):
        kept[number] = number
        assert len(kept) <= MAX_TEMPLATES
    assert kept[3 * MAX_TEMPLATES - 1] == 3 * MAX_TEMPLATES - 1


@pytest.mark.parametrize(
    "text", ["", "\n", "a", "a\n", "a\n\n", "\r\na\r\n\r\n", "a\rb\r", "}} %} #} { { $x <b>\u00e9</b>\n"]
)
def test_a_plain_page_is_what_jinja_makes_of_it(write: Write, text: str) -> None:
    """Where no template has a tag, pages are rendered without Jinja, and are the same to the last byte."""
    folder, page = write({}), render("a.html", name="Ada")
    (folder / "a.html").write_bytes(text.encode())
    by_jinja, pages = Pages(folder).render(page), Pages(folder)
    assert pages.check() == []
    (folder / "a.html").unlink()
    assert pages.render(page) == by_jinja


@pytest.mark.parametrize("tag", ["{{ 1 }}", "{% set x = 1 %}", "{# x #}"])
def test_a_page_with_a_tag_is_not_plain(write: Write, tag: str) -> None:
    """Each of the three beginnings of a tag needs Jinja."""
    assert TemplateFolder(write({"a.html": f"<p>{tag}</p>"})).plain_page("a.html") is None


def test_a_byte_order_mark_is_no_part_of_a_page(write: Write) -> None:
    """A template that an editor began with a byte order mark is rendered without it."""
    folder = write({})
    (folder / "a.html").write_bytes(b"\xef\xbb\xbf<p>\xc3\xa9</p>")
    assert Pages(folder).render(render("a.html")) == "<p>\u00e9</p>"


def test_an_app_may_have_no_templates(tmp_path: Path) -> None:
    """Without a folder, or with one that isn't there, there are no templates and nothing is wrong."""
    for folder in (None, tmp_path / "templates"):
        pages = Pages(folder)
        assert (pages.names(), pages.check(), pages.has("a.html"), pages.folder) == ([], [], False, folder)


def test_the_names_are_those_of_the_templates(site: Site) -> None:
    """The names are sorted, seen from the folder, without hidden files and without what is no template."""
    pages = site({"b.html": "", "a/c.htm": "", "d.txt.j2": "", ".hidden.html": "", ".git/x.html": "", "photo.jpg": ""})
    assert pages.names() == ["a/c.htm", "b.html", "d.txt.j2"]
