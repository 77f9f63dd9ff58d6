"""What there is to say about an error: for a page, a line of the terminal, and JSON.

In: what was found. Out: one frozen value. Texts are plain; what is code in them stands between backticks. Nothing in it
is a secret: values that a client has sent are masked before they come here.
"""

from __future__ import annotations

from msgspec import Struct, to_builtins


class Place(Struct, frozen=True):
    """A line of the site: where it is, what is there, and its source."""

    place: str  # "main.py:12"
    what: str = ""  # "post", "the template of /contact"
    code: str = ""  # the line itself


class RouteLine(Struct, frozen=True):
    """A route, and why it does or does not serve the request."""

    methods: str  # "GET, HEAD"
    pattern: str
    view: str
    place: str
    reason: str
    href: str = ""  # its address, if a link can lead there


class FieldLine(Struct, frozen=True):
    """A field that is missing or invalid."""

    source: str  # "form", "query", ...
    name: str
    message: str
    sent: str | None  # masked and cut; None: nothing was sent
    expected: str = ""  # the parameter as it is written, "age: int"
    place: str = ""  # of the view


class Explanation(Struct, frozen=True, kw_only=True):
    """Why a request got an error, and what to do about it."""

    status: int
    summary: str  # one line, complete in itself
    line: str = ""  # for the terminal: the summary, where nothing else is given, with what to write
    steps: tuple[str, ...] = ()  # what to write or to change
    places: tuple[Place, ...] = ()
    routes: tuple[RouteLine, ...] = ()
    more_routes: int = 0  # that are not listed
    fields: tuple[FieldLine, ...] = ()

    def as_member(self) -> dict[str, object]:
        """Return it as a member of a JSON document, without what is empty."""
        members: dict[str, object] = to_builtins(self)
        return {name: value for name, value in members.items() if value and name not in ("status", "line")}
