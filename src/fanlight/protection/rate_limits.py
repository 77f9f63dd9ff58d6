"""`rate_limit`: how often a part of the site may be requested.

    @rate_limit("10/minute")                             a view, for each address
    @rate_limit("100/hour", by="user")                   for each user that is signed in, else for each address
    "/api": rate_limit("5/second", by=api_key)(API)      a table, for what a function of the request returns

In: a rate, by what requests are counted, and a name. Out: a mark for a view or a value of URLS. Refuses, with AppError
and what to write instead, what is not understood.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Literal

from fanlight.closest_name import closest_name
from fanlight.errors import AppError
from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.request import Request
from fanlight.message.route_marks import RouteMark
from fanlight.protection.rate_text import read_rate

BY = ("address", "user")
By = Literal["address", "user"] | Callable[[Request], object]
_METHOD = lazy_pattern(r"[A-Z]+")
_NAME = lazy_pattern(r"[A-Za-z0-9_.-]{1,64}")


class RateLimit(RouteMark):
    """How often a part of the site may be requested; made by `rate_limit`."""

    error_statuses = (429,)

    def __init__(self, text: str, by: By, name: str, methods: frozenset[str] | None = None) -> None:
        """Limit requests, or those with some methods. Raises AppError."""
        self.text, self.rate = text, read_rate(text)
        self.by, self.name, self.methods = by, name, methods

    def __repr__(self) -> str:
        return f'rate_limit("{self.text}")'

    @property
    def kind(self) -> str:
        """By what requests are counted, in words: "address", "user", "api_key"."""
        return self.by if isinstance(self.by, str) else getattr(self.by, "__name__", type(self.by).__name__)


def rate_limit(rate: str, *, by: By = "address", name: str = "", methods: Sequence[str] | None = None) -> RateLimit:
    """Return a mark that limits how often a view, or anything in a table, is requested: a request too many gets a 429.

    `rate` is like "10/minute", "100/hour" or "5/10 seconds": so many at once, and then one more each time that part of
    the time has passed. They are counted by `by`: "address", "user" (of the session, else the address), or a plain
    function that takes the request and returns a text or a number, or None for the address. Limits with the same
    `name`, rate and `by` count together; without a name each place in the site counts by itself. With `methods`, like
    ["POST"] for a view that shows a form and takes it, only requests with these are counted.

    Raises AppError for what is not understood.
    """
    if callable(rate):
        raise AppError('rate_limit takes a rate first: write @rate_limit("10/minute")')
    if isinstance(by, str):
        if by not in BY:
            similar = closest_name(by, BY)
            hint = f'write by="{similar}"' if similar else 'write "address", "user", or a function of the request'
            raise AppError(f"rate_limit has by={by!r}; {hint}")
    elif not callable(by):
        raise AppError(f'rate_limit has by={by!r}; write "address", "user", or a function of the request')
    elif inspect.iscoroutinefunction(by) or isinstance(by, type):
        raise AppError(
            "rate_limit has a `by` that is no plain function; it is called with the request, where it may wait"
        )
    given: object = name
    if given != "" and not (isinstance(given, str) and _NAME.fullmatch(given)):
        raise AppError(f"rate_limit has name={name!r}; write 1 to 64 letters, digits, dots, - and _")
    listed: object = methods
    if listed is not None and not _are_methods(listed):
        raise AppError(f'rate_limit has methods={methods!r}; write a list, like methods=["POST"]')
    return RateLimit(rate, by, name, None if methods is None else frozenset(methods))


def _are_methods(listed: object) -> bool:
    if not isinstance(listed, list | tuple | set | frozenset) or not listed:
        return False
    return all(isinstance(each, str) and _METHOD.fullmatch(each) for each in listed)
