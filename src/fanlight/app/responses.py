"""Make a response of what a view returns.

In: any value, and the request it answers. Out: a `Response`. Refuses, as InvalidResponse with what
to return instead, a value that says nothing to a client; files that are not there are 404.
Knows nothing of views: the type of the value decides, and is looked up once.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from types import AsyncGeneratorType, GeneratorType, NoneType
from typing import Any

import msgspec

from fanlight.app.view_log import ViewLog
from fanlight.errors import HTTPError, InvalidResponse, NotFound
from fanlight.message.conditional import apply_conditions
from fanlight.message.file_response import file_response
from fanlight.message.request import Request
from fanlight.message.response import HTML, TEXT, Response, json_response
from fanlight.pages.page import Page
from fanlight.pages.pages import Pages
from fanlight.pages.template_types import media_type_of

Answer = Callable[[Any, Request], Response]
_MOST_TYPES = 256  # that are remembered; an app has a handful, unless it makes classes while it runs
_STATUSES = range(200, 600)
_KINDS = "a text, bytes, a dict or list, a page from render(), a Path, a generator, None or a Response"


class ResponseFactory:
    """Turns values into responses, for one app, or for one view of it, which its notes speak of."""

    def __init__(self, pages: Pages, notes: ViewLog | None = None) -> None:
        """Render pages with these."""
        self._pages, self._notes = pages, notes
        self._known: dict[type, Answer] = {
            str: _text,
            bytes: _bytes,
            bytearray: _bytes,
            memoryview: _bytes,
            dict: _json,
            list: _json,
            NoneType: self._nothing,
            Response: _itself,
            Page: self._page,
            GeneratorType: _stream,
            AsyncGeneratorType: _stream,
            tuple: self._with_status,
        }

    def for_view(self, notes: ViewLog) -> ResponseFactory:
        """Return what does the same for one view, and names it where it returns what can't be sent."""
        return ResponseFactory(self._pages, notes)

    def make(self, result: object, request: Request) -> Response:
        """Return the response for what a view has returned. Raises InvalidResponse, TemplateError or NotFound."""
        try:
            make = self._known.get(result.__class__)
            if make is None:
                make = self._learn(result)
            return make(result, request)
        except InvalidResponse as error:
            if self._notes is None or str(error).startswith(self._notes.where):
                raise
            raise InvalidResponse(f"{self._notes.where}: {error}") from error.__cause__

    def _learn(self, result: object) -> Answer:
        for fits, make in ((_is(Path), self._file), *_OTHERS):
            if fits(result):
                if len(self._known) < _MOST_TYPES:
                    self._known[result.__class__] = make
                return make
        raise InvalidResponse(_reason(result))

    def _nothing(self, _: None, request: Request) -> Response:
        if self._notes is not None and request.head.method == "GET":
            self._notes.tell_of_nothing()
        return Response(b"", 204)

    def _file(self, result: Path, request: Request) -> Response:
        try:
            return apply_conditions(file_response(result), request)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            if self._notes is not None:
                self._notes.tell_of_no_file(result)
            raise NotFound from None

    def _page(self, page: Page, request: Request) -> Response:
        return Response(self._pages.render(page, request), media_type=media_type_of(page.template))

    def _with_status(self, result: tuple[Any, ...], request: Request) -> Response:
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


def _text(result: str, _: Request) -> Response:
    return Response(result)


def _text_like(result: str, _: Request) -> Response:
    """Send a kind of text, such as Markup, whose own methods may differ from those of text."""
    return Response(str.encode(result), media_type=HTML)


def _bytes(result: bytes | bytearray | memoryview, _: Request) -> Response:
    return Response(bytes(result))


def _json(result: object, _: Request) -> Response:
    return json_response(result)


def _itself(result: Response, request: Request) -> Response:
    # SECURITY: tests/app/test_responses.py; a view may keep a response and return it again, and what steps and the
    # server write into it (a cookie, for one) is of one request. What is no bytes can be sent only once.
    if result.content.__class__ is bytes:
        result = result.copy()
    return result if result.has_shared_fields else apply_conditions(result, request)


def _stream(result: Any, _: Request) -> Response:
    # Not HTML: what is streamed is mostly lines, and a text that was not meant as HTML must not run as it.
    return Response(result, media_type=TEXT)


def _is(*types: type) -> Callable[[object], bool]:
    return lambda result: isinstance(result, types)


def _is_record(result: object) -> bool:
    """Say whether something is an object of a dataclass, or of a class of attrs."""
    is_made_so = dataclasses.is_dataclass(result) or hasattr(result, "__attrs_attrs__")
    return is_made_so and not isinstance(result, type)


_OTHERS: tuple[tuple[Callable[[object], bool], Answer], ...] = (
    (_is(Response), _itself),
    (_is(str), _text_like),
    (_is(bytes, bytearray), _bytes),
    (_is(msgspec.Struct, dict, list), _json),
    (_is_record, _json),
    (_is(Iterator, AsyncIterator), _stream),
)


def _reason(result: object) -> str:
    """Return why a value can't be sent, and what to return instead."""
    if isinstance(result, Coroutine):
        result.close()  # it will never run, and Python would say so a second time
        return 'a coroutine can\'t be sent; write "await" before the call, in an async view'
    if isinstance(result, HTTPError):
        return f"{type(result).__name__} was returned; raise it"
    if isinstance(result, type) or inspect.isroutine(result):
        return f"{result.__qualname__} itself was returned; call it, or return {_KINDS}"
    return f"a value of type {type(result).__qualname__} can't be sent; return {_KINDS}"
