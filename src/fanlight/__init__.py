"""Fanlight: a small web framework that carries its own HTTP server."""

from fanlight.first import is_command as _is_command  # noqa: F401 - before all that takes time to load

# isort: split

from fanlight.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
    HTTPError,
    NotFound,
    TooManyRequests,
    Unauthorized,
    UnprocessableContent,
)
from fanlight.message import EventStream, Request, Response, Upload, lane, limits, redirect
from fanlight.pages import Static, render
from fanlight.server import Limits
from fanlight.site import App

__all__ = [
    "App",
    "BadRequest",
    "Conflict",
    "EventStream",
    "Forbidden",
    "Gone",
    "HTTPError",
    "Limits",
    "NotFound",
    "Request",
    "Response",
    "Static",
    "TooManyRequests",
    "Unauthorized",
    "UnprocessableContent",
    "Upload",
    "lane",
    "limits",
    "redirect",
    "render",
]
