"""The Jinja environment of an app: loading, escaping, and the errors of templates.

In: a folder, and what every template may use. Out: compiled templates, whose errors are all TemplateError with
the template's file and line. A template is UTF-8; its name can't leave the folder. It escapes values by its type, and
always as a part of one that does. An HTTPError that is raised while a page is rendered passes as it is: it becomes the
response.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import jinja2
import markupsafe
from jinja2.debug import rewrite_traceback_stack

from fanlight.errors import ClientError, FanlightError, HTTPError, TemplateError
from fanlight.message.request import Request
from fanlight.pages.bounded_dict import MAX_TEMPLATES, BoundedDict
from fanlight.pages.one_line import in_one_line
from fanlight.pages.request_function import RefusedFunction, RequestFunction
from fanlight.pages.suggestion import did_you_mean
from fanlight.pages.template_folder import TemplateFolder, is_escaped
from fanlight.pages.templates import Templates
from fanlight.pages.undefined import MissingNameError, StrictUndefinedWithHint

# What compiling can raise: Jinja's own errors, and Python's for code that is nested too deeply, or for a number with
# thousands of digits.
UNCOMPILABLE = (jinja2.TemplateError, SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)
# The part of `markupsafe.escape` that works on text; all of it where that part does not exist.
_escape_text: Callable[[str], str] = getattr(markupsafe, "_escape_inner", markupsafe.escape)
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})


def escape(value: object) -> str:
    """Return a value as HTML text, as MarkupSafe does, in less time; one with an `__html__` method is HTML already.

    Not as `Markup`, which copies each text: Jinja joins the pieces of a page as they are.
    """
    # PERF: benchmarks/pages.py: a page of 25 items takes a third less time.
    # SECURITY: tests/pages/test_escaping.py: not `__class__`, which a value may claim to be another's
    if type(value) is str:
        return _escape_text(value)
    return str(value) if type(value) is int else markupsafe.escape(value)


def _refuse(refused: RefusedFunction, *_: object, **__: object) -> NoReturn:
    raise TemplateError(refused.message, hint=refused.hint)


def _called_with_request(name: str, value: object) -> object:
    """Return a global as Jinja takes it: a RequestFunction gets the request from the context of the template."""
    if isinstance(value, RefusedFunction):
        return partial(_refuse, value)
    if not isinstance(value, RequestFunction):
        return value
    function = value.function

    @jinja2.pass_context
    def call(context: jinja2.runtime.Context, *arguments: object, **named: object) -> object:
        request = context.get("request")
        if not isinstance(request, Request):
            reason = f"{name}() needs the request, which is not here"
            hint = "in a macro of another file: write {% import ... with context %}"
            raise TemplateError(reason, hint=hint)
        return function(request, *arguments, **named)

    return call


class EscapingTemplate(jinja2.Template):
    """A template that escapes with `escape`."""

    @classmethod
    def from_code(cls, *parts: Any, **named: Any) -> jinja2.Template:
        """Return a template made of compiled code."""
        template = super().from_code(*parts, **named)
        template.root_render_func.__globals__["escape"] = escape
        return template


class FolderLoader(TemplateFolder, jinja2.BaseLoader):
    """The templates of one folder, as a loader of Jinja."""

    def get_source(
        self,
        environment: jinja2.Environment,  # noqa: ARG002 - Jinja gives it
        template: str,
    ) -> tuple[str, str, Callable[[], bool] | None]:
        """Return a template's text and its path; it is never reloaded."""
        path = self.path_of(template)
        try:
            data = path.read_bytes()
        except OSError as error:
            if error.errno in _MISSING:
                raise jinja2.TemplateNotFound(template) from None
            raise TemplateError(f"the template {template} can't be read: {error.strerror}") from error
        try:
            text = data.decode("utf-8-sig")  # some editors begin a file with a byte order mark
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
            raise jinja2.TemplateSyntaxError(message, line, template, str(path)) from None
        return text, str(path), None

    def path_of(self, name: str) -> Path:
        """Return the path of a template. Raises TemplateError for a name that leaves the folder."""
        if not self.is_name(name):
            raise TemplateError(
                f"{name!r} is no name for a template",
                hint='write it relative to the templates folder, with "/" between its parts, like "blog/post.html"',
            )
        path = self._file(name) if self.part_of(name) else None
        if path is not None:
            return path
        if self.folder is None:
            raise jinja2.TemplateNotFound(name)
        return self.folder / name


class FolderEnvironment(jinja2.Environment):
    """A Jinja environment for the templates of one folder, each of which is read and compiled once."""

    loader: FolderLoader
    template_class = EscapingTemplate

    def __init__(self, loader: FolderLoader, names: Mapping[str, object], templates: Templates) -> None:
        super().__init__(
            loader=loader,
            autoescape=is_escaped,
            undefined=StrictUndefinedWithHint,
            auto_reload=False,
            cache_size=MAX_TEMPLATES,
        )
        # Jinja's own cache takes a lock and walks a queue at each `extends` (timed in tests/pages/test_speed.py).
        self.cache = BoundedDict()
        own = {name: _called_with_request(name, each) for name, each in names.items()}
        # What a call can be tried with at start, when there is no request.
        self.without_request = {
            name: each.without_request if isinstance(each, RequestFunction) else each for name, each in names.items()
        }
        self.globals.update({**templates.globals, **own})
        self.filters.update(templates.filters)
        self.tests.update(templates.tests)
        self._context_names = frozenset(templates.context)
        refused = {name: each for name, each in names.items() if isinstance(each, RefusedFunction)}
        self.refused = {name: each for name, each in refused.items() if name not in self._context_names}
        # A template that a page includes has a second compiled form, in which everything is escaped.
        inner = self._within_a_page = self.overlay(autoescape=True, cache_size=0)
        inner.cache, inner._within_a_page = BoundedDict(), inner  # noqa: SLF001 - of the same class

    def join_path(self, template: str, parent: str) -> str:
        """Return the name of a template that another one names; one of a part of the site means those of the part."""
        part = self.loader.part_of(parent)
        return self.loader.name_in(part, template) if part else template

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the names in a template, in a plain dict: the globals do not change once the app is made."""
        # Jinja's ChainMap is copied for each rendering, key by key in Python (timed in tests/pages/test_speed.py).
        return {**self.globals, **(d or {})}

    def get_template(
        self,
        name: Any,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - Jinja's name for it
    ) -> jinja2.Template:
        """Return a compiled template, which escapes if its `parent` does: then it is a part of that."""
        # SECURITY: tests/pages/test_escaping.py: a .txt template escapes nothing, but as a part of a page it must
        is_inside = parent is not None and is_escaped(parent) and isinstance(name, str) and not is_escaped(name)
        environment = self._within_a_page if is_inside else self
        return super(FolderEnvironment, environment).get_template(name, parent, globals)

    def select_template(
        self,
        names: Any,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - Jinja's name for it
    ) -> jinja2.Template:
        """Return the first of several templates that exists, as `get_template` does."""
        if isinstance(names, list | tuple):
            found = next((each for each in names if self.loader.has(str(each))), None)  # a missing name fails here
            if found is not None:
                return self.get_template(found, parent, globals)
        return super().select_template(names, parent, globals)

    def handle_exception(self, source: str | None = None) -> NoReturn:
        """Raise an exception of a template again, as a TemplateError with its place."""
        error = rewrite_traceback_stack(source)
        if isinstance(error, HTTPError | ClientError) or (isinstance(error, TemplateError) and error.place):
            raise error
        raise self.template_error(error) from error

    def load(self, name: str) -> jinja2.Template:
        """Return a compiled template. Raises TemplateError if it does not exist or does not compile."""
        try:
            return self.get_template(name)
        except jinja2.TemplateError as error:
            raise self.template_error(error) from None
        except UNCOMPILABLE as error:
            raise TemplateError(
                f"{name} can't be compiled: {in_one_line(error)}", place=self.loader.place_of(name)
            ) from error

    def template_error(self, error: BaseException) -> TemplateError:
        """Return the TemplateError for an exception, with its place and a suggestion."""
        place, names = self._locate(error)
        reason, hint = in_one_line(error), ""
        match error:
            case MissingNameError():
                reason, hint = error.explain(names)
            case jinja2.TemplatesNotFound():
                reason, hint = self.loader.explain_missing(*(each for each in error.templates if isinstance(each, str)))
            case jinja2.TemplateNotFound():
                reason, hint = self.loader.explain_missing(str(error.name))
            case jinja2.TemplateSyntaxError():
                reason, hint = str(error.message), self._suggest_known(str(error.message))
            case jinja2.TemplateError():
                reason = str(error.message)
            case TemplateError():
                reason, hint = error.reason, error.hint
            case FanlightError():
                reason = str(error)
        return TemplateError(reason.rstrip("."), place=place, hint=hint)

    def _locate(self, error: BaseException) -> tuple[str, set[str]]:
        """Return the innermost place in a template, and the names that are visible there."""
        if isinstance(error, jinja2.TemplateSyntaxError):
            name = self.loader.name_of(error.filename) or error.name or "?"
            return self.loader.place_of(name, error.lineno), set()
        known = self._context_names.union(self.globals)
        place, names = "", set(known)
        trace = error.__traceback__
        while trace is not None:
            if name := self.loader.name_of(trace.tb_frame.f_code.co_filename):
                place = self.loader.place_of(name, trace.tb_lineno)
                names = set(known.union(trace.tb_frame.f_locals))
            trace = trace.tb_next
        return place, names

    def _suggest_known(self, message: str) -> str:
        """Return a suggestion if a syntax error is about a filter or test that does not exist."""
        for start, known in (("No filter named ", self.filters), ("No test named ", self.tests)):
            if message.startswith(start):
                return did_you_mean(message.removeprefix(start).strip("'."), known)
        return ""
