"""The handler of a development server: the site, with the tools below `/__fanlight__/`.

In: the site's handler and the tools' app. Out: a handler for the server. Requests to the tools are refused unless
`access` permits them; their responses are never stored, framed or given content of others.
"""

from __future__ import annotations

from typing import Any

from fanlight.app.application import Application
from fanlight.devtools.access import refusal, stranger
from fanlight.devtools.dev_context import is_for_tools
from fanlight.devtools.inspector.current import recording_of
from fanlight.devtools.reload.browser_events import BrowserEvents
from fanlight.devtools.reload.content_policy import POLICY_FIELDS, REPORT_ONLY_FIELD
from fanlight.devtools.reload.page_script import with_script
from fanlight.message.file_response import PrebuiltResponse
from fanlight.message.handler import Call, Handler, ResponseEncoder, default_fields_of, encoder_of
from fanlight.message.request import Request
from fanlight.message.response import Response

NAME = "fanlight dev"  # in the inspector, of what has set the fields that production does not send
_TOOL_FIELDS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class DevHandler:
    """Serves a site and the tools."""

    def __init__(self, site: Handler, tools: Application, events: BrowserEvents) -> None:
        self._site, self._tools, self._events = site, tools, events
        self._find = site.find
        self.request_class: type[Request] = getattr(site, "request_class", Request)
        self._encode_site, self._least_bytes = encoder_of(site)
        self._encode_tools, self._least_tool_bytes = encoder_of(tools)
        self.encoder: ResponseEncoder = self
        self.default_fields = default_fields_of(site)
        self.misdirected: Call | None = getattr(site, "misdirected", None)
        self.has_hosts: bool = getattr(site, "has_hosts", False)
        self._policies = tuple(pair for pair in self.default_fields if pair[0] in POLICY_FIELDS)

    least_bytes = 0  # every response passes `encode`

    def replace_site(self, site: Handler) -> None:
        """Serve another app made of the same site from now on; its lifespan is still that of the first."""
        self._encode_site, self._least_bytes = encoder_of(site)
        self._find = site.find

    def find(self, request: Request, /) -> Call:
        """Return the call for a request."""
        if not is_for_tools(request.head.path):
            return self._find(request)
        # Only now it is known which app the request is for. Both classes have the same slots.
        request.__class__ = self._tools.request_class
        if reason := refusal(request):
            request.params = {}
            return Call(lambda _: Response(f"{reason}\n", 403, media_type="text/plain; charset=utf-8"), "the tools")
        return self._tools.find(request)

    async def start(self) -> None:
        """Start the site, then the tools."""
        await self._site.start()
        await self._tools.start()

    async def stop(self) -> None:
        """Stop the tools and the site."""
        try:
            await self._tools.stop()
        finally:
            await self._site.stop()

    def encode(self, response: Response, request: Request, is_busy: bool, /) -> Response:  # noqa: FBT001 - as in ResponseEncoder
        """Return the response to send: changed for development, then compressed."""
        encode, least_bytes = self._encode_site, self._least_bytes
        # PERF: benchmarks/inspector.py: what is done here for each response of the site counts
        if request.__class__ is self._tools.request_class:  # by `find`
            encode, least_bytes = self._encode_tools, self._least_tool_bytes
            response = _closed(response)
        else:
            made = response
            if isinstance(response, PrebuiltResponse):
                response = _uncached(response)
            if not stranger(request):
                version = f"{self._events.version}/{self._events.styles}"
                response = with_script(response, request, version, self._policies)
            if response is not made and (recording := recording_of(request)) is not None:
                recording.change_actor(NAME, None)
                recording.take_response(response)
        content: Any = response.content
        is_small = isinstance(content, bytes) and len(content) < least_bytes
        return response if is_small else encode(response, request, is_busy)


def _closed(response: Response) -> Response:
    """Return a response of the tools with the fields that close it off."""
    response = response.copy()
    for name, value in _TOOL_FIELDS.items():
        if name not in response.headers:
            response.headers[name] = value
    response.headers.leave_out(REPORT_ONLY_FIELD)  # of the site, which wants no reports about the tools
    return response


def _uncached(response: Response) -> Response:
    """Return a static file without the permission to keep it: it may change at any time."""
    if "max-age" not in response.headers.get("cache-control"):
        return response
    response = response.copy()
    response.headers["cache-control"] = "no-cache"
    return response
