"""A page that is yet to be rendered: a template's name and what it is told.

In: what a view says. Out: a value that can be looked at and compared before any template is opened,
so no view needs the app. Knows nothing of Jinja and of the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Page:
    """What `render` returns; nothing is rendered before the view has returned it."""

    template: str
    context: Mapping[str, object] = field(default_factory=dict, repr=False)  # may hold what no log should show


def render(template: str, /, **context: object) -> Page:
    """Return a page to be rendered: `render("blog/post.html", title="Snow")`, the name seen from the folder."""
    return Page(template, context)
