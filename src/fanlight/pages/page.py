"""A page that is yet to be rendered: a template's name and its context.

In: what a view passes to `render`. Out: a value that a test can compare before any template is opened, so that no view
needs the app.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Page(Struct, frozen=True):
    """What `render` returns; it is rendered when the view has returned it."""

    template: str
    context: Mapping[str, object] = {}

    def __repr__(self) -> str:
        return f"Page(template={self.template!r})"  # the context may hold secrets, which a log would show


def render(template: str, /, **context: object) -> Page:
    """Return a page of a template in the templates folder: `render("blog/post.html", title="Snow")`."""
    return Page(template, context)
