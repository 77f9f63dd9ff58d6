"""Load templates for Jinja from their folder.

In: the name of a template. Out: its text, decoded as UTF-8. Refuses a name that leaves the folder, as TemplateError.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from jinja2 import BaseLoader, Environment, TemplateNotFound, TemplateSyntaxError

from fanlight.errors import TemplateError
from fanlight.pages.template_folder import TemplateFolder

_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})


class FolderLoader(TemplateFolder, BaseLoader):
    """The templates of one folder, as a loader of Jinja."""

    def get_source(
        self,
        environment: Environment,  # noqa: ARG002 - Jinja gives it
        template: str,
    ) -> tuple[str, str, Callable[[], bool] | None]:
        """Return a template's text and its path; it is never reloaded."""
        path = self.path_of(template)
        try:
            data = path.read_bytes()
        except OSError as error:
            if error.errno in _MISSING:
                raise TemplateNotFound(template) from None
            raise TemplateError(f"the template {template} can't be read: {error.strerror}") from error
        return _decode(data, template, path), str(path), None

    def path_of(self, name: str) -> Path:
        """Return the path of a template. Raises TemplateError for a name that leaves the folder."""
        if not self.is_name(name):
            raise TemplateError(
                f"{name!r} is no name for a template",
                hint='write it relative to the templates folder, with "/" between its parts, like "blog/post.html"',
            )
        if self.folder is None:
            raise TemplateNotFound(name)
        return self.folder / name


def _decode(data: bytes, name: str, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise TemplateSyntaxError(message, line, name, str(path)) from None
