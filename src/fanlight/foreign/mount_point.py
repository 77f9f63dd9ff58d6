"""Where an app is mounted: which part of a path is the site's, and which the app's.

In: the path of a key in URLS, and the path of a request as it was sent. Out: both parts. The app's part begins with a
slash, or is empty where the path is that of the key without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from fanlight.message.request import Request


class MountPoint:
    """The place of one app; `depth` is the number of segments above it."""

    __slots__ = ("_name", "depth")

    def __init__(self, prefix: str, name: str = "path") -> None:
        """Take the path of the key: "/" for the whole site, "/api" or "/api/" for a part.

        `name` is that of the parameter that holds the path below.
        """
        self._name = name
        self.depth = len([each for each in prefix.split("/") if each])

    def parameters(self, request: Request) -> dict[str, object]:
        """Return the parameters of the key, and those of the host."""
        found = request.params
        if not found or (len(found) == 1 and self._name in found):
            return {}
        return {name: value for name, value in found.items() if name != self._name}

    def split(self, raw_path: str) -> tuple[str, str]:
        """Return the part of the site and that of the app, percent-encoded as they were sent."""
        if not self.depth:
            return "", raw_path
        end = 0
        for _ in range(self.depth):
            end = raw_path.find("/", end + 1)
            if end < 0:
                return raw_path, ""
        return raw_path[:end], raw_path[end:]


def decoded(raw_path: str) -> str:
    """Return a path as text: percent-decoded, and what is not UTF-8 replaced."""
    return unquote(raw_path) if "%" in raw_path else raw_path
