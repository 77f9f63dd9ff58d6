"""Templates, recorded: each that is rendered, included, extended or imported, and the names that the page got.

In: the class of an app's environment of templates. Out: a subclass, whose templates note when they begin and end. Loads
Jinja: imported only when the first template is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import jinja2

from fanlight.devtools.inspector.current import CURRENT
from fanlight.devtools.inspector.recording_limits import MAX_NAMES
from fanlight.devtools.inspector.short_values import type_and_size
from fanlight.pages.environment import EscapingTemplate

if TYPE_CHECKING:
    from jinja2.runtime import Context

    from fanlight.pages.environment import FolderEnvironment

RootRender = Callable[["Context"], Iterator[str]]


class RecordedTemplate(EscapingTemplate):
    """A template that notes when it is rendered."""

    @classmethod
    def from_code(cls, environment: Any, *parts: Any, **named: Any) -> jinja2.Template:
        """Return a template made of compiled code."""
        template = super().from_code(environment, *parts, **named)
        template.root_render_func = _recorded(
            template.root_render_func, template.name or "a template", template.filename or "", environment.globals
        )
        return template


def recorded_environment(environment: type[FolderEnvironment]) -> type[FolderEnvironment]:
    """Return a class of environments whose templates are recorded."""
    return type(environment.__name__, (environment,), {"template_class": RecordedTemplate})


def _recorded(render: RootRender, name: str, path: str, known: Mapping[str, Any]) -> RootRender:
    place = f"{path}:1" if path else ""

    def render_recorded(context: Context) -> Iterator[str]:
        recording = CURRENT.get()
        if recording is None:
            yield from render(context)
            return
        span = recording.begin_span("template", name, place)
        is_page = recording.enter_template()
        if is_page:
            span.describe(_names(context.parent, known))
        error: BaseException | None = None
        try:
            yield from render(context)
        except BaseException as raised:
            error = raised
            raise
        finally:
            recording.leave_template()
            span.end_now(perf_counter(), error)

    return render_recorded


def _names(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, str]:
    """Return the names that a page got, besides those that all templates have."""
    names = [name for name, value in given.items() if name not in known or known[name] is not value]
    return {name: type_and_size(given[name]) for name in names[:MAX_NAMES]}
