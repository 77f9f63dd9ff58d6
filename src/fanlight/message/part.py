"""`Part`: a part of a site with templates, files and error pages of its own, such as a package on PyPI has.

    # blog/__init__.py
    part = Part({"/": index, "/{slug}": post}, name="blog", static="static")

    # main.py
    URLS = {"/": home, "/blog": blog.part}

In: what a site has too. Out: the same; where it is mounted, the app reads it. Its folders are beside its own file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


class Part:
    """A part of a site, which is mounted in its URLS: `URLS = {"/blog": Part(URLS, name="blog")}`.

    `name` is that of its table, `url_for("blog:post")`, and of the folder in the site's templates whose files replace
    its own, `templates/blog`. `templates` and `static` are folders beside the file in which it is made; the files of
    `static` are below its mount, at "/static". `errors` and `middleware` are for what is below its mount, inside those
    of the site. To mount it twice, give each a name: `table(part, name="news")`.
    """

    def __init__(  # noqa: PLR0913 - each is a part of a site, and given by its name
        self,
        urls: Mapping[str, Any],
        *,
        name: str,
        templates: str | Path | None = "templates",
        static: str | Path | None = None,
        errors: Mapping[Any, Any] | None = None,
        middleware: Sequence[Callable[..., Any]] = (),
        file: str | Path | None = None,
    ) -> None:
        """Keep all of it, which is checked where it is mounted; `file` is by default the file of the caller."""
        made_in = Path(file or sys._getframe(1).f_code.co_filename)  # noqa: SLF001 - the caller's file; it is documented
        self.file = made_in.resolve() if file or made_in.is_file() else Path.cwd() / "main.py"
        self.urls, self.name = urls, name
        self.templates, self.static = templates, static
        self.errors, self.middleware = errors, middleware

    @property
    def folder(self) -> Path:
        """The folder of its file, in which its other folders are."""
        return self.file.parent

    def __repr__(self) -> str:
        return f"Part({self.name!r})"
