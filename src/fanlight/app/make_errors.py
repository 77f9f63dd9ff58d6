"""Make the error handlers of an app, and of each part of its site.

In: the observer of an app (None: no one watches), its dependencies and its page to sign in. Out: a function that makes
error handlers of the `errors` that are given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fanlight.app.error_handlers import ErrorHandlers
from fanlight.app.error_table import ErrorTable
from fanlight.app.observer import NO_OBSERVER, Observer
from fanlight.app.responses import ResponseFactory
from fanlight.binding.dependency_plan import Injector
from fanlight.pages.pages import Pages
from fanlight.sessions.sign_in_page import SignInPage


def error_maker(observer: Observer | None, injector: Injector, sign_in: SignInPage) -> Callable[..., ErrorHandlers]:
    """Return what makes error handlers."""

    def make(
        errors: Mapping[Any, object] | None,
        pages: Pages,
        responses: ResponseFactory,
        folder: Path,
    ) -> ErrorHandlers:
        table = ErrorTable(errors, pages, responses, injector, folder, (observer or NO_OBSERVER).error_view)
        if observer is None:
            return ErrorHandlers(table, pages, sign_in)
        from fanlight.app.observed_errors import ObservedErrorHandlers  # noqa: PLC0415 - for development

        return ObservedErrorHandlers(observer, table, pages, sign_in)

    return make
