"""What the server offers to the call of another framework's app, besides the request.

Such an app sends its response while it runs, and may go on afterwards; it asks whether its client is still there. A
view needs none of this: it returns its response.

In: nothing. Out: the interface, and the key under which the server attaches it to a request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from fanlight.message.response import Response

if TYPE_CHECKING:
    from fanlight.message.request import Request

LINK_KEY = "call_link"
RESPONDED = Response()  # what a call returns whose response has been sent already
Address = tuple[str, int | None]  # host and port, or the path of a unix socket and None


class CallLink(Protocol):
    """The server, for one call."""

    loop: Any  # the event loop; this room knows none
    may_respond: bool  # before the call ends; else its response has to pass what is around it, such as middleware

    @property
    def is_direct(self) -> bool:
        """Whether the client speaks to the server itself, as far as that is known: the host is as it was sent."""

    @property
    def client(self) -> Address | None:
        """The address of the client; its port is 0 if a proxy names the client."""

    @property
    def server(self) -> Address | None:
        """The address at which the request has arrived."""

    def respond(self, response: Response) -> None:
        """Send the response of the call, which goes on; in the loop's thread, when the tasks of its turn have run."""

    def respond_from_thread(self, response: Response) -> None:
        """Send the response of the call, which goes on; in its own thread."""

    def end(self) -> None:
        """Note that the call has ended; in the loop's thread, if it has responded there."""

    def watch_client(self, on_gone: Callable[[], object]) -> None:
        """Call a function, in the loop's thread, when the client has disconnected before its response."""

    def enable_hints(self) -> None:
        """Attach to the request what sends early hints, where the client can handle them."""


def link_of(request: Request) -> CallLink:
    """Return the link of a request whose call has one."""
    link: CallLink = request.cached_value(LINK_KEY)
    return link
