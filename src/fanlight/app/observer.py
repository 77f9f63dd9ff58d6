"""What may watch an app from outside: the hooks with which an app is built when it is developed.

In: the pieces of an app while it is built, and requests that have failed. Out: what runs instead, and other responses.
`Application.observed` builds an app with an observer; an app without one has nothing of this in its calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fanlight.app.generator_functions import GeneratorFunction
from fanlight.binding.arguments import Binding
from fanlight.binding.callables import ArgumentBuilder, View
from fanlight.binding.dependency_plan import Provider
from fanlight.binding.signature import Signature
from fanlight.errors import HTTPError
from fanlight.message.request import Request
from fanlight.message.response import Response

if TYPE_CHECKING:
    from fanlight.pages.environment import FolderEnvironment

ErrorView = Callable[..., object]
MakeResponse = Callable[[object, Request], Response]


class Observer:
    """Changes nothing; a subclass overrides what it wants to see.

    While an app is built, each of its parts passes through one of the first methods, which returns what is used in its
    place: an app that is not observed is built of the parts themselves.
    """

    def view(self, view: View, name: str, place: str) -> View:
        """Return a view, of the same kind, to be called in place of one; `place` is like "views.py:12"."""
        del name, place
        return view

    def error_view(self, view: ErrorView) -> ErrorView:
        """Return a view to be called in place of one of the app's `errors`."""
        return view

    def arguments(
        self, build: ArgumentBuilder | None, signature: Signature, binding: Binding
    ) -> ArgumentBuilder | None:
        """Return what makes the arguments of a view; None: they are the path's parameters as they are."""
        del signature, binding
        return build

    def making(self, make: MakeResponse) -> MakeResponse:
        """Return what makes a response of the value of a view that is no text."""
        return make

    def middleware(self, middleware: GeneratorFunction) -> GeneratorFunction:
        """Return the middleware to run, of the same kind."""
        return middleware

    def dependency(self, provider: Provider) -> Provider:
        """Return the dependency to open, of the same kind."""
        return provider

    def environment_class(self, environment: type[FolderEnvironment]) -> type[FolderEnvironment]:
        """Return the class of the environment of templates; called when the first one is used."""
        return environment

    def on_unhandled(self, error: BaseException, request: Request) -> Response | None:
        """Return the response for an exception that nothing has caught; None for the app's own."""
        del error, request
        return None

    def on_handler_failed(self, failure: BaseException, request: Request) -> Response | None:
        """Return the response for an exception of an error handler; None for the app's own."""
        del failure, request
        return None

    def on_http_error(self, error: HTTPError, request: Request, response: Response, *, has_page: bool) -> Response:
        """Return the response for an HTTP error, given the app's; with `has_page` that is a page of the site's own."""
        del error, request, has_page
        return response


NO_OBSERVER = Observer()
