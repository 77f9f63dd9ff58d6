"""A site that says which version of its code is served: an example of the repository, with one view more.

In: an example. Out: a copy of it whose `/version` is the number that was last saved. It is saved as editors do that
write another file and rename it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PATH = "/version"
_VIEW = 'def version():\n    return "text {number}"\n\n\nURLS["{path}"] = version\n'
_APP = "\napp = App("  # of an example that makes its own, which has to find the view in the table


@dataclass(frozen=True)
class Site:
    """An example: its folder, the file that is changed, and what `fanlight` is to serve of a copy."""

    name: str
    file: str
    served: str

    def copy_to(self, folder: Path) -> Path:
        """Make a copy in a folder, of version 0; return its path."""
        copy = folder / self.name
        shutil.copytree(EXAMPLES / self.name, copy, ignore=shutil.ignore_patterns("data", "__pycache__", ".*"))
        self.save(copy, 0)
        return copy

    def save(self, copy: Path, number: int) -> None:
        """Save another version."""
        before, app, after = (EXAMPLES / self.name / self.file).read_text().partition(_APP)
        file = copy / self.file
        beside = file.with_suffix(".new")
        beside.write_text(f"{before}\n\n{_VIEW.format(number=number, path=PATH)}\n{app}{after}")
        beside.rename(file)


LESSON = Site("lesson", "main.py", "main.py")
GUESTBOOK = Site("guestbook", "guestbook/main.py", "guestbook")
