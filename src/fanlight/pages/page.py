"""A page that is yet to be rendered: a template's name and its context.

In: what a view passes to `render`. Out: a value that a test can compare before any template is opened, so that no view
needs the app.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Page:
    """What `render` returns; it is rendered when the view has returned it."""

    template: str
    context: Mapping[str, object] = field(default_factory=dict, repr=False)  # may hold secrets, which a log would show


def render(template: str, /, **context: object) -> Page:
    """Return a page of a template in the templates folder: `render("blog/post.html", title="Snow")`."""
    return Page(template, context)
