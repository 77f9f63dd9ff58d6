"""Calls of `url_for` in templates that can only fail, found before the port opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanlight.errors import SetupError
from fanlight.site.app import App


def home() -> str:
    return ""


def post(slug: str) -> str:
    return slug


def mistakes(folder: Path, template: str) -> list[str]:
    (folder / "main.py").write_text("")
    (folder / "templates").mkdir()
    (folder / "templates" / "home.html").write_text('{% extends "base.html" %}')
    (folder / "templates" / "base.html").write_text(template)
    (folder / "templates" / "unused.html").write_text("{{ url_for('nowhere') }}")
    app = App({"/": home, "/{slug}": post}, file=folder / "main.py")
    return ["; ".join((each.message, *each.places, each.hint)) for each in app.pages.wrong_urls(["home.html"])]


@pytest.mark.parametrize(
    ("template", "mistake"),
    [
        ("\n{{ url_for('hoem') }}", 'no view in URLS is named "hoem"; templates/base.html:2; did you mean "home"?'),
        ("{{ url_for('post') }}", 'the URL of "post" is /{slug}; templates/base.html:1; missing: slug'),
        (
            "{{ url_for('post', slg=x) }}",
            'the URL of "post" is /{slug}; templates/base.html:1; missing: slug; extra: slg',
        ),
        ("{{ url_for('post', slug='') }}", "slug='' does not fit /{slug}"),
    ],
)
def test_a_url_that_does_not_exist_is_found(tmp_path: Path, template: str, mistake: str) -> None:
    """A literal name of no view, and parameters that can't fit, are mistakes of the template."""
    (line,) = mistakes(tmp_path, template)
    assert line.startswith(mistake)


@pytest.mark.parametrize(
    "template",
    [
        "{{ url_for('home') }} {{ url_for('post', slug='x') }} {{ url_for('post', slug=x) }}",
        "{{ url_for(name) }} {{ url_for('post', **parts) }} {{ other.url_for('hoem') }}",
        "{% macro url_for(x) %}{% endmacro %}{{ url_for('hoem') }}",
        "{% set url_for = x %}{{ url_for('hoem') }}",
    ],
)
def test_a_url_that_may_exist_is_left_alone(tmp_path: Path, template: str) -> None:
    """What is right, computed, or defined by the template itself is no mistake."""
    assert mistakes(tmp_path, template) == []


def test_with_a_mistake_in_the_table_no_url_is_checked(tmp_path: Path) -> None:
    """Without a table no name is known, so the mistake in the table is the only one."""
    (tmp_path / "main.py").write_text("")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "home.html").write_text("{{ url_for('home') }}")
    with pytest.raises(SetupError) as caught:
        App({"/": None}, file=tmp_path / "main.py")
    assert len(caught.value.mistakes) == 1
