"""Jinja as Fanlight sets it up.

In: a loader and what every template may use. Out: compiled templates, whose errors are all a
`TemplateError` with the file and line of the template. Refuses to mix a template whose values are
escaped with one whose values are not. An `HTTPError` raised while a page is rendered is an answer,
so it passes as it is.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, NoReturn

import jinja2
from jinja2.debug import rewrite_traceback_stack

from fanlight.errors import FanlightError, HTTPError, PeerError, TemplateError
from fanlight.pages.escaping import EscapingTemplate
from fanlight.pages.kind import is_escaped
from fanlight.pages.loader import FolderLoader
from fanlight.pages.suggestion import did_you_mean
from fanlight.pages.undefined import Missing, MissingNameError

MOST_TEMPLATES = 1024
# What compiling can raise: Jinja's own errors, and Python's for code that is nested too deeply, or for
# a number of thousands of digits.
UNCOMPILABLE = (jinja2.TemplateError, SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)


class BoundedDict(dict[Any, Any]):
    """A dict that begins anew when it is full, so reading it costs nothing more than a dict."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if len(self) >= MOST_TEMPLATES:
            self.clear()
        super().__setitem__(key, value)


class FolderEnvironment(jinja2.Environment):
    """A Jinja environment over one folder."""

    loader: FolderLoader
    template_class = EscapingTemplate

    def __init__(self, loader: FolderLoader, extra: Mapping[str, object], *, auto_reload: bool) -> None:
        super().__init__(
            loader=loader, autoescape=is_escaped, undefined=Missing, auto_reload=auto_reload, cache_size=MOST_TEMPLATES
        )
        # Jinja's own cache takes a lock and walks a queue at each `extends` (timed in tests/pages/test_speed.py).
        self.cache = BoundedDict()
        self.globals.update(extra)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return what a template may use: a plain dict, as ours never change once the app is made."""
        # Jinja's ChainMap is copied for each rendering, key by key in Python (timed in tests/pages/test_speed.py).
        return {**self.globals, **(d or {})}

    def join_path(self, template: str, parent: str) -> str:
        """Return the name that an `extends`, `include` or `import` means: always seen from the folder."""
        # SECURITY: tests/pages/test_escaping.py: a .txt template escapes nothing, so it can't be part of a page
        if is_escaped(parent) and not is_escaped(template):
            raise TemplateError(unescaped_part(template), hint="give it a name that ends in .html")
        return template

    def handle_exception(self, source: str | None = None) -> NoReturn:
        """Raise what went wrong in a template again, as a TemplateError that knows the place."""
        error = rewrite_traceback_stack(source)
        if isinstance(error, HTTPError | PeerError) or (isinstance(error, TemplateError) and error.place):
            raise error
        raise self.explained(error) from error

    def load(self, name: str) -> jinja2.Template:
        """Return a compiled template. Raises TemplateError if it isn't there or doesn't compile."""
        try:
            return self.get_template(name)
        except jinja2.TemplateError as error:
            raise self.explained(error) from None
        except UNCOMPILABLE as error:
            raise TemplateError(
                f"{name} can't be compiled: {in_one_line(error)}", place=self.loader.place_of(name)
            ) from error

    def explained(self, error: BaseException) -> TemplateError:
        """Return an error of a template in our own words."""
        place, names = self._whereabouts(error)
        reason, hint = in_one_line(error), ""
        match error:
            case MissingNameError():
                reason, hint = error.explain(names)
            case jinja2.TemplatesNotFound():
                reason, hint = self.loader.absence_of(*(each for each in error.templates if isinstance(each, str)))
            case jinja2.TemplateNotFound():
                reason, hint = self.loader.absence_of(str(error.name))
            case jinja2.TemplateSyntaxError():
                reason, hint = str(error.message), self._known_instead(str(error.message))
            case jinja2.TemplateError():
                reason = str(error.message)
            case TemplateError():
                reason, hint = error.reason, error.hint
            case FanlightError():
                reason = str(error)
        return TemplateError(reason.rstrip("."), place=place, hint=hint)

    def _whereabouts(self, error: BaseException) -> tuple[str, set[str]]:
        """Return the innermost place in a template, and the names that could be used there."""
        if isinstance(error, jinja2.TemplateSyntaxError):
            name = self.loader.name_of(error.filename) or error.name or "?"
            return self.loader.place_of(name, error.lineno), set()
        place, names = "", set(self.globals)
        trace = error.__traceback__
        while trace is not None:
            if name := self.loader.name_of(trace.tb_frame.f_code.co_filename):
                place = self.loader.place_of(name, trace.tb_lineno)
                names = set(self.globals).union(trace.tb_frame.f_locals)
            trace = trace.tb_next
        return place, names

    def _known_instead(self, message: str) -> str:
        """Return a suggestion where a syntax error is about a filter or test that doesn't exist."""
        for start, known in (("No filter named ", self.filters), ("No test named ", self.tests)):
            if message.startswith(start):
                return did_you_mean(message.removeprefix(start).strip("'."), known)
        return ""


def in_one_line(error: BaseException) -> str:
    """Return an error as the last line of its traceback says it, also if it can't say itself what it is."""
    lines = traceback.format_exception_only(error)
    return next((line for line in lines if not line.startswith(" ")), lines[0]).strip()


def unescaped_part(name: str) -> str:
    """Return what is wrong with a page that has a .txt template as its part."""
    return f"nothing is escaped in {name}, as .txt is plain text, so it can't be a part of a page"
