"""Find the file of a site from the argument of a command, and the name to import it by.

In: a file, a folder or a module, optionally with `:name`: `main.py`, `site/`, `pkg.main`, `main:app`, `pkg:make_app()`.
Out: a `Target`. Raises LoadError, with a hint, if there is no such file, or if it or a file beside it has the name of a
module of Python.

A file in a package is imported as a module of it, wherever the command is run: a folder is a package if it has an
`__init__.py`, or if the file imports from it as from one (`from .views import index`).
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from fanlight.closest_name import closest_name
from fanlight.errors import AppError
from fanlight.lazy_pattern import lazy_pattern
from fanlight.settings.start_directory import absolute
from fanlight.site.shadowing import STANDARD_NAMES, hiding_problem
from fanlight.syntax_tree import parse_file

STANDS_FOR = "fanlight_site"  # the module of a file whose name is not an identifier, or is taken
_ATTRIBUTE = lazy_pattern(r"(.+?):([^\W\d]\w*(?:\.[^\W\d]\w*)*)(\(.*\))?", re.DOTALL)


class LoadError(AppError):
    """No app can be loaded from a file; the message is ready to be printed, `error` is the exception of its code."""

    def __init__(self, message: str, error: BaseException | None = None) -> None:
        super().__init__(message)
        self.error = error


class Target(Struct, frozen=True, kw_only=True):
    """The file of a site: its module is `name` below `root`; `attribute` is the name of the app, "" if not given.

    The site works in `folder`: its file's, as when Python runs the file, or for a module of a package that of the
    command, as with `python -m`.
    """

    file: Path
    root: Path
    folder: Path
    name: str
    attribute: str = ""
    is_call: bool = False  # the name is that of a function, written with parentheses
    is_folder: bool = False  # a folder or a package was given, and not the file itself

    @property
    def hides_another(self) -> bool:
        """Whether the package has the name of a module of Python, so that it must be imported by another."""
        return self.name.partition(".")[0] in STANDARD_NAMES

    @property
    def is_package(self) -> bool:
        """Whether the module is a package: its file is an `__init__.py`."""
        return self.file.stem == "__init__"


def find(typed: str | Path) -> Target:
    """Return the file and module that an argument means. Raises LoadError."""
    place, attribute, is_call = str(typed), "", False
    if not Path(typed).exists() and (found := _ATTRIBUTE.fullmatch(place)):
        place, attribute, arguments = found.groups()
        is_call = arguments is not None
        if is_call and arguments != "()":
            raise LoadError(
                f"{attribute} is called without arguments: write {place}:{attribute}(), and give its parameters"
                " defaults, or read the environment in it"
            )
    found_file, is_folder = _file_of(place)
    file = found_file.resolve()
    root, name = _module_of(file)
    if name in STANDARD_NAMES:
        raise LoadError(
            f"{file.name} has the name of a module of Python or Fanlight, and would hide it;"
            " rename it, to main.py for example"
        )
    folder = Path.cwd() if "." in place and not Path(place).exists() else file.parent
    target = Target(
        file=file, root=root, folder=folder, name=name, attribute=attribute, is_call=is_call, is_folder=is_folder
    )
    is_module = "." not in name and not target.is_package
    if not target.hides_another and (problem := hiding_problem(root, may_be_package=is_module)):
        raise LoadError(problem)
    return target


def typed_folder(typed: str | Path) -> Path:
    """Return the folder of the file that an argument means, by the path that was typed. Raises LoadError.

    In a folder behind a link (`current -> releases/7`) it is that of the link: the site is the same after the next
    release. To be called before the site is loaded, which changes the current folder.
    """
    place = str(typed)
    if not Path(place).exists() and (found := _ATTRIBUTE.fullmatch(place)):
        place = found[1]
    file, _ = _file_of(place)
    return Path(absolute(str(file))).parent


# --- the file -----------------------------------------------------------------------------------------


def _file_of(place: str) -> tuple[Path, bool]:
    """Return the file, and whether a folder was given."""
    path = Path(place)
    if path.is_file():
        if path.suffix != ".py":
            raise LoadError(f"{path} is not a Python file; give one that ends in .py")
        return path, False
    if path.is_dir() and (found := _main_of(path)) is not None:
        return found, True
    if all(piece.isidentifier() for piece in place.split(".")) and not place.endswith(".py"):
        for folder in (Path(), *map(Path, sys.path)):
            stem = folder.joinpath(*place.split("."))
            if (file := stem.parent / f"{stem.name}.py").is_file():
                return file, False
            if (found := _main_of(stem)) is not None:
                return found, True
        if not path.is_dir():
            raise LoadError(_no_module(place))
    raise LoadError(_not_there(path))


def _main_of(folder: Path) -> Path | None:
    """Return the file that starts a folder: its main.py, or the `__init__.py` of a package."""
    return next((file for name in ("main.py", "__init__.py") if (file := folder / name).is_file()), None)


def _no_module(place: str) -> str:
    path = place.replace(".", "/")
    within = Path(path).parent
    programs = sorted(each.stem for each in within.glob("*.py")) if within.is_dir() else []
    close = closest_name(Path(path).name, programs)
    hint = f"did you mean {'.'.join((*within.parts, close))}?" if close else "write the file: main.py"
    return f"there is no module {place}, neither {path}.py nor {path}/main.py; {hint}"


def _not_there(path: Path) -> str:
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        return f"there is no {path}: there is no folder {folder}"
    file = path / "main.py" if path.is_dir() else path
    programs = sorted(each.name for each in folder.glob("*.py"))
    close = closest_name(file.name, programs) or next(iter(programs), "")
    hint = f"did you mean {folder / close}?" if close else "`fanlight new NAME` creates a site"
    return f"there is no {file}; {hint}"


# --- the module ---------------------------------------------------------------------------------------


def _module_of(file: Path) -> tuple[Path, str]:
    """Return the folder a file is imported from, and its module name."""
    within = list(_packages_of(file))
    names = [folder.name for folder in reversed(within)] + ([] if file.stem == "__init__" else [file.stem])
    root = within[-1].parent if within else file.parent
    if file.stem.isidentifier():
        return root, ".".join(names)
    if within:
        raise LoadError(f"{file.name} is in a package, but its name can not be imported; rename it")
    return root, STANDS_FOR


def _packages_of(file: Path) -> Iterator[Path]:
    """Yield the folders of the packages that contain a file, the innermost first."""
    folder, depth = file.parent, _depth_of(file)
    while (depth > 0 or (folder / "__init__.py").is_file()) and folder.parent != folder:
        if not folder.name.isidentifier():
            if depth > 0:
                odd = (repr(each) for each in folder.name if not f"a{each}".isidentifier())
                raise LoadError(f"{file} imports from {folder.name} as a package, but a package name can't contain"
                                f" {next(odd, 'a number at its start')}; rename the folder")  # fmt: skip
            return
        yield folder
        folder, depth = folder.parent, depth - 1


def _depth_of(file: Path) -> int:
    """Return how many folders a file uses as packages, from its imports: 1 for `from .views import index`."""
    depth = 0
    for node in ast.walk(parse_file(file)):
        if isinstance(node, ast.ImportFrom):
            depth = max(depth, node.level or _depth_by_name(file, node.module or ""))
        elif isinstance(node, ast.Import):
            depth = max([depth, *(_depth_by_name(file, each.name) for each in node.names)])
    return depth


def _depth_by_name(file: Path, module: str) -> int:
    """Return how many folders above a file the package of an imported module begins; 0 if none does."""
    first, _, rest = module.partition(".")
    if first in STANDARD_NAMES or _is_module(file.parent / first):
        return 0
    for depth, folder in enumerate(file.parents[:-1], start=1):
        if folder.name == first and (not rest or _is_module(folder.joinpath(*rest.split(".")))):
            return depth
    return 0


def _is_module(stem: Path) -> bool:
    return stem.is_dir() or stem.with_name(f"{stem.name}.py").is_file()
