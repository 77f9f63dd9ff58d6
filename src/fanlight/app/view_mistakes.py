"""What is wrong with a view of an unusual kind: it takes the content as a stream, sends hints, or has a WebSocket.

In: a view, and what its parameters are bound to. Out: the first mistake, which keeps the port from opening, or none.
"""

from __future__ import annotations

from fanlight.binding.arguments import Binding
from fanlight.binding.callables import View, is_async
from fanlight.binding.signature import Signature, pinned_lane
from fanlight.errors import Mistake
from fanlight.message.handler import Lane


def view_mistake(signature: Signature, binding: Binding, view: View, methods: frozenset[str]) -> Mistake | None:
    """Return what is wrong with a view; None if nothing is."""
    name, stream, hints = signature.name, binding.stream, binding.hints
    if stream and not is_async(view):
        hint = "write async def, without a yield in it, and read it before you return"
        return signature.mistake(f"{name} takes the content as a stream, {stream}, and is not async", hint)
    if hints and stream:
        return signature.mistake(f"{name} sends early hints while it reads a stream", f"leave out {hints} or {stream}")
    if hints and pinned_lane(view) is Lane.INLINE:
        return signature.mistake(f"{name} sends early hints, but is pinned inline", "remove @lane")
    if signature.websocket:
        from fanlight.app.websocket_views import websocket_mistake  # noqa: PLC0415 - most sites have none

        return websocket_mistake(signature, signature.websocket, view, methods)
    return None
