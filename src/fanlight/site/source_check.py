"""Find calls in a site's own files that can only fail: a template, view or asset that does not exist.

In: an app, and the modules of its site, which are imported. Out: mistakes, each with file and line. Sees the calls
`render("home.html")`, `request.url_for("post", slug=...)`, `app.url_for(post)`, `request.asset("app.css")` whose first
argument is a literal, or for `url_for` a function of the module; a function that is called in the table of URLS; and
the same in the templates that the files name, and in those that these use.

No false alarm: a name that a function binds itself is left alone, as is everything that is computed, each file that the
site has not imported, and a site with several apps, each of which may mean the call.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType

from fanlight.app.application import Application
from fanlight.app.string_values import template_mistake
from fanlight.binding.callables import unwrap_callable
from fanlight.errors import Mistake
from fanlight.message.request import Request
from fanlight.pages.page import Page, render
from fanlight.pages.url_check import UNKNOWN, wrong_asset, wrong_url
from fanlight.syntax_tree import parse_file

MAX_FILES = 500
MAX_BYTES = 1024 * 1024  # of one file
_FOREIGN_FOLDERS = frozenset({"site-packages", "dist-packages", "node_modules", "__pycache__"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Scope = _Function | ast.ClassDef | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def site_modules(modules: Mapping[str, ModuleType], folder: Path) -> list[ModuleType]:
    """Return the modules that lie in the folder of a site, installed packages and hidden folders excepted."""
    found: dict[Path, ModuleType] = {}
    for name, module in list(modules.items()):
        if name.partition(".")[0] == "fanlight":  # it may be developed beside the site
            continue
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.endswith(".py") or folder.name not in file:  # most are others
            continue
        path = Path(file)
        if path.is_relative_to(folder) and not any(map(_is_foreign, path.relative_to(folder).parts[:-1])):
            found.setdefault(path, module)
    return list(found.values())[:MAX_FILES]


def check_source(app: Application, modules: Iterable[ModuleType]) -> list[Mistake]:
    """Return the mistakes in the files of some modules, in the order of their lines."""
    files = [file for module in modules if (file := _parsed(module, app.folder)) is not None]
    mistakes: list[Mistake] = []
    for file in files:
        mistakes += file.called_views(app)
    if sum(file.count_apps() for file in files) <= 1:
        for file in files:
            mistakes += file.wrong_calls(app)
        named = {name for file in files for name in file.texts()}
        mistakes += app.pages.wrong_urls(named.union(f"error/error{status}.html" for status in range(400, 600)))
    return mistakes


def _is_foreign(part: str) -> bool:
    return part.startswith(".") or part in _FOREIGN_FOLDERS


def _parsed(module: ModuleType, folder: Path) -> _File | None:
    path = Path(str(module.__file__))
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
    except OSError:
        return None
    display_path = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
    return _File(parse_file(path), display_path, vars(module))


class _File:
    """A parsed file, with the values of its names."""

    def __init__(self, tree: ast.Module, path: str, names: Mapping[str, object]) -> None:
        self._tree, self._path, self._names = tree, path, names
        self._nodes = list(ast.walk(tree))

    def count_apps(self) -> int:
        """Return how many apps the file makes."""
        calls = (node for node in self._nodes if isinstance(node, ast.Call))
        made = (self._value(node.func, frozenset()) for node in calls)
        return sum(isinstance(each, type) and issubclass(each, Application) for each in made)

    def texts(self) -> Iterator[str]:
        """Yield every literal text in the file."""
        constants = (node.value for node in self._nodes if isinstance(node, ast.Constant))
        return (value for value in constants if isinstance(value, str))

    def called_views(self, app: Application) -> Iterator[Mistake]:
        """Yield a mistake for each function of the site that is called in the table, where it has made a page."""
        routes = [route for route in app.table.routes if isinstance(route.view, str | Page)]
        for line, written, function in self._calls_in_dicts() if routes else ():
            place, path = f"{self._path}:{line}", written.rpartition(" ")[2]
            is_here = any(each.place == place and each.pattern.endswith(path) for each in routes)
            called = unwrap_callable(self._value(function, frozenset()))
            if is_here and isinstance(called, FunctionType) and called.__module__ == self._names.get("__name__"):
                name = ast.unparse(function)
                message = f'{name}() is called at "{written}", so every visitor gets the page it returned at the start'
                yield Mistake(message=message, places=(place,), hint=f"write {name} without parentheses")

    def _calls_in_dicts(self) -> Iterator[tuple[int, str, ast.expr]]:
        """Yield line, key and function of each `"key": function()`."""
        for node in self._nodes:
            for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
                if not isinstance(value, ast.Call) or value.args or value.keywords:
                    continue
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.lineno, key.value, value.func

    def wrong_calls(self, app: Application) -> Iterator[Mistake]:
        """Yield a mistake for each call that names something that does not exist."""
        for call, local, requests in _calls(self._tree, frozenset(), frozenset(), self._is_request):
            if not call.args or any(isinstance(each, ast.Starred) for each in call.args):
                continue
            kind = self._kind_of(call.func, local, requests, app)
            found: Mistake | None = None
            literal = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
            if kind == "render" and isinstance(literal, str) and not app.parts.has_template(literal):
                found = template_mistake(literal, app.pages, "render()")
            elif kind == "asset" and isinstance(literal, str) and app.statics.are_valid:
                found = wrong_asset(app.tried_asset, literal)
            elif kind == "url_for":
                found = self._wrong_url(call, local, app)
            if found is not None:
                place = f"{self._path}:{call.lineno}"
                yield Mistake(message=found.message, places=(place,), hint=found.hint)

    def _wrong_url(self, call: ast.Call, local: frozenset[str], app: Application) -> Mistake | None:
        first = call.args[0]
        view: object = first.value if isinstance(first, ast.Constant) else self._value(first, local)
        is_known = isinstance(view, str) if isinstance(first, ast.Constant) else isinstance(view, FunctionType)
        if not is_known or len(call.args) > 1 or any(each.arg is None for each in call.keywords):
            return None
        given = {str(each.arg): _literal(each.value) for each in call.keywords}
        return wrong_url(app.tried_url_for, view, given)

    def _kind_of(self, function: ast.expr, local: frozenset[str], requests: frozenset[str], app: Application) -> str:
        """Return "render", "url_for" or "asset" for a function that is certainly Fanlight's."""
        if self._value(function, local) is render:
            return "render"
        if not isinstance(function, ast.Attribute) or function.attr not in ("url_for", "asset"):
            return ""
        owner = function.value
        is_request = isinstance(owner, ast.Name) and owner.id in requests
        return function.attr if is_request or self._value(owner, local) is app else ""

    def _value(self, expression: ast.expr, local: frozenset[str]) -> object:
        """Return the value of a name of the module, also of another module's; None if it is unknown."""
        if isinstance(expression, ast.Name):
            return None if expression.id in local else self._names.get(expression.id)
        if isinstance(expression, ast.Attribute):
            module = self._value(expression.value, local)
            if isinstance(module, ModuleType):
                return getattr(module, expression.attr, None)
        return None

    def _is_request(self, parameter: ast.arg) -> bool:
        annotation = parameter.annotation
        if annotation is None:
            return parameter.arg == "request"
        if isinstance(annotation, ast.Constant):
            return annotation.value == "Request"
        return self._value(annotation, frozenset()) is Request


def _literal(expression: ast.expr) -> object:
    return expression.value if isinstance(expression, ast.Constant) else UNKNOWN


# --- scopes -------------------------------------------------------------------------------------------


def _calls(
    node: ast.AST, local: frozenset[str], requests: frozenset[str], is_request: Callable[[ast.arg], bool]
) -> Iterator[tuple[ast.Call, frozenset[str], frozenset[str]]]:
    """Yield every call with the names that are local there, and those of them that are surely the request."""
    if isinstance(node, ast.Call):
        yield node, local, requests
    if isinstance(node, _Scope):
        within = list(ast.walk(node))
        bound = frozenset(_bound_in(node, within))
        local |= bound
        requests -= bound
        if isinstance(node, _Function):
            stored = {each.id for each in within if isinstance(each, ast.Name) and _is_stored(each)}
            requests |= {each.arg for each in _parameters(node) if is_request(each) and each.arg not in stored}
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, local, requests, is_request)


def _bound_in(scope: ast.AST, within: Iterable[ast.AST]) -> Iterator[str]:
    """Yield every name that is bound anywhere in a function or class, also in those within it."""
    for node in within:
        if isinstance(node, ast.Name) and _is_stored(node):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node is not scope:
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest


def _is_stored(name: ast.Name) -> bool:
    return not isinstance(name.ctx, ast.Load)


def _parameters(function: _Function) -> list[ast.arg]:
    given = function.args
    return [*given.posonlyargs, *given.args, *given.kwonlyargs]
