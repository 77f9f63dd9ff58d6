"""Load the app of a site from its file.

In: the argument of a command, like main.py. Out: the `App` in the file, or one made of its `URLS` (with its `ERRORS`,
`TEMPLATES`, `MIDDLEWARE`, `LIFESPAN`, `SECURITY`, `SESSIONS` and `OPENAPI`), or of another framework's app in it.
Raises LoadError, to be shown on the terminal, if the file does not exist, can't be imported, or has none of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from traceback import format_exception
from types import CodeType, ModuleType
from typing import Any, TypeVar

from fanlight.app.make_pages import TEMPLATES
from fanlight.closest_name import closest_name
from fanlight.errors import AppError, SetupError
from fanlight.message import forked_child
from fanlight.message.hosts import Hosts
from fanlight.message.nested_table import NestedTable
from fanlight.message.route_marks import Marked
from fanlight.protection.security import DEFAULT_SECURITY, Security
from fanlight.sessions.session_settings import DEFAULT_SESSIONS
from fanlight.site.app import App, is_loading
from fanlight.site.finding import STANDS_FOR, LoadError, Target, find
from fanlight.site.shadowing import STANDARD_NAMES
from fanlight.site.source_check import check_source, site_modules
from fanlight.tracebacks.lines import folded_text

_EXAMPLE = """write it, for example:

    def index():
        return "<h1>Hello</h1>"

    URLS = {"/": index}"""
T = TypeVar("T")
_GUESTS = ("app", "application")  # the names of other frameworks' apps
_OPEN = Security(frame=None, referrer_policy=None, opener_policy=None, nosniff=False, cross_site=True)
_FACTORIES = ("make_app", "create_app", "build_app", "get_app", "app_factory")


def load(typed: str | Path, *, traceback: str = "site") -> App:
    """Return the app of a file, a folder or a module. Raises LoadError, or SetupError for mistakes in its table.

    `traceback` is the setting: whether a LoadError shows the frames of the site first, or all as Python does.

    The folder of the file becomes the first entry of `sys.path`, as when Python runs the file, and the current folder,
    so that `open("data.csv")` in a view opens the file beside it. A file in a package is imported as a module of it.
    A module of a package that is named as one (`shop.main`) works in the folder of the command instead.
    """
    target = find(typed)
    os.chdir(target.folder)
    if str(target.root) not in sys.path and not target.hides_another:
        sys.path.insert(0, str(target.root))
    if str(target.file.parent) not in sys.path:
        sys.path.append(str(target.file.parent))  # last, so that no module of a package hides one of Python
    try:
        app = _app_of(_guarded(lambda: _imported(target), target), target, str(typed))
    except _CodeFailed as failed:
        is_full = traceback == "full"
        raise LoadError(_load_failure(failed.error, target, is_full=is_full), failed.error) from None
    if app.is_foreign:
        return app
    if mistakes := check_source(app, site_modules(sys.modules, app.folder)):
        raise SetupError(mistakes)
    return app


# --- the app in a module ------------------------------------------------------------------------------


def _app_of(module: ModuleType, target: Target, typed: str) -> App:
    if target.attribute:
        return _named(module, target)
    app = getattr(module, "app", None)
    if isinstance(app, App):
        return app
    if isinstance(urls := getattr(module, "URLS", None), Mapping | Hosts | NestedTable | Marked):
        return _made_of(urls, module, target)
    for name in _GUESTS:
        if _may_be_foreign(value := getattr(module, name, None)):
            return _foreign(value, target, f"`{name}` in {typed}")
    raise LoadError(_nothing_in(module, target, typed, app))


def _may_be_foreign(value: object) -> bool:
    """Return whether a value may be another framework's app, or the function that makes one."""
    guests = sys.modules.get("fanlight.foreign.guest")  # without it nothing says that it is one
    return callable(value) or (guests is not None and isinstance(value, guests.Guest))


def _foreign(app: object, target: Target, name: str) -> App:
    """Return the site of another framework's app. Raises LoadError for what is none."""
    from fanlight.foreign.app_kind import NoForeignApp  # noqa: PLC0415 - most sites are our own

    try:
        return foreign_site(app, target.file)
    except NoForeignApp as error:
        raise LoadError(f"{name} {error}") from None


def _named(module: ModuleType, target: Target) -> App:
    """Return the app that `main:name` selects: an app, a table, or the result of a function."""
    name = f"{target.name}:{target.attribute}"
    value: object = _holder(module, target)
    for step in target.attribute.split("."):
        if not hasattr(value, step):
            raise LoadError(_no_such_name(step, value, module, target))
        value = getattr(value, step)
    if _may_be_foreign(value) and not isinstance(value, App):
        if not target.is_call and (found := _foreign_or_factory(value, target, name)) is not None:
            return found
        value = _made_by(value, target)  # type: ignore[arg-type]  # it may be called
        name = f"{target.attribute}()"
    elif target.is_call:
        raise LoadError(f"{name} is a {type(value).__name__}, not a function; write {name} without parentheses")
    if isinstance(value, App):
        return value
    if isinstance(value, Mapping | Hosts | NestedTable | Marked):
        return _made_of(value, module, target)
    if value is None:
        raise LoadError(f"{name} returned None; did you forget `return app`?")
    if _may_be_foreign(value):
        return _foreign(value, target, name)
    raise LoadError(f"{name} is a {type(value).__name__}, not an App")


def foreign_site(app: object, file: Path) -> App:
    """Return the site of another framework's app, or of what `asgi` or `wsgi` has made of it. Raises NoForeignApp.

    It has nothing of what is around the pages of our own sites: no fields that protect them, no check of cross-site
    requests, no compression, no templates.
    """
    from fanlight.foreign.app_kind import kind_of  # noqa: PLC0415 - as above
    from fanlight.foreign.guest import Guest  # noqa: PLC0415 - as above

    guest = app if isinstance(app, Guest) else Guest(app, kind_of(app))
    return App({"/": guest}, templates=None, security=_OPEN, compression=None, file=file)


def _foreign_or_factory(value: object, target: Target, name: str) -> App | None:
    """Return the site of another framework's app; None for a function that may make an app."""
    from fanlight.foreign.app_kind import NoForeignApp, kind_of  # noqa: PLC0415 - as above

    try:
        if callable(value):
            kind_of(value)
    except NoForeignApp as error:
        if error.may_be_factory:
            return None
    return _foreign(value, target, name)


def _holder(module: ModuleType, target: Target) -> ModuleType:
    """Return the module that has the name: of a folder that is a package, its main.py or else its `__init__.py`."""
    first, package = target.attribute.partition(".")[0], _package_of(module, target)
    return package if hasattr(package, first) and not hasattr(module, first) else module


def _package_of(module: ModuleType, target: Target) -> ModuleType:
    """Return the package that a folder means beside its main.py; the module itself if there is none."""
    return sys.modules.get(module.__package__ or "", module) if target.is_folder else module


def _no_such_name(name: str, owner: object, module: ModuleType, target: Target) -> str:
    package, where = _package_of(module, target), target.file.name
    known = {**vars(package), **vars(module)} if owner is module else vars(type(owner))
    if package is not module and package.__file__ is not None:
        where += f" or {Path(package.__file__).name}"
    close = closest_name(name, [each for each in known if not each.startswith("_")])
    return f"there is no {target.attribute} in {where}{f'; did you mean {close}?' if close else ''}"


def _made_by(make: Callable[..., object], target: Target) -> object:
    is_async = f"{target.attribute} in {target.file.name} is async; write def, and await in the lifespan"
    if inspect.iscoroutinefunction(make):
        raise LoadError(is_async)
    try:
        needed = [
            name
            for name, each in inspect.signature(make).parameters.items()
            if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):
        needed = []
    if needed:
        hint = "the function is called without arguments; give them defaults, or read the environment"
        raise LoadError(f"{target.attribute} in {target.file.name} takes {', '.join(needed)}; {hint}")
    made = _guarded(make, target)
    if inspect.iscoroutine(made):
        made.close()  # it will never run, and Python would warn about that
        raise LoadError(is_async)
    return made


def _made_of(urls: Any, module: ModuleType, target: Target) -> App:
    return App(
        urls,
        errors=getattr(module, "ERRORS", None),
        templates=getattr(module, "TEMPLATES", TEMPLATES),
        middleware=getattr(module, "MIDDLEWARE", ()),
        lifespan=getattr(module, "LIFESPAN", None),
        security=getattr(module, "SECURITY", DEFAULT_SECURITY),
        openapi=getattr(module, "OPENAPI", None),
        sessions=getattr(module, "SESSIONS", DEFAULT_SESSIONS),
        file=target.file,
    )


def _nothing_in(module: ModuleType, target: Target, typed: str, app: object) -> str:
    place = typed.rstrip("/")
    for name, value in vars(module).items():
        if isinstance(value, App) or (name in _FACTORIES and callable(value)):
            return f"{typed} has neither `app` nor `URLS`, but it has {name}: write {place}:{name}"
    if app is not None:
        return f"`app` in {typed} is a {type(app).__name__}, not an App; {_EXAMPLE}"
    if hasattr(module, "URLS"):
        return f"URLS in {typed} is a {type(module.URLS).__name__}, not a dict; {_EXAMPLE}"
    if target.file.name == "__init__.py":
        return f"there is no main.py in {place}, and no `app` or `URLS` in its __init__.py; {_EXAMPLE}"
    return f"{typed} has neither `app` nor `URLS`; {_EXAMPLE}"


# --- the module of a file -----------------------------------------------------------------------------


class _FromSource(SourceFileLoader):
    """A loader that always compiles the source.

    Cached bytecode is identified by size and a timestamp in seconds, and a reload may follow within the same second.
    """

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the loader is for one file
        return self.source_to_code(self.get_data(self.path), self.path)


def _imported(target: Target) -> ModuleType:
    """Import the module of a file, as a module of its package where it has one."""
    name = _free_name(target)
    before = sys.modules.get(name)
    package = name.rpartition(".")[0]
    if package:
        parent = _package(package, target)
        module = sys.modules.get(name)
        if module is not None and module is not before:
            return module  # imported by the package
    module = _executed(name, target.file)
    if package:
        setattr(parent, name.rpartition(".")[2], module)
    return module


def _free_name(target: Target) -> str:
    """Return the name for a module: its own, unless another module has it."""
    top, dot, rest = target.name.partition(".")
    known = sys.modules.get(top)
    expected = target.root / top if dot or target.is_package else target.file
    is_ours = known is None or isinstance(known.__loader__, _FromSource) or expected in _places_of(known)
    if is_ours and not target.hides_another:
        return target.name
    for each in [each for each in sys.modules if each.partition(".")[0] == STANDS_FOR]:
        del sys.modules[each]
    return f"{STANDS_FOR}{dot}{rest}"


def _places_of(module: ModuleType) -> set[Path]:
    """Return the file of a module, or the folders of a package."""
    folders = getattr(module, "__path__", None)
    if folders is not None:
        return {Path(folder).resolve() for folder in folders}
    file = getattr(module, "__file__", None)
    return {Path(file).resolve()} if file is not None else set()


def _package(name: str, target: Target) -> ModuleType:
    """Import the package of a module; the outermost one is made of its folder, whatever else has its name."""
    top = name.partition(".")[0]
    if top not in sys.modules:
        folder = target.root / target.name.partition(".")[0]
        if (file := folder / "__init__.py").is_file():
            _executed(top, file)
        else:
            spec = ModuleSpec(top, None, is_package=True)
            assert spec.submodule_search_locations is not None  # it is a package
            spec.submodule_search_locations.append(str(folder))
            sys.modules[top] = importlib.util.module_from_spec(spec)
    return importlib.import_module(name)


def _executed(name: str, file: Path) -> ModuleType:
    folders = [str(file.parent)] if file.stem == "__init__" else None
    loader = _FromSource(name, str(file))
    spec = importlib.util.spec_from_file_location(name, file, loader=loader, submodule_search_locations=folders)
    assert spec is not None  # the file is there, and a Python file
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module


class _CodeFailed(Exception):
    """Code of the site has raised an exception while it was loaded."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _guarded(run: Callable[[], T], target: Target) -> T:
    """Run code of the site; raises _CodeFailed for its exceptions."""
    before = is_loading.set(True)
    try:
        return _in_this_process(run)
    except AppError:
        raise
    except SystemExit as error:
        raise LoadError(f"{target.file} exited while it was being imported: exit code {error.code}") from None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise _CodeFailed(error) from None
    finally:
        is_loading.reset(before)


def _in_this_process(run: Callable[[], T]) -> T:
    """Run code of the site, which may fork: a child exits when the code returns, and never becomes a second server."""
    process = os.getpid()
    try:
        return run()
    finally:
        if os.getpid() != process:
            forked_child.exit_process()


def _load_failure(error: BaseException, target: Target, *, is_full: bool) -> str:
    """Return a summary line and the traceback: the frames of the site, or all, as Python prints it for the file."""
    trace = error.__traceback__
    while trace is not None and ("importlib" in (name := trace.tb_frame.f_code.co_filename) or name == __file__):
        trace = trace.tb_next
    error = error.with_traceback(trace)
    text = "".join(format_exception(error)).rstrip() if is_full else folded_text(error, target.file.parent)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno} is not valid Python: {error.msg}\n\n{text}"
    return f"{target.file.name} can't be imported{_import_hint(error, target)}:\n\n{text}"


def _import_hint(error: BaseException, target: Target) -> str:
    if isinstance(error, ImportError) and "relative import" in str(error):
        return f"; if {target.file.parent.name} is a package, put an empty __init__.py into it"
    module = getattr(error, "obj", None) if isinstance(error, AttributeError) else error
    top = str(getattr(module, "__name__" if isinstance(module, ModuleType) else "name", None) or "").partition(".")[0]
    if top in STANDARD_NAMES and (target.file.parent / f"{top}.py").is_file():
        return f"; {top} is a module of Python, which is imported in place of yours: rename {top}.py"
    if isinstance(error, ModuleNotFoundError) and top == target.file.parent.name and top in STANDARD_NAMES:
        return f"; {top} is also a module of Python: rename the folder, or write `from .views import ...`"
    return ""
