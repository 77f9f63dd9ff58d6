"""What a process that serves does with the garbage collector."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

SITE = """
import gc

def frozen():
    return str(gc.get_freeze_count())

URLS = {"/": frozen}
"""


def test_what_is_there_before_the_first_request_is_not_walked_again(
    serve: Callable[..., Any], run: Callable[..., str], tmp_path: Path
) -> None:
    """The objects of the site and of the server are frozen once it serves."""
    (tmp_path / "main.py").write_text(SITE)
    assert int(run("curl", "-sS", f"{serve(tmp_path).url}/")) > 10_000
