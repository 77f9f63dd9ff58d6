"""Find where a table of `URLS` is written, by parsing its file.

In: the file that makes the table, and the resulting mapping. Out: "main.py:12" for each key, and the keys that are
written twice, of which Python silently keeps only the last. A key has no place if the file can't be read, or if the
table is not a dict literal. No code of the file is run.

A literal is followed through `**names`, `a | b`, `a |= b`, `a.update(b)`, `a["/key"] = view`, calls with one argument,
names of the module, and names or modules imported from files beside it. If a dict that is spread into another can't be
followed, the keys of the other still have their places.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field

from fanlight.syntax_tree import parse_file

_MAX_DEPTH = 16  # of names that refer to names, and of imports of imports


class Literal(Struct):
    """A dict literal: for each key its place and the expression of its value."""

    keys: dict[object, tuple[str, ast.expr, Source]] = field(default_factory=dict)
    duplicate_keys: list[tuple[object, tuple[str, ...]]] = field(default_factory=list)
    is_whole: bool = True  # False: something is spread into it that could not be followed

    def place(self, key: object) -> str:
        """Return "main.py:12", or "" for a key that is no literal."""
        return self.keys[key][0] if key in self.keys else ""

    def below(self, key: object, table: Mapping[str, object]) -> Literal | None:
        """Return the nested dict of a key, None if it can't be found."""
        if key not in self.keys:
            return None
        _, value, file = self.keys[key]
        found = file.literal_of(value, 0)
        return found if found is not None else file.find(table)


class Source:
    """A parsed file: the names and dict literals of a module; none if it can't be parsed.

    `folder` is that of the file in which the table is written, if this one is imported by it.
    """

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        self._path, self._folder = path, folder or path.parent
        is_inside = path.is_relative_to(self._folder)
        self._display_path = path.relative_to(self._folder).as_posix() if is_inside else path.name
        self._tree = parse_file(path)
        self._names: dict[str, ast.expr] = {}
        self._imports: dict[str, tuple[str, str]] = {}  # local name -> module, name in it ("": the module)
        self._files: dict[str, Source | None] = {}
        for statement in self._tree.body:
            self._read_statement(statement)
        for node in ast.walk(self._tree):  # also in the functions that make an app
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._read_import(node)

    @property
    def functions(self) -> frozenset[str]:
        """The names of the functions that the module defines."""
        kinds = ast.FunctionDef | ast.AsyncFunctionDef
        return frozenset(each.name for each in self._tree.body if isinstance(each, kinds))

    def _read_statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    self._names[target.id] = statement.value
                elif isinstance(target, ast.Subscript):
                    self._extend(target.value, ast.Dict(keys=[target.slice], values=[statement.value]))
        elif isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.BitOr):
            self._extend(statement.target, statement.value)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            call = statement.value
            if isinstance(call.func, ast.Attribute) and call.func.attr == "update" and len(call.args) == 1:
                self._extend(call.func.value, call.args[0])
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            self._names[statement.target.id] = statement.value

    def _read_import(self, statement: ast.Import | ast.ImportFrom) -> None:
        for alias in statement.names:
            if isinstance(statement, ast.ImportFrom):
                there = "." * statement.level + (statement.module or ""), alias.name
                self._imports.setdefault(alias.asname or alias.name, there)
            else:
                first = alias.name.partition(".")[0]
                self._imports.setdefault(alias.asname or first, (alias.name if alias.asname else first, ""))

    def _extend(self, target: ast.expr, more: ast.expr) -> None:
        """Add keys to the dict that a name of the module refers to."""
        if isinstance(target, ast.Name) and target.id in self._names:
            self._names[target.id] = ast.BinOp(left=self._names[target.id], op=ast.BitOr(), right=more)

    def find(self, table: Mapping[str, object]) -> Literal | None:
        """Return the literal from which a table most likely was made: with the most of its keys, and no others.

        It has at least half of them, unless something is spread into it that can't be followed: that may be the rest.
        """
        best, most = None, (len(table) - 1) // 2
        for node in self._dicts():
            literal = self.literal_of(node, 0)
            if literal is None or not all(key in table for key in literal.keys):
                continue
            count = len(literal.keys) if literal.is_whole or not literal.keys else len(table)
            if count > most:
                best, most = literal, count
        return best

    def _dicts(self) -> Iterator[ast.expr]:
        """Yield the expressions that may be the table: `URLS` first, then other names, what `App` gets, all dicts."""
        if "URLS" in self._names:
            yield self._names["URLS"]
        yield from self._names.values()
        calls = (node for node in ast.walk(self._tree) if isinstance(node, ast.Call) and node.args)
        yield from (call.args[0] for call in calls if ast.unparse(call.func).rpartition(".")[2] == "App")
        yield from (node for node in ast.walk(self._tree) if isinstance(node, ast.Dict))

    def literal_of(self, node: ast.expr, depth: int) -> Literal | None:
        """Return the dict that an expression evaluates to, None if that is known only at run time."""
        if depth > _MAX_DEPTH:
            return None
        if isinstance(node, ast.Dict):
            return self._read_dict(node, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return _merged([self.literal_of(side, depth + 1) for side in (node.left, node.right)])
        if isinstance(node, ast.Name | ast.Attribute):
            return self.named(ast.unparse(node), depth)
        if isinstance(node, ast.Call) and len(node.args) == 1:  # middleware(guard)({...}), table({...}, name="shop")
            return self.literal_of(node.args[0], depth + 1)
        return None

    def named(self, name: str, depth: int) -> Literal | None:
        """Return the dict that a name of the module refers to, also `module.NAME` and `package.module.NAME`."""
        if name in self._names:
            return self.literal_of(self._names[name], depth + 1)
        dotted, _, name_there = name.rpartition(".")
        if dotted:
            file = self._module(dotted, depth)
        else:
            module, name_there = self._imports.get(name, ("", ""))
            file = self._file_of(module) if name_there else None
        return file.named(name_there, depth + 1) if file is not None else None

    def _read_dict(self, node: ast.Dict, depth: int) -> Literal:
        literal = Literal()
        written: dict[object, list[str]] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                literal = _merged([literal, self.literal_of(value, depth + 1)])
            elif isinstance(key, ast.Constant):
                place = f"{self._display_path}:{key.lineno}"
                written.setdefault(key.value, []).append(place)
                literal.keys[key.value] = place, value, self
        literal.duplicate_keys += [
            (key, tuple(dict.fromkeys(places))) for key, places in written.items() if len(places) > 1
        ]
        return literal

    def _module(self, dotted: str, depth: int) -> Source | None:
        """Return the file of the module that a dotted name refers to in this file."""
        first, _, rest = dotted.partition(".")
        module, name = self._imports.get(first, ("", ""))
        if not module or depth > _MAX_DEPTH:
            return None
        within = ".".join(each for each in (name, rest) if each)
        whole = module + ("." if within and not module.endswith(".") else "") + within
        if (file := self._file_of(whole)) is not None:
            return file
        package = self._file_of(module) if within else None  # which may have imported it
        return package._module(within, depth + 1) if package is not None else None  # noqa: SLF001 - of this file

    def _file_of(self, module: str) -> Source | None:
        if module not in self._files:
            self._files[module] = self._open(module)
        return self._files[module]

    def _open(self, module: str) -> Source | None:
        """Return the file of a module, where it lies in the folder or package of the first file."""
        level = len(module) - len(module.lstrip("."))
        pieces = [piece for piece in module.split(".") if piece]
        for start in self._path.parents[level - 1 : level] if level else _import_roots(self._folder):
            stem = start.joinpath(*pieces)
            for path in (stem.parent / f"{stem.name}.py", stem / "__init__.py"):
                if path.is_file():
                    return Source(path, self._folder)
        return None


def _import_roots(folder: Path) -> Iterator[Path]:
    """Yield the folders in which a module's full name may begin: for a package, also its parents.

    A package may lack an `__init__.py`, so the parent folder is always one of them.
    """
    yield folder
    yield folder.parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
        yield folder.parent


def _merged(literals: list[Literal | None]) -> Literal:
    """Return the result of `{**a, **b}`; a key of `a` that `b` replaces is no duplicate."""
    merged = Literal()
    for literal in literals:
        if literal is None:
            merged.is_whole = False
        else:
            merged.keys.update(literal.keys)
            merged.duplicate_keys += literal.duplicate_keys
            merged.is_whole &= literal.is_whole
    return merged
