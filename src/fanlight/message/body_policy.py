"""Per-route request body policy: size limits and buffering mode, fixed at start-up.

In: the `@limits` of a view, and what its parameters need. Out: an attribute on the view, and the policy of its call.
Refuses invalid limits with AppError.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

from msgspec import Struct

from fanlight.closest_name import closest_name
from fanlight.errors import AppError, ContentTooLarge

View = TypeVar("View", bound=Callable[..., object])
LIMITS_ATTRIBUTE = "__fanlight_limits__"


def _check(name: str, cap: object, *, is_optional: bool) -> None:
    if cap is None and is_optional:
        return
    if isinstance(cap, bool) or not isinstance(cap, int) or cap < 0:
        raise AppError(f"{name} is {cap!r}; it must be a whole number, like {name}=10 * 1024**2")


class FormLimits(Struct, frozen=True, kw_only=True):
    """The limits of one form, query string or JSON document."""

    fields: int = 1000  # without files
    field_bytes: int = 1024 * 1024  # of one field
    text_bytes: int = 1024 * 1024  # of all fields together, as sent
    json_bytes: int = 1024 * 1024  # of one JSON document
    files: int = 100
    file_bytes: int | None = None  # of one file; None: limited only by the content limit
    header_bytes: int = 8192  # of the header of one part
    memory_bytes: int = 64 * 1024  # of the form while it is received, then of its files; the rest is on disk

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            _check(name, getattr(self, name), is_optional=name == "file_bytes")


class RouteLimits(Struct, frozen=True, kw_only=True):
    """The `@limits` of a view."""

    content_bytes: int | None = None  # None: `Limits.content_bytes`
    form: FormLimits = FormLimits()

    def changed(self) -> dict[str, tuple[int, int | None]]:
        """Return the limits that differ from the defaults, each with its default; None: that of the server."""
        usual = FormLimits()
        both = {name: (getattr(self.form, name), getattr(usual, name)) for name in usual.__struct_fields__}
        own = {name: values for name, values in both.items() if values[0] != values[1]}
        return own if self.content_bytes is None else {"content_bytes": (self.content_bytes, None), **own}


# What carries the messages of a request's WebSocket is attached under this, or the error of its handshake.
WEBSOCKET_KEY = "websocket"


class BodyMode(IntEnum):
    """How a call receives the content of its request."""

    BUFFERED = 0  # the call runs when it is complete, in memory or in a temporary file
    FORM = 1  # as BUFFERED, but a multipart form is parsed while it is received
    STREAM = 2  # the call runs at once, and reads the content as a stream
    WEBSOCKET = 3  # the call runs at once, and what follows the head are messages in both directions


class BodyPolicy(Struct, frozen=True, kw_only=True):
    """How a call receives content, and how much: one object per route."""

    body_mode: BodyMode = BodyMode.BUFFERED
    content_bytes: int | None = None  # None: `Limits.content_bytes`
    form: FormLimits = FormLimits()
    hint: str = "raise Limits.content_bytes to allow it"  # for the message to a client that sends more
    sends_interim: bool = False  # something before the response: early hints, or the 101 of a WebSocket
    decodes: bool = False  # the content is parsed before the view runs, so the limits of JSON and forms apply to it
    route: str = ""  # "POST /upload"
    may_upgrade: bool = False  # its request may go on as a WebSocket
    is_foreign: bool = False  # of another framework's app, which has a `CallLink`, and decodes content itself
    responds_early: bool = False  # its response may be sent before its call ends
    prepare: Callable[[Any], object] | None = None  # is called with a request when its link is attached

    def max_content(self, decoded_by: str, server_bytes: int) -> tuple[int, str]:
        """Return how many bytes of content are allowed, and the hint for a client that sends more.

        `decoded_by` is `Request.decoded_size_limit`. Content that is parsed has a lower limit, because parsing holds
        the interpreter, and takes many times the memory of the content.
        """
        max_bytes = server_bytes if self.content_bytes is None else self.content_bytes
        cap = getattr(self.form, decoded_by) if self.decodes and decoded_by else max_bytes
        if cap >= max_bytes:
            return max_bytes, self.hint
        return cap, f"raise {decoded_by} in the @limits of {self.route} to allow it"


DEFAULT_BODY_POLICY = BodyPolicy()


def limits(**caps: int) -> Callable[[View], View]:
    """Set the limits of a view: `@limits(content_bytes=5 * 1024**3, files=3)`.

    `content_bytes` limits the whole content, instead of `Limits.content_bytes`; it can be higher or lower. `fields`,
    `field_bytes`, `text_bytes`, `json_bytes`, `files`, `file_bytes`, `header_bytes` and `memory_bytes` are those of
    `FormLimits`. Raises AppError for an unknown name, and for an invalid size.
    """
    names = ("content_bytes", *FormLimits.__struct_fields__)
    for name, cap in caps.items():
        if name not in names:
            close = closest_name(name, names)
            hint = f"did you mean {close}?" if close else f"the limits are {', '.join(names)}"
            raise AppError(f"@limits has no {name}; {hint}")
        _check(name, cap, is_optional=False)
    made = RouteLimits(content_bytes=caps.pop("content_bytes", None), form=FormLimits(**caps))

    def mark(view: View) -> View:
        setattr(view, LIMITS_ATTRIBUTE, made)
        return view

    return mark


def limit_error(what: str, limit: str, field: str = "") -> ContentTooLarge:
    """Return the error for a form that exceeds a limit of the view, with a hint for the author of the view."""
    return ContentTooLarge(what, hint=f"raise {limit} in the view's @limits to allow it", field=field)


def body_policy_for(
    own: RouteLimits | None, body_mode: BodyMode, route: str, *, sends_interim: bool = False, decodes: bool = False
) -> BodyPolicy:
    """Return the policy of a route, "POST /upload", given the `@limits` of its view."""
    own = own or RouteLimits()
    hint = f"raise content_bytes in the @limits of {route} to allow it"
    if own.content_bytes is None:
        hint = f"raise Limits.content_bytes, or write @limits(content_bytes=...) above the view of {route}, to allow it"
    return BodyPolicy(
        body_mode=body_mode,
        content_bytes=own.content_bytes,
        form=own.form,
        hint=hint,
        sends_interim=sends_interim,
        decodes=decodes,
        route=route,
        may_upgrade=body_mode is BodyMode.WEBSOCKET,
    )
