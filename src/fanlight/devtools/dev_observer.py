"""The observer of a site in development: it joins what the tools do when a request fails.

In: the hooks of `app.observer`. Out: each goes to the part of `devtools` that has a use for it.
"""

from __future__ import annotations

from fanlight.app.observer import Observer
from fanlight.devtools.dev_context import DevContext


class DevObserver(Observer):
    """Watches the site of one worker."""

    def __init__(self, context: DevContext) -> None:
        self.context = context
