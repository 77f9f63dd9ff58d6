"""Make a response of what a view returns.

In: any value, and its request. Out: a `Response`. Refuses, as InvalidResponse with what to return instead, a value that
is no response; a file that does not exist is 404. Only the type of the value matters, and it is looked up once.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import AsyncGeneratorType, GeneratorType, NoneType
from typing import Any
from uuid import UUID

import msgspec

from fanlight.app.view_log import NO_CONTENT, ViewLog
from fanlight.errors import HTTPError, InvalidResponse, NotFound
from fanlight.message.conditional import apply_conditions
from fanlight.message.file_response import file_response
from fanlight.message.media_types import HTML, TEXT
from fanlight.message.request import Request
from fanlight.message.response import Response, check_sendable, json_response
from fanlight.pages.page import Page
from fanlight.pages.pages import Pages
from fanlight.pages.template_folder import media_type_of

Maker = Callable[[Any, Request], Response]
_MAX_TYPES = 256  # remembered; an app has a handful, unless it creates classes while it runs
_STATUSES = range(200, 600)
_KINDS = "a string, bytes, a dict or list, a page from render(), a Path, a generator, None or a Response"
_INSTEAD: tuple[tuple[tuple[type, ...], str], ...] = (
    ((set, frozenset, range), "list(...) of it, or "),
    ((int, float, complex, Decimal, date, UUID), "str(...) of it, or "),
)


class ResponseFactory:
    """Makes responses of values, for an app or for one of its views."""

    def __init__(
        self, pages: Pages, view_log: ViewLog | None = None, *, is_for_errors: bool = False, checks: bool = False
    ) -> None:
        """Render with `pages`; with the log of a view, mistakes name the view.

        With `checks`, a response that can't be sent is a mistake here, and not only when it is sent.
        """
        self._pages, self._view_log = pages, view_log
        render = pages.render_for_error if is_for_errors else pages.render
        self._makers: dict[type, Maker] = {
            str: lambda result, _: Response(result),
            bytes: _of_bytes,
            bytearray: _of_bytes,
            memoryview: _of_bytes,
            dict: _of_json,
            list: _of_json,
            NoneType: self._of_none,
            Response: _of_checked_response if checks else _of_response,
            Page: lambda page, request: Response(render(page, request), media_type=media_type_of(page.template)),
            GeneratorType: _of_stream,
            AsyncGeneratorType: _of_stream,
            tuple: self._of_checked_tuple if checks else self._of_tuple,
        }

    def view_log(self, view: str, place: str) -> ViewLog:
        """Return the log of a view, which is written at a place."""
        return ViewLog(view, place)

    def for_view(self, view_log: ViewLog, *, checks: bool = False) -> ResponseFactory:
        """Return a factory for the values of one view, which is named in the errors for values that can't be sent."""
        return type(self)(self._pages, view_log, checks=checks)

    def for_middleware(self) -> ResponseFactory:
        """Return a factory for what middleware returns."""
        return type(self)(self._pages, checks=True)

    def for_errors(self) -> ResponseFactory:
        """Return a factory for what error views return."""
        return type(self)(self._pages, is_for_errors=True, checks=True)

    def make(self, result: object, request: Request) -> Response:
        """Return the response for what a view has returned. Raises InvalidResponse, TemplateError or NotFound."""
        try:
            make = self._makers.get(result.__class__)
            if make is None:
                make = self._find_maker(result)
            return make(result, request)
        except InvalidResponse as error:
            if self._view_log is None or str(error).startswith(self._view_log.where):
                raise
            place = self._view_log.place
            raise InvalidResponse(f"{self._view_log.where}: {error}", place=place) from error.__cause__

    def _find_maker(self, result: object) -> Maker:
        for fits, make in ((_is(Path), self._of_path), (_is(Response), self._makers[Response]), *_OTHER_MAKERS):
            if fits(result):
                if len(self._makers) < _MAX_TYPES:
                    self._makers[result.__class__] = make
                return make
        raise InvalidResponse(_reason(result))

    def _of_none(self, _: None, request: Request) -> Response:
        if self._view_log is not None and _waits_for_page(request):
            self._view_log.log_no_content()
        return Response(b"", 204)

    def _of_path(self, result: Path, request: Request) -> Response:
        try:
            return apply_conditions(file_response(result), request)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            error = NotFound()
            if self._view_log is not None:
                error.add_note(self._view_log.missing_file(result))
            raise error from None

    def _of_checked_tuple(self, result: tuple[Any, ...], request: Request) -> Response:
        response = self._of_tuple(result, request)
        if len(result) == 3:  # else it is made of what has been checked
            check_sendable(response)
        return response

    def _of_tuple(self, result: tuple[Any, ...], request: Request) -> Response:
        if len(result) not in (2, 3):
            raise InvalidResponse(f"a tuple of {len(result)} can't be sent; return (body, status, headers)")
        body, status, headers = result if len(result) == 3 else (*result, None)
        if isinstance(status, bool) or not isinstance(status, int) or status not in _STATUSES:
            raise InvalidResponse(f"{status!r} is no status; return (body, status), a number from 200 to 599")
        if not isinstance(headers, Mapping | NoneType):
            raise InvalidResponse(f"{headers!r} are no headers; return (body, status, a dict)")
        if isinstance(body, tuple):
            raise InvalidResponse("a tuple in a tuple can't be sent; return (body, status, headers)")
        response = Response(b"", 204) if body is None else self.make(body, request)
        response.status = int(status)
        if headers:
            response.headers.update(headers)
            return apply_conditions(response, request)
        return response


class StrictResponseFactory(ResponseFactory):
    """Makes responses in development, where None in the place of a page is an error and not an empty response."""

    def view_log(self, view: str, place: str) -> ViewLog:
        """Return the log of a view, at level DEBUG: in development the line of each request has the reason."""
        return ViewLog(view, place, is_quiet=True)

    def _of_none(self, result: None, request: Request) -> Response:
        if self._view_log is not None and _waits_for_page(request):
            raise InvalidResponse(f"{self._view_log.where} {NO_CONTENT}", place=self._view_log.place)
        return super()._of_none(result, request)


def _waits_for_page(request: Request) -> bool:
    """Return whether a browser is likely to wait for a page: for GET, and when a form or link was used."""
    return request.head.method == "GET" or request.head.values.get("sec-fetch-mode") == "navigate"


def _of_string_subclass(result: str, _: Request) -> Response:
    """Make a response of a kind of string, such as Markup, whose own methods may differ from those of str."""
    return Response(str.encode(result), media_type=HTML)


def _of_bytes(result: bytes | bytearray | memoryview, _: Request) -> Response:
    return Response(bytes(result))


def _of_json(result: object, _: Request) -> Response:
    return json_response(result)


def _of_response(result: Response, request: Request) -> Response:
    # SECURITY: tests/app/test_responses.py; a view may keep a response and return it again, and what middleware and
    # the server add to it (a cookie, for one) belongs to one request. A stream can be sent only once anyway.
    if result.content.__class__ is bytes:
        result = result.copy()
    return result if result.has_shared_fields else apply_conditions(result, request)


def _of_checked_response(result: Response, request: Request) -> Response:
    check_sendable(result)
    return _of_response(result, request)


def _of_stream(result: Any, _: Request) -> Response:
    # Not HTML: most streams are lines of text, and text that was not meant as HTML must not run as HTML.
    return Response(result, media_type=TEXT)


def _is(*types: type) -> Callable[[object], bool]:
    return lambda result: isinstance(result, types)


def _is_record(result: object) -> bool:
    """Return whether something is an instance of a dataclass or of an attrs class."""
    has_fields = dataclasses.is_dataclass(result) or hasattr(result, "__attrs_attrs__")
    return has_fields and not isinstance(result, type)


_OTHER_MAKERS: tuple[tuple[Callable[[object], bool], Maker], ...] = (
    (_is(str), _of_string_subclass),
    (_is(bytes, bytearray), _of_bytes),
    (_is(msgspec.Struct, dict, list), _of_json),
    (_is_record, _of_json),
    (_is(Iterator, AsyncIterator), _of_stream),
)


def _reason(result: object) -> str:
    if isinstance(result, Coroutine):
        result.close()  # it will never run, and Python would warn about that
        return 'a coroutine can\'t be sent; write "await" before the call, in an async view'
    if isinstance(result, HTTPError):
        return f"{type(result).__name__} was returned; raise it"
    if isinstance(result, type) or inspect.isroutine(result):
        return f"{result.__qualname__} itself was returned; call it, or return {_KINDS}"
    instead = next((text for kinds, text in _INSTEAD if isinstance(result, kinds)), "")
    return f"a value of type {type(result).__qualname__} can't be sent; return {instead}{_KINDS}"
