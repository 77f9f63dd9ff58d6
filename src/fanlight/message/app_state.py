"""A place for what an app has opened: a dict of its own type, so that a view can ask for it by annotation."""

from __future__ import annotations

from typing import Any


class State(dict[str, Any]):
    """What a lifespan sets up, as `app.state["pool"]`, and views read by a parameter annotated `State`."""
