"""The state of an app: a dict with a type of its own, so that a view can get it by annotation."""

from __future__ import annotations

from typing import Any


class State(dict[str, Any]):
    """Values that a lifespan sets, like `app.state["pool"]`; a view gets it as a parameter annotated `State`."""
