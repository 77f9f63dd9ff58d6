"""The garbage collector of a serving process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

SITE = """
import gc

def frozen():
    return str(gc.get_freeze_count())

URLS = {"/": frozen}
"""


def test_objects_made_before_serving_are_frozen(
    serve: Callable[..., Any], run: Callable[..., str], tmp_path: Path
) -> None:
    """The objects of the site and of the server are frozen (`gc.freeze`) before the first request is served."""
    (tmp_path / "main.py").write_text(SITE)
    assert int(run("curl", "-sS", f"{serve(tmp_path).url}/")) > 10_000
