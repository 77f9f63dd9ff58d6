"""Write the tables and plots of README and docs from the result files, so that no figure is copied by hand.

In: results/*.json. Out: the text between the markers of README.md and docs, and docs/images/speed-*.svg. Run it after a
measurement: `make plots`. Needs nothing but the standard library. What was not measured is said to be so.

    <!-- figures: throughput -->     the name of a table, or plot-NAME
    ...
    <!-- end of figures -->
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from drawings import element, images
from figures import MissingError
from tables import TABLES

REPOSITORY = Path(__file__).resolve().parents[1]
IMAGES = REPOSITORY / "docs" / "images"
PAGES = tuple(
    REPOSITORY / name
    for name in (
        *("README.md", "docs/speed.md", "docs/how-to/deploy.md"),
        *("docs/reference/dev.md", "docs/reference/tls.md"),
    )
)
MARKED = re.compile(r"(<!-- figures: ([a-z-]+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
NOT_MEASURED = "Not measured yet.\n"


def block(name: str) -> str:
    """Return what stands between the markers of this name."""
    try:
        return element(name.removeprefix("plot-")) if name.startswith("plot-") else TABLES[name]()
    except MissingError:
        return NOT_MEASURED


def page(path: Path) -> str:
    """Return the text of a page with all its blocks as the results have them."""
    folder = os.path.relpath(IMAGES, path.parent)

    def written(found: re.Match[str]) -> str:
        return f"{found[1]}{block(found[2]).replace('{images}', folder)}{found[3]}"

    return MARKED.sub(written, path.read_text())


def main() -> int:
    """Write the pages and plots that differ from the results, or with --check only name them; return the exit code."""
    wanted = {IMAGES / name: text for name, text in images().items()} | {path: page(path) for path in PAGES}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    stale += [path for path in IMAGES.glob("speed-*.svg") if path not in wanted]
    for path in stale:
        print(path.relative_to(REPOSITORY))
        if "--check" not in sys.argv and path in wanted:
            path.write_text(wanted[path])
        elif "--check" not in sys.argv:
            path.unlink()
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
