"""The observer of a recorded app: it records what runs for a request, and changes nothing.

In: the parts of an app while it is built, and what has failed. Out: the recorded parts.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fanlight.app.observer import MakeResponse, Observer
from fanlight.devtools.inspector.current import recording_of
from fanlight.devtools.inspector.recorded_arguments import recorded_arguments
from fanlight.devtools.inspector.recorded_parts import (
    ERROR_VIEW,
    recorded_dependency,
    recorded_error_view,
    recorded_making,
    recorded_middleware,
    recorded_view,
)

if TYPE_CHECKING:
    from fanlight.app.generator_functions import GeneratorFunction
    from fanlight.app.observer import ErrorView
    from fanlight.binding.arguments import Binding
    from fanlight.binding.callables import ArgumentBuilder, View
    from fanlight.binding.dependency_plan import Provider
    from fanlight.binding.signature import Signature
    from fanlight.errors import HTTPError
    from fanlight.message.request import Request
    from fanlight.message.response import Response
    from fanlight.pages.environment import FolderEnvironment

ERROR_PAGE = "page of the error"  # what sets the fields of a response that no view has made


class RecordingObserver(Observer):
    """Records what an app does for its requests; places in its code are relative to `folder`."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def view(self, view: View, name: str, place: str) -> View:
        """Return a view that is recorded."""
        return recorded_view(view, name, place)

    def error_view(self, view: ErrorView) -> ErrorView:
        """Return an error view that is recorded."""
        return recorded_error_view(view, self._folder)

    def arguments(
        self, build: ArgumentBuilder | None, signature: Signature, binding: Binding
    ) -> ArgumentBuilder | None:
        """Return what makes the arguments of a view, and records them."""
        return recorded_arguments(build, signature, binding)

    def making(self, make: MakeResponse) -> MakeResponse:
        """Return what makes responses, recorded."""
        return recorded_making(make)

    def middleware(self, middleware: GeneratorFunction) -> GeneratorFunction:
        """Return middleware that is recorded."""
        return recorded_middleware(middleware, self._folder)

    def dependency(self, provider: Provider) -> Provider:
        """Return a dependency that is recorded."""
        return recorded_dependency(provider, self._folder)

    def environment_class(self, environment: type[FolderEnvironment]) -> type[FolderEnvironment]:
        """Return an environment whose templates are recorded."""
        from fanlight.devtools.inspector.recorded_templates import (  # noqa: PLC0415 - loads Jinja
            recorded_environment,
        )

        return recorded_environment(environment)

    def on_unhandled(self, error: BaseException, request: Request) -> Response | None:
        """Record an exception that nothing has caught."""
        recording = recording_of(request)
        if recording is not None:
            recording.take_error(error)
            recording.change_actor(ERROR_PAGE, None)
        return super().on_unhandled(error, request)

    def on_handler_failed(self, failure: BaseException, request: Request) -> Response | None:
        """Record that the response is not that of the error view, which has failed."""
        recording = recording_of(request)
        if recording is not None:
            recording.change_actor(ERROR_PAGE, None)
        return super().on_handler_failed(failure, request)

    def on_http_error(self, error: HTTPError, request: Request, response: Response, *, has_page: bool) -> Response:
        """Record that the response is the page of an error, unless an error view has made it."""
        recording = recording_of(request)
        if recording is not None and not (has_page and recording.actor.startswith(ERROR_VIEW)):
            recording.change_actor(ERROR_PAGE, None)
        return super().on_http_error(error, request, response, has_page=has_page)
