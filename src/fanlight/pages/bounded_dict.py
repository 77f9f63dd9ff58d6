"""A cache of templates that can not grow without bound."""

from __future__ import annotations

from typing import Any

MAX_TEMPLATES = 1024


class BoundedDict(dict[Any, Any]):
    """A dict that is cleared when it is full, so that reading costs no more than with any dict."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if len(self) >= MAX_TEMPLATES:
            self.clear()
        super().__setitem__(key, value)
