"""A page that is yet to be rendered: a template's name and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """What `render` returns; nothing is rendered before the view has returned it."""

    template: str
    context: Mapping[str, object]


def render(template: str, /, **context: object) -> Page:
    """Return a page to be rendered from a template, with these names in it."""
    return Page(template, context)
