"""End a command with an error: what is wrong on stderr, and exit code 1."""

from __future__ import annotations

import sys
from typing import NoReturn

from fanlight.errors import FanlightError, SetupError


def fail(error: FanlightError, consequence: str = "") -> NoReturn:
    """Print an error, and what follows from it, and exit."""
    if isinstance(error, SetupError):
        count = len(error.mistakes)
        print(f"Found {count} error{'s' * (count != 1)}{consequence}:\n", file=sys.stderr)
        print("\n\n".join(str(mistake) for mistake in error.mistakes), file=sys.stderr)
    else:
        print(f"fanlight: {error}", file=sys.stderr)
    sys.exit(1)
