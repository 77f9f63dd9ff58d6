"""From a file to an app.

In: a path, like main.py. Out: the `App` that it makes, or one made of its `URLS` (with `ERRORS`,
`AROUND` and `LIFESPAN`, if it has them). Refuses, as LoadError, a file that is not there, that can't
be imported, or that has neither; the words are for the person at the terminal.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import sys
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from fanlight.errors import AppError
from fanlight.site.app import App, is_loading

_EXAMPLE = """write it, for example:

    def index():
        return "<h1>Hello</h1>"

    URLS = {"/": index}"""


class LoadError(AppError):
    """There is no app to be had from a file; the message is ready to be printed."""


def load(path: str | Path) -> App:
    """Return the app of a file. Raises LoadError, or SetupError with the mistakes in its table.

    The file's folder becomes the first place to import from, as when Python runs the file, and the
    current folder, so that `open("templates/home.html")` in a view finds what stands beside the file.
    """
    file = Path(path)
    if not file.is_file():
        raise LoadError(_not_there(file))
    file = file.resolve()
    os.chdir(file.parent)
    if str(file.parent) not in sys.path:
        sys.path.insert(0, str(file.parent))
    module = _imported(file)
    app = getattr(module, "app", None)
    if isinstance(app, App):
        return app
    if not hasattr(module, "URLS"):
        raise LoadError(f"{path} has neither `app` nor `URLS`; {_EXAMPLE}")
    return App(
        module.URLS,
        errors=getattr(module, "ERRORS", None),
        around=getattr(module, "AROUND", ()),
        lifespan=getattr(module, "LIFESPAN", None),
        file=file,
    )


class _FromSource(SourceFileLoader):
    """Compiles the file itself, as when Python runs it.

    What was compiled before is told apart by the second and the size, and a reload may come within the second.
    """

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the loader is for one file
        return self.source_to_code(self.get_data(self.path), self.path)


def _imported(file: Path) -> ModuleType:
    name = file.stem if file.stem.isidentifier() else "fanlight_site"
    spec = importlib.util.spec_from_file_location(name, file, loader=_FromSource(name, str(file)))
    if spec is None or spec.loader is None or file.suffix != ".py":
        raise LoadError(f"{file} is no Python file; give one that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    before = is_loading.set(True)
    try:
        spec.loader.exec_module(module)
    except AppError:
        raise
    except SystemExit as error:
        raise LoadError(f"{file} ended the program while it was imported: exit code {error.code}") from None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise LoadError(_without_our_frames(error, file)) from None
    finally:
        is_loading.reset(before)
    return module


def _without_our_frames(error: BaseException, file: Path) -> str:
    """Return the traceback as Python would print it, had it run the file itself."""
    trace = error.__traceback__
    while trace is not None and Path(trace.tb_frame.f_code.co_filename) != file:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


def _not_there(file: Path) -> str:
    folder = file.parent
    if not folder.is_dir():
        return f"there is no {file}: there is no folder {folder}"
    programs = sorted(each.name for each in folder.glob("*.py"))
    close = difflib.get_close_matches(file.name, programs, 1) or programs[:1]
    hint = f"did you mean {folder / close[0]}?" if close else "`fanlight new NAME` makes a new site"
    return f"there is no {file}; {hint}"
