"""The rules of the house, checked by reading the code. Each rule is also shown to fail where it should."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import fanlight

REPOSITORY = Path(__file__).parents[2]
ROOT = REPOSITORY / "src" / "fanlight"

# The rooms that each room may import from; errors imports nothing.
ROOMS = {
    "errors": set(),
    "bootstrap": set(),
    "tracebacks": {"errors", "lazy_pattern", "closest_name"},
    "authority": set(),
    "closest_name": set(),
    "foreign_names": set(),
    "lazy_logger": set(),
    "lazy_pattern": set(),
    "version": set(),
    "reason_phrases": set(),
    "syntax_tree": set(),
    "weakness": set(),
    "settings": {"errors", "lazy_pattern", "closest_name", "authority"},
    "signing": {"errors", "settings"},
    "stores": {"errors", "settings"},
    "wire": {"errors", "reason_phrases"},
    "message": {"errors", "lazy_pattern", "closest_name", "foreign_names", "weakness"},
    "compression": {"errors", "closest_name", "weakness", "message"},
    "foreign": {"errors", "lazy_pattern", "message"},
    "routing": {"errors", "lazy_pattern", "closest_name", "syntax_tree", "authority"},
    "pages": {"errors", "lazy_logger", "lazy_pattern", "closest_name", "reason_phrases", "message", "compression"},
    "binding": {"errors", "lazy_pattern", "closest_name", "message"},
    "passwords": {"errors", "settings", "message"},
    "services": {"message", "signing", "stores"},
    "protection": {
        "errors",
        "lazy_logger",
        "lazy_pattern",
        "closest_name",
        "weakness",
        "message",
        "services",
        "stores",
    },
    "openapi": {"errors", "reason_phrases", "syntax_tree", "message", "routing", "pages", "binding"},
    "sessions": {"errors", "lazy_pattern", "weakness", "message", "services", "signing", "stores", "protection"},
    "app": {
        *("errors", "weakness", "message", "compression", "routing", "pages", "binding", "services", "protection"),
        "lazy_logger",
        "authority",
        "lazy_pattern",
        "syntax_tree",
        "openapi",
        "foreign",
        "sessions",
    },
    "topics": {"errors", "settings", "message"},
    "server": {
        *("errors", "bootstrap", "lazy_logger", "lazy_pattern", "tracebacks", "settings", "wire", "message"),
        "topics",
    },
    "hosted": {"errors", "reason_phrases", "settings", "message", "wire", "server"},
    "site": {
        "errors",
        "hosted",
        "syntax_tree",
        "bootstrap",
        "tracebacks",
        "closest_name",
        "lazy_pattern",
        "foreign",
        "foreign_names",
        "settings",
        "message",
        "compression",
        "pages",
        "binding",
        "services",
        "signing",
        "stores",
        "protection",
        "openapi",
        "app",
        "server",
        "weakness",
        "sessions",
    },
    "opentelemetry": {"message", "server"},
    "testing": {
        "services",
        "closest_name",
        "foreign_names",
        "settings",
        "message",
        "compression",
        "server",
        "sessions",
        "wire",  # its WebSockets write frames
    },
    "devtools": {
        "errors",
        "syntax_tree",
        "closest_name",
        "reason_phrases",
        "settings",
        "wire",
        "message",
        "compression",
        "routing",
        "pages",
        "binding",
        "protection",
        "openapi",
        "app",
        "server",
        "site",
        "tracebacks",
        "version",
    },
    "cli": {
        "errors",
        "bootstrap",
        "tracebacks",
        "closest_name",
        "settings",
        "routing",
        "pages",
        "app",
        "server",
        "site",
        "devtools",
        "message",
        "testing",
        "signing",
        "stores",
        "weakness",
        "version",
        "wire",  # `--version` says what reads heads
    },
    "__init__": {
        *(
            "errors",
            "bootstrap",
            "foreign",
            "foreign_names",
            "settings",
            "message",
            "compression",
            "pages",
            "binding",
            "openapi",
            "passwords",
            "protection",
            "sessions",
            "site",
            "topics",
        ),
    },
    "__main__": {"bootstrap", "cli"},
}
# The same within `server/`, from the lowest floor up.
SERVER_ROOMS = {
    "io": set(),
    "tls": set(),
    "recording": set(),
    "connection": {"tls"},
    "dispatch": {"io", "connection"},
    "listening": {"io", "tls", "connection"},
    "exchange": {"io", "tls", "recording", "connection", "dispatch"},
    "hub": {"io", "connection", "dispatch", "listening", "exchange"},
    "shutdown": {"io", "recording", "dispatch"},
    "site_topics": set(),
    "server": {"io", "recording", "connection", "listening", "exchange", "hub", "shutdown", "site_topics"},
    "operator": {"recording", "connection", "dispatch", "listening", "hub", "server"},
    "workers": {"io", "recording", "listening", "shutdown", "server", "operator"},
    "start": {"io", "listening", "shutdown", "server", "operator", "workers"},
    "__init__": set(),
}
BANNED = {
    "wire": {"socket", "ssl", "asyncio", "threading", "time", "random", "logging", "select", "selectors"},
    "message": {"asyncio", "socket", "select", "selectors"},
    "routing": {"asyncio", "socket"},
}
MAY_IMPORT = {("message/threads.py", "asyncio")}  # it waits for a thread of whichever loop runs
MOST_LINES, MOST_FUNCTION_LINES, MOST_ARGUMENTS = 400, 60, 6
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc", "core", "shared"}
# The user's code runs here, or a connection is served: no exception may go further.
MAY_CATCH_ALL = {
    "app/call_wrappers.py",
    "app/calls.py",
    "app/guards.py",
    "app/lane_bridges.py",
    "app/context_pages.py",
    "app/error_handlers.py",
    "app/observed_errors.py",
    "binding/fields.py",
    "foreign/asgi_app.py",
    "foreign/wsgi_app.py",
    "cli/shell.py",
    "devtools/reload/dev_worker.py",
    "hosted/hosted_app.py",
    "hosted/wsgi.py",
    "app/middleware.py",
    "binding/open_dependencies.py",
    "devtools/inspector/replay/response_reader.py",  # each codec has errors of its own
    "message/threads.py",
    "pages/pages.py",
    "server/exchange/dispatch.py",
    "server/exchange/exchange.py",
    "server/hub.py",
    "server/io/call_queue.py",
    "server/io/thread_pool.py",
    "server/exchange/stream_writers.py",
    "devtools/debug/debug_page.py",  # a page that can't be made is logged
    "devtools/debug/bounded_repr.py",  # the repr of any value is the site's code
    "tracebacks/report.py",  # the text of an exception is made by the site's code
    "server/recording/own_loggers.py",  # what makes records is the site's
    "server/recording/access_log.py",  # what its entries hold may be of classes of the site, a status for example
    "testing/running.py",
    "devtools/inspector/recorded_arguments.py",  # what was sent can't be read, which is the complaint
    "devtools/inspector/short_values.py",  # the repr of a value is the site's
    "devtools/inspector/recorder.py",  # what it records is the site's, and a store that fails must not end it
    "devtools/inspector/sent_message.py",  # each decoder has exceptions of its own
}


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def files(root: Path = ROOT) -> list[Path]:
    return sorted(root.rglob("*.py"))


def room_of(file: Path, root: Path = ROOT) -> str:
    return file.relative_to(root).parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[str]:
    """Yield every module that a file imports, type-only imports included."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            yield node.module or ""


def wrong_doors(file: Path, root: Path = ROOT) -> list[str]:
    room, wrong = room_of(file, root), []
    for name in imports(file):
        top, _, rest = name.partition(".")
        if top in BANNED.get(room, ()) and (str(file.relative_to(root)), top) not in MAY_IMPORT:
            wrong.append(f"{file.name} imports {name}")
        if top != "fanlight":
            continue
        door = rest.partition(".")[0]
        if door != room and door not in ROOMS[room]:
            wrong.append(f"{file.name} opens {door or 'the front door'}")
    return wrong


def upward_arrows(root: Path = ROOT) -> list[str]:
    """Return the imports within `server/` that its table does not permit."""
    wrong, folder = [], root / "server"
    for file in files(folder):
        room = room_of(file, folder)
        for name in imports(file):
            target = name.removeprefix("fanlight.server.").partition(".")[0]
            if name.startswith("fanlight.server.") and target != room and target not in SERVER_ROOMS[room]:
                wrong.append(f"{file.relative_to(folder)} imports {target}")
    return wrong


def circle(root: Path = ROOT) -> list[str]:
    """Return the modules of one import circle, or nothing."""
    graph = {}
    for file in files(root):
        name = ".".join(("fanlight", *file.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")
        graph[name] = {each for each in imports(file) if each.startswith("fanlight")}
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done or name not in graph:
            return []
        for each in sorted(graph[name]):
            if found := walk(each, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := walk(name, []))), [])


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def too_big(file: Path) -> list[str]:
    found = []
    lines = len(file.read_text().splitlines())
    if lines > MOST_LINES:
        found.append(f"{file.name} has {lines} lines")
    for each in functions(file):
        size = (each.end_lineno or each.lineno) - each.lineno + 1
        if size > MOST_FUNCTION_LINES:
            found.append(f"{file.name}: {each.name} has {size} lines")
        positional = [*each.args.posonlyargs, *each.args.args]
        if len([argument for argument in positional if argument.arg not in ("self", "cls")]) > MOST_ARGUMENTS:
            found.append(f"{file.name}: {each.name} takes too many arguments")
    return found


def catches_all(file: Path) -> bool:
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            is_passed_on = any(isinstance(each, ast.Raise) and each.exc is None for each in ast.walk(node))
            for each in caught:
                if (each is None or (isinstance(each, ast.Name) and each.id in ("Exception", "BaseException"))) and (
                    not is_passed_on
                ):
                    return True
    return False


def test_rooms_open_only_permitted_doors() -> None:
    """Each room imports only the rooms on its list, and no I/O where it has none."""
    assert [wrong for file in files() for wrong in wrong_doors(file)] == []


def test_rooms_have_no_permission_that_they_do_not_use() -> None:
    """Each room on the list of another is imported there: a list says what is, not what may come."""
    used: dict[str, set[str]] = {room: set() for room in ROOMS}
    for file in files():
        doors = {name.split(".")[1] for name in imports(file) if name.startswith("fanlight.")}
        used[room_of(file)] |= doors - {room_of(file)}
    assert used == ROOMS


def test_the_rooms_of_the_server_import_downwards() -> None:
    """Within `server/` each room imports only the rooms on its list, and the list is ordered."""
    assert upward_arrows() == []
    floors = list(SERVER_ROOMS)
    assert [
        (room, each)
        for room, below in SERVER_ROOMS.items()
        for each in below
        if floors.index(each) > floors.index(room)
    ] == []


def test_there_is_no_import_circle() -> None:
    """No module imports itself by way of others, type-only imports included."""
    assert circle() == []


def test_files_and_functions_are_small() -> None:
    """A file has at most 400 lines, a function at most 60, and at most 6 positional arguments."""
    assert [big for file in files() for big in too_big(file)] == []


def test_each_file_opens_with_a_docstring() -> None:
    """The first statement of a file is a docstring."""
    assert [file for file in files() if not ast.get_docstring(tree_of(file))] == []


def test_no_file_has_a_vague_name() -> None:
    """No file is called utils, helpers, common or the like."""
    assert [file for file in files() if NO_NAMES & set(file.relative_to(ROOT).with_suffix("").parts)] == []


def test_every_exception_is_caught_only_at_the_edges() -> None:
    """`except Exception` without a raise occurs only where the user's code is called or a connection is served."""
    assert {str(file.relative_to(ROOT)) for file in files() if catches_all(file)} == MAY_CATCH_ALL


def test_rooms_export_nothing() -> None:
    """Each name is imported from the file that defines it; only `fanlight` and `fanlight.testing` are for users."""
    doors = [file for file in files() if file.name == "__init__.py" and file.parent not in (ROOT, ROOT / "testing")]
    assert [file for file in doors if len(tree_of(file).body) > 1 and file.parent != ROOT / "cli"] == []


def test_every_public_name_is_there() -> None:
    """`from fanlight import NAME` works for each name of `__all__`, which lists what the table of modules has."""
    assert fanlight.__all__ == sorted(fanlight._MODULES)
    assert all(getattr(fanlight, name) is not None for name in fanlight.__all__)


@pytest.mark.parametrize("tag", ["SECURITY", "PERF"])
def test_tagged_comments_name_what_exists(tag: str) -> None:
    """A SECURITY comment names a test that exists, a PERF comment a benchmark that exists."""
    folder = "tests/" if tag == "SECURITY" else "benchmarks/"
    for file in files():
        for line in file.read_text().splitlines():
            if f"# {tag}:" in line:
                named = re.search(rf"({folder}[\w/.-]+\.(?:py|http))", line)
                assert named, f"{file.name}: {line.strip()} names no file of {folder}"
                assert (REPOSITORY / named[1]).exists(), f"{file.name} names {named[1]}, which is not there"


def test_each_test_has_a_docstring() -> None:
    """Every test function has a docstring."""
    tests = [(file, each) for file in sorted((REPOSITORY / "tests").rglob("test_*.py")) for each in functions(file)]
    assert [
        f"{file.name}: {each.name}"
        for file, each in tests
        if each.name.startswith("test_") and not ast.get_docstring(each)
    ] == []


# --- the rules can fail --------------------------------------------------------------------------


def _house(tmp_path: Path, **sources: str) -> Path:
    for name, source in sources.items():
        path = tmp_path / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import socket", "imports socket"),
        ("from fanlight.message import Request", "opens message"),
        ("from fanlight import App", "opens the front door"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fanlight.app import App", "opens app"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, source: str, complaint: str) -> None:
    """Every kind of import of a room that is not on the list is found."""
    house = _house(tmp_path, wire__x=source)
    (wrong,) = wrong_doors(house / "wire" / "x.py", house)
    assert complaint in wrong


def test_an_upward_import_is_found(tmp_path: Path) -> None:
    """An import of a server's room above is found."""
    house = _house(
        tmp_path, server__io__x="from fanlight.server.hub import Hub", server__hub="import fanlight.server.io.x"
    )
    assert upward_arrows(house) == ["io/x.py imports hub"]


def test_an_import_circle_is_found(tmp_path: Path) -> None:
    """Three modules that import each other in turn are a circle."""
    house = _house(
        tmp_path,
        a__x="from fanlight.a.y import y",
        a__y="import fanlight.a.z",
        a__z="from fanlight.a.x import x",
    )
    assert len(circle(house)) == 4


def test_excessive_sizes_are_found(tmp_path: Path) -> None:
    """A long file, a long function and a long list of arguments are each found."""
    body = "\n".join(["    pass"] * 61)
    house = _house(tmp_path, x=f"def f(a, b, c, d, e, f, g):\n{body}\n" + "\n" * 400)
    assert len(too_big(house / "x.py")) == 3


@pytest.mark.parametrize("handler", ["except Exception:", "except:", "except (OSError, BaseException):"])
def test_a_broad_except_is_found(tmp_path: Path, handler: str) -> None:
    """Every way to catch all exceptions is found, unless it raises again."""
    house = _house(tmp_path, x=f"try:\n    pass\n{handler}\n    pass", y=f"try:\n    pass\n{handler}\n    raise")
    assert catches_all(house / "x.py")
    assert not catches_all(house / "y.py")
