"""What both kinds of exchanges of ASGI do about an app that breaks a rule.

In: the rule, as a sentence. Out: one line in the log, and an AppError for the app. Knows nothing of the messages.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NoReturn

from fanlight.errors import AppError

if TYPE_CHECKING:
    from fanlight.message.request import Request

log = logging.getLogger("fanlight.app")


class AsgiRules:
    """Which rule an app has broken; an exchange is one, and sets these attributes."""

    __slots__ = ("_name", "_request", "broken_rule")

    _name: str  # of the app, for the log
    _request: Request
    broken_rule: str  # "": none

    def broken(self, rule: str) -> NoReturn:
        """Log that the app has broken a rule, and raise it."""
        self.note_broken(rule)
        raise AppError(f"ASGI: {rule}")

    def note_broken(self, rule: str) -> None:
        """Log that the app has broken a rule, and cut off a response that has begun."""
        self.broken_rule = rule
        log.error("%s breaks a rule of ASGI: %s; id %s", self._name, rule, self._request.id)
        self.fail()

    def fail(self) -> None:
        """Cut off a response that has begun, and is not complete; a WebSocket is closed when its call ends."""
