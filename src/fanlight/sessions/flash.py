"""`Flash`: messages for the next page that a visitor sees, like "Saved" after a redirect.

    def save(flash: Flash, text: str): ...; flash("Saved", "success"); return redirect("/")
    {% for message in flashes() %}<p class="{{ message.category }}">{{ message }}</p>{% endfor %}

In: texts, each with a category. Out: the same in the templates of this request, or of the next one that shows them:
once. They are in a signed cookie of their own, and need neither the session nor the store: so a page that only shows
them is not affected by what happens to those, and an async view does not wait for them. What was on a page that has
failed (5xx), or that the client has already (304), is kept for the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fanlight.message.request import Request
from fanlight.message.type_provider import TypeProvider
from fanlight.sessions.flash_messages import FlashMessage, FlashMessages, make_message


class Flash:
    """Shows messages on the next page: `flash("Saved", "success")`. A view gets it as a parameter."""

    __slots__ = ("_messages",)

    def __init__(self, messages: FlashMessages) -> None:
        self._messages = messages

    @classmethod
    def __fanlight_provider__(cls, _: Any) -> TypeProvider:
        return FLASH

    def __call__(self, text: str, category: str = "info") -> None:
        """Show a text on the next page that calls `flashes()`; `category` is any word, for its looks.

        A text that is HTML already (`markupsafe.Markup`) is shown as it is, any other is escaped. A text of more than
        2,000 bytes is cut. Raises TypeError for what is no text, AppError if the response has begun.
        """
        for name, given in (("text", text), ("category", category)):
            if not isinstance(given, str):
                raise TypeError(f"the {name} of a message is a {type(given).__name__}; write str(...) around it")
        self._messages.add(make_message(text, category))

    def __repr__(self) -> str:
        return "<Flash>"


class FlashProvider(TypeProvider):
    """Gives the Flash of a request."""

    description = "a flash"
    needs_services = True

    def __call__(self, request: Request) -> Flash:
        """Return the flash of a request."""
        return Flash(FlashMessages.of(request))


FLASH = FlashProvider()


def flashes(request: Request) -> Sequence[FlashMessage]:
    """Return the messages that a page has to show, for its template; the same ones for the whole page."""
    return FlashMessages.of(request).show()
