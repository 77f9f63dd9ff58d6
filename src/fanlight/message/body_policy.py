"""What the content of a request may be, and how a call takes it: both known before the port opens.

In: what a view's author writes above it. Out: marks on the view, and the plan that a call carries.
Refuses a cap that makes no sense. Knows nothing of how content comes, or of the limits of the server.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import TypeVar

from fanlight.errors import AppError

View = TypeVar("View", bound=Callable[..., object])
LIMITS_ATTRIBUTE = "__fanlight_limits__"


def _check(name: str, cap: object, *, is_optional: bool) -> None:
    if cap is None and is_optional:
        return
    if isinstance(cap, bool) or not isinstance(cap, int) or cap < 0:
        raise AppError(f"{name} is {cap!r}; it takes a whole number, like {name}=10 * 1024**2")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLimits:
    """What one form, one query or one JSON document may be."""

    fields: int = 1000  # that are no files
    field_bytes: int = 1024 * 1024  # of a field that is no file
    text_bytes: int = 1024 * 1024  # of all fields that are no files together, as they are sent
    json_bytes: int = 1024 * 1024  # of one JSON document
    files: int = 100
    file_bytes: int | None = None  # of one file; None: as much as the whole content may have
    header_bytes: int = 8192  # of one part of a multipart form
    memory_bytes: int = 64 * 1024  # while it comes, and of its files when it is whole; what is over goes to disk

    def __post_init__(self) -> None:
        """Refuse what no limit can be. Raises AppError."""
        for each in fields(self):
            _check(each.name, getattr(self, each.name), is_optional=each.name == "file_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLimits:
    """What `@limits` says of a view."""

    content_bytes: int | None  # None: as the server's limits say
    form: FormLimits


class BodyMode(IntEnum):
    """How a call takes the content of its request."""

    BUFFERED = 0  # kept until it is whole, in memory or in a temporary file
    FORM = 1  # as WHOLE, but a multipart form is read while it comes
    STREAM = 2  # the call runs at once, and takes the content as it comes


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPolicy:
    """What a call wants of content: one object for each route."""

    body_mode: BodyMode = BodyMode.BUFFERED
    content_bytes: int | None = None  # None: as the server's limits say
    form: FormLimits = FormLimits()
    hint: str = "raise Limits.content_bytes to allow it"  # told to whoever sends more
    sends_early_hints: bool = False  # early ones: the call is shown a way to send them
    decodes: bool = (
        False  # the content is decoded before the view runs, so the caps of JSON and forms hold for all of it
    )
    route: str = ""  # "POST /upload"

    def most(self, decoded_by: str, server_bytes: int) -> tuple[int, str]:
        """Return how many bytes of content may come, and what is told to whoever sends more.

        `decoded_by` names the cap of its media type, as `Request.decoded_size_limit` does; "" if it has none.
        Decoding holds the interpreter, and takes many times the memory of what is decoded.
        """
        most = server_bytes if self.content_bytes is None else self.content_bytes
        cap = getattr(self.form, decoded_by) if self.decodes and decoded_by else most
        if cap >= most:
            return most, self.hint
        return cap, f"raise {decoded_by} in the @limits of {self.route} to allow it"


DEFAULT_BODY_POLICY = BodyPolicy()


def limits(**caps: int) -> Callable[[View], View]:
    """Give a view limits of its own: `@limits(content_bytes=5 * 1024**3, files=3)`.

    `content_bytes` is of the whole content, in place of `Limits.content_bytes`, which may be more or
    less. `fields`, `field_bytes`, `text_bytes`, `json_bytes`, `files`, `file_bytes`, `header_bytes`
    and `memory_bytes` are those of `FormLimits`. Raises AppError for another name, and for what is no size.
    """
    names = ["content_bytes", *(each.name for each in fields(FormLimits))]
    for name, cap in caps.items():
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
            raise AppError(f"@limits knows no {name}; {hint}")
        _check(name, cap, is_optional=False)
    content_bytes = caps.pop("content_bytes", None)
    made = RouteLimits(content_bytes=content_bytes, form=replace(FormLimits(), **caps))

    def mark(view: View) -> View:
        setattr(view, LIMITS_ATTRIBUTE, made)
        return view

    return mark


def body_policy_for(
    own: RouteLimits | None, body_mode: BodyMode, route: str, *, sends_early_hints: bool = False, decodes: bool = False
) -> BodyPolicy:
    """Return the plan of a route, "POST /upload", whose view may have limits of its own."""
    content_bytes = own.content_bytes if own is not None else None
    return BodyPolicy(
        body_mode=body_mode,
        sends_early_hints=sends_early_hints,
        decodes=decodes,
        route=route,
        content_bytes=content_bytes,
        form=own.form if own is not None else DEFAULT_BODY_POLICY.form,
        hint=f"raise Limits.content_bytes, or write @limits(content_bytes=...) above the view of {route}, to allow it"
        if content_bytes is None
        else f"raise content_bytes in the @limits of {route} to allow it",
    )
