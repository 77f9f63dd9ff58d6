"""Format an exception as one line of text."""

from __future__ import annotations


def in_one_line(error: BaseException) -> str:
    """Return the last line of an exception's traceback; works for an exception whose `__str__` fails."""
    import traceback  # noqa: PLC0415 - for an error

    lines = traceback.format_exception_only(error)
    return next((line for line in lines if not line.startswith(" ")), lines[0]).strip()
