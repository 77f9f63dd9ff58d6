"""What a worker reports of the site that it has loaded: where its files are.

In: the app. Out: `Places`. Modules are the site's own unless they are of Python, of a library or of Fanlight.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fanlight.app.application import Application
from fanlight.devtools.reload.site_files import Places
from fanlight.tracebacks.owners import owner_of


def places_of(app: Application, root: str, env_file: str) -> Places:
    """Return the places of an app's files."""
    return Places(
        root=root,
        code=tuple(sorted(_code_folders(root))),
        templates=tuple(map(str, app.pages.folders)),
        statics=tuple(sorted({os.path.normpath(each) for each in app.statics.places})),
        env_file=env_file,
    )


def _code_folders(root: str) -> set[str]:
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return {str(Path(file).parent) for file in files if file and file.endswith(".py") and not owner_of(file, root)}
