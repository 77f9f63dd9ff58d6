"""The pages of a part of the site: its own templates, and those of the site that replace them or that it lacks.

In: the pages of the site, and the name of the part. Out: pages in which a name means a template of the part,
"post.html" is "blog/post.html", if there is one, else one of the site.
"""

from __future__ import annotations

from collections.abc import Mapping

from fanlight.message.request import Request
from fanlight.pages.pages import Pages


class PartPages(Pages):
    """The templates and error pages of one part."""

    def __init__(self, whole: Pages, part: str) -> None:
        super().__init__(whole.folder)
        self._whole, self._part = whole, part
        self.has_context, self.waiting_types = whole.has_context, whole.waiting_types
        self.opens_for_request, self.needs_services = whole.opens_for_request, whole.needs_services

    def has(self, name: str) -> bool:
        """Return whether a template exists, in the part or in the site."""
        return self._whole.has(self._whole.name_in(self._part, name))

    def has_own(self, name: str) -> bool:
        """Return whether the part has a template, or the site has one in its place."""
        return self._whole.has(f"{self._part}/{name}")

    def names(self) -> list[str]:
        """Return the names of the templates of the part, as it names them."""
        start = f"{self._part}/"
        return [name.removeprefix(start) for name in self._whole.names() if name.startswith(start)]

    def _render(self, name: str, values: Mapping[str, object], request: Request | None) -> str:
        return self._whole._render(self._whole.name_in(self._part, name), values, request)  # noqa: SLF001 - of the same class

    def _render_for_error(self, name: str, values: Mapping[str, object], request: Request | None) -> str:
        whole = self._whole
        return whole._render_for_error(whole.name_in(self._part, name), values, request)  # noqa: SLF001 - as above
