"""The file in which URLS is written: which line each key is on, and what is written twice."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import Mistake, SetupError
from fanlight.routing.build import build
from fanlight.routing.source import Source


@pytest.fixture(autouse=True)
def _own_modules() -> Iterator[None]:
    """Forget the modules that a test's files imported."""
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def load(folder: Path, main: str, **others: str) -> tuple[Mapping[str, object], Source]:
    """Write files, run main.py, and return its URLS and its source."""
    for name, text in {"main": main, **others}.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    sys.path.insert(0, str(folder))
    space: dict[str, object] = {"__name__": "main"}
    exec(compile((folder / "main.py").read_text(encoding="utf-8"), "main.py", "exec"), space)
    urls = space["URLS"]
    assert isinstance(urls, Mapping)
    return urls, Source(folder / "main.py")


def places(folder: Path, main: str, **others: str) -> dict[str, str]:
    """Return the place of each pattern."""
    urls, source = load(folder, main, **others)
    return {route.pattern: route.place for route in build(urls, source=source).routes}


def mistakes(folder: Path, main: str, **others: str) -> tuple[Mistake, ...]:
    """Return what is wrong with the files' table."""
    urls, source = load(folder, main, **others)
    with pytest.raises(SetupError) as caught:
        build(urls, source=source)
    return caught.value.mistakes


FLAT = """
URLS = {
    "/": "index",
    "/blog": {
        "/": "blog", "/{slug}": "post",
        "/x": {"/y": "deep"},
    },
}
"""
NAMED = """
other = {"/": 1}
blog = {
    "/": "blog",
    "/{slug}": "post",
}
more: dict[str, str] = {
    "/more": "more",
}
URLS = {
    **more,
    "/blog": blog,
    **{"/inline": "inline"},
}
"""
MERGED = """
first = {"/a": "1"}
URLS = first | {
    "/b": "2",
} | {"/c": "3"}
"""
CALLED = """
def App(urls, **options):
    return urls

URLS = App({
    "/a": "1",
    "/b": {
        "/c": "2",
    },
})
"""
WRAPPED = """
def nested(table):
    return dict(table)

URLS = {
    "/a": "1",
    "/b": nested({
        "/c": "2",
        "/d": "3",
    }),
}
"""
GROWN = """
URLS = {
    "/a": "1",
    "/b": "2",
}
URLS["/c"] = {"/" + "d": "3"}
"""
EXTENDED = """
URLS: dict[str, object] = {"/a": "1"}
URLS |= {
    "/b": "2",
}
URLS.update({"/c": "3"})
URLS["/d"] = "4"
URLS["/e"] = {
    "/f": "5",
}
"""
FOUND = [
    (FLAT, {"/": 3, "/blog": 5, "/blog/{slug}": 5, "/blog/x/y": 6}),
    (NAMED, {"/more": 8, "/blog": 4, "/blog/{slug}": 5, "/inline": 13}),
    (MERGED, {"/a": 2, "/b": 4, "/c": 5}),
    (CALLED, {"/a": 6, "/b/c": 8}),
    (WRAPPED, {"/a": 6, "/b/c": 8, "/b/d": 9}),
    (EXTENDED, {"/a": 2, "/b": 4, "/c": 6, "/d": 7, "/e/f": 9}),
]


@pytest.mark.parametrize(("main", "lines"), FOUND, ids=["flat", "named", "merged", "called", "wrapped", "extended"])
def test_each_key_is_found_on_its_line(tmp_path: Path, main: str, lines: dict[str, int]) -> None:
    """Keys are found in literals, through names, `**`, `|` and calls, at any depth."""
    assert places(tmp_path, main) == {pattern: f"main.py:{line}" for pattern, line in lines.items()}


def test_a_key_that_is_added_later_has_no_line(tmp_path: Path) -> None:
    """A key that is in no literal is shown by its name, and the others by their lines."""
    assert places(tmp_path, GROWN) == {"/a": "main.py:3", "/b": "main.py:4", "/c/d": "URLS['/c']['/d']"}


COMPUTED = """
NAME = "x"
def make():
    return {"/made": "1"}

class Room:
    URLS = {"/in/class": "2"}

URLS = {
    "/": "index",
    f"/{NAME}": "computed",
    **make(),
    **Room.URLS,
    "/y" "/z": "joined",
    "/deep": make(),
    "/w": "w",
}
"""


def test_what_only_running_would_tell_has_no_line(tmp_path: Path) -> None:
    """Computed keys and tables are shown by their names, unless their literal is found."""
    assert places(tmp_path, COMPUTED) == {
        "/": "main.py:10",
        "/x": "URLS['/x']",
        "/made": "URLS['/made']",
        "/in/class": "URLS['/in/class']",
        "/y/z": "main.py:14",
        "/deep/made": "main.py:4",
        "/w": "main.py:16",
    }


IMPORTS = [
    ("from blog import URLS as BLOG", "BLOG", "blog"),
    ("import blog", "blog.URLS", "blog"),
    ("import blog as b", "b.URLS", "blog"),
    ("from rooms import blog", "blog.URLS", "rooms/blog"),
    ("from rooms.blog import URLS as BLOG", "BLOG", "rooms/blog"),
    ("import rooms.blog", "rooms.blog.URLS", "rooms/blog"),
    ("from rooms import URLS as BLOG", "BLOG", "rooms/__init__"),
]


@pytest.mark.parametrize(("statement", "name", "module"), IMPORTS, ids=[row[0] for row in IMPORTS])
def test_imported_tables_are_found_in_their_files(tmp_path: Path, statement: str, name: str, module: str) -> None:
    """A table from a file beside the main one is shown with that file's name and line."""
    main = f'{statement}\nURLS = {{"/": "index", "/blog": {name}}}\n'
    found = places(tmp_path, main, **{module: '\nURLS = {"/": "blog", "/x": "x"}\n'})
    assert found == {"/": "main.py:2", "/blog": f"{module}.py:2", "/blog/x": f"{module}.py:2"}


def test_imports_are_followed_through_a_package(tmp_path: Path) -> None:
    """A file in a package imports its neighbours by dots or by the full name, and may pass names on."""
    files = {
        "site_x/__init__": "",
        "site_x/main": """
            from . import shop
            from .blog import BLOG
            from site_x.about import ABOUT
            URLS = {"/blog": BLOG, "/shop": shop.URLS, **ABOUT}
        """,
        "site_x/blog": "from site_x.posts import POSTS as BLOG\n",
        "site_x/posts": '\n\nPOSTS = {"/": "1"}\n',
        "site_x/shop/__init__": 'URLS = {"/": "2"}\n',
        "site_x/about": '\nABOUT = {"/about": "3"}\n',
    }
    urls, _ = load(tmp_path, "from site_x.main import URLS", **files)
    table = build(urls, source=Source(tmp_path / "site_x" / "main.py"))
    assert {route.pattern: route.place for route in table.routes} == {
        "/blog": "posts.py:3",
        "/shop": "shop/__init__.py:1",
        "/about": "about.py:2",
    }


def test_a_file_outside_the_folder_is_shown_by_its_name(tmp_path: Path) -> None:
    """A table imported from a parent package is found, and shown by its file's name."""
    files = {
        "up_x/__init__": "",
        "up_x/tables": 'TABLE = {"/": "1"}\n',
        "up_x/more/__init__": "",
        "up_x/more/main": "from ..tables import TABLE\nfrom up_x.tables import TABLE as AGAIN\n"
        'from .nothing_here import *\nURLS = {"/a": TABLE, "/b": AGAIN}\n',
        "up_x/more/nothing_here": "",
    }
    urls, _ = load(tmp_path, "from up_x.more.main import URLS", **files)
    table = build(urls, source=Source(tmp_path / "up_x" / "more" / "main.py"))
    assert [route.place for route in table.routes] == ["tables.py:1", "tables.py:1"]


PACKAGE = {
    "pkg_y/__init__": "from .inner import tables as others\nfrom .inner.tables import URLS as TABLE",
    "pkg_y/blog/__init__": "",
    "pkg_y/blog/urls": 'URLS = {\n"/blog": "1",\n"/post": "2"}',
    "pkg_y/inner/__init__": "",
    "pkg_y/inner/tables": 'URLS = {"/blog": "1", "/post": "2"}',
    "spaced_y/urls": 'URLS = {"/blog": "1",\n"/post": "2"}',
}


@pytest.mark.parametrize(
    ("main", "blog", "post"),
    [
        ("from pkg_y import blog; import pkg_y.blog.urls\nURLS = {**blog.urls.URLS, X}", "pkg_y/blog/urls.py:2", 3),
        ("import pkg_y.blog.urls\nURLS = {X, **pkg_y.blog.urls.URLS}", "pkg_y/blog/urls.py:2", 3),
        ("import pkg_y.blog.urls as there\nURLS = {X, **there.URLS}", "pkg_y/blog/urls.py:2", 3),
        ("from pkg_y.blog import urls\nURLS = {X} | urls.URLS", "pkg_y/blog/urls.py:2", 3),
        ("import pkg_y\nURLS = {X} | pkg_y.others.URLS", "pkg_y/inner/tables.py:1", 1),
        ("import pkg_y\nURLS = {X} | pkg_y.TABLE", "pkg_y/inner/tables.py:1", 1),
        ("from pkg_y import others as o\nURLS = {X} | o.URLS", "pkg_y/inner/tables.py:1", 1),
        ("import spaced_y.urls\nURLS = {X}\nURLS.update(spaced_y.urls.URLS)", "spaced_y/urls.py:1", 2),
    ],
)
def test_tables_of_packages_that_are_spread_are_found(tmp_path: Path, main: str, blog: str, post: int) -> None:
    """However a module of a package is imported, the keys that come of it have their lines there."""
    found = places(tmp_path, main.replace("X", '"/x": "x"'), **PACKAGE)
    assert found == {"/x": "main.py:2", "/blog": blog, "/post": f"{blog.partition(':')[0]}:{post}"}


@pytest.mark.parametrize("spread", ["**made()", "**{key: '1' for key in ('/a', '/b')}", "**vars(tables)['URLS']"])
def test_what_is_spread_and_can_not_be_found_spoils_no_other_key(tmp_path: Path, spread: str) -> None:
    """A literal key has its line, though most of the table is computed at run time."""
    main = f"""
    import tables
    def made():
        return {{"/a": "1", "/b": "2", "/c": "3"}}
    URLS = {{
        "/x": "x",
        {spread},
    }}
    """
    found = places(tmp_path, main, tables='URLS = {"/a": "1", "/b": "2"}')
    assert found["/x"] == "main.py:6"
    assert found["/a"] == "URLS['/a']"


def test_a_key_written_twice_is_a_mistake(tmp_path: Path) -> None:
    """Python drops the first of two equal keys silently; both lines are reported."""
    main = """
    URLS = {
        "/": "index",
        "/x": "one",
        "/y": "two",
        "/x": "three",
        "/blog": {
            "/a": "1",
            "/a": "2",
        },
    }
    """
    first, second = mistakes(tmp_path, main)
    assert "written twice" in first.message
    assert '"/x"' in first.message
    assert first.places == ("main.py:4", "main.py:6")
    assert second.places == ("main.py:8", "main.py:9")


def test_a_key_written_twice_in_an_imported_table_is_a_mistake(tmp_path: Path) -> None:
    """Duplicates are found wherever the literal is written."""
    (mistake,) = mistakes(
        tmp_path, 'from blog import B\nURLS = {"/b": B}', blog='B = {"/x": "1",\n"/x": "2", "/y": "3", "/x": "4"}'
    )
    assert mistake.places == ("blog.py:1", "blog.py:2")


def test_a_key_written_twice_in_a_spread_table_is_a_mistake(tmp_path: Path) -> None:
    """Doubles inside `{**name}` and `a | b` are doubles all the same."""
    main = """
    a = {"/x": "1", "/x": "2"}
    b = {
        "/y": "1",
        "/y": "2",
    }
    URLS = {**a, "/z": "3"} | b
    """
    first, second = mistakes(tmp_path, main)
    assert first.places == ("main.py:2",)
    assert second.places == ("main.py:4", "main.py:5")


def test_a_table_of_a_module_that_lies_elsewhere_has_no_line(tmp_path: Path) -> None:
    """Installed packages are not searched for."""
    main = 'from this_is_nowhere import TABLE\nURLS = {"/a": TABLE}\n'
    (tmp_path / "main.py").write_text(main)
    table = build({"/a": {"/b": "1"}}, source=Source(tmp_path / "main.py"))
    assert table.routes[0].place == "URLS['/a']['/b']"


def test_a_key_that_replaces_another_table_s_is_no_mistake(tmp_path: Path) -> None:
    """Whoever writes `{**defaults, "/x": mine}` means it, and the last place counts."""
    main = """
    defaults = {"/x": "1", "/y": "2"}
    URLS = {**defaults,
        "/x": "mine"}
    """
    assert places(tmp_path, main) == {"/x": "main.py:4", "/y": "main.py:2"}


def test_conflicts_name_both_lines(tmp_path: Path) -> None:
    """A conflict between a nested and a flat key names the line of each."""
    main = """
    blog = {
        "/{slug}": "post",
    }
    URLS = {
        "/blog": blog,
        "/blog/{name}": "other",
    }
    """
    (mistake,) = mistakes(tmp_path, main)
    assert mistake.places == ("main.py:3", "main.py:7")
    assert str(mistake).splitlines()[1:3] == ["  at main.py:3", "  at main.py:7"]


UNREADABLE = [
    "",
    "URLS = ",
    "\0",
    "def",
    "URLS = {'/other': 1}",
    "URLS = make()",
    "URLS = URLS",
    "URLS = {'/': 1, '/z': 2}",
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_file_that_holds_no_table_does_no_harm(tmp_path: Path, text: str) -> None:
    """A file that can't be parsed, or is about other tables, leaves the keys without a line."""
    (tmp_path / "main.py").write_text(text)
    table = build({"/": "1", "/x": {"/y": "2"}}, source=Source(tmp_path / "main.py"))
    assert [route.place for route in table.routes] == ["URLS['/']", "URLS['/x']['/y']"]


def test_a_file_that_is_not_there_does_no_harm(tmp_path: Path) -> None:
    """Without its file a table is built all the same."""
    assert build({"/": "1"}, source=Source(tmp_path / "gone.py")).routes[0].place == "URLS['/']"
    assert build({"/": "1"}, source=Source(tmp_path)).routes[0].place == "URLS['/']"


def test_a_small_literal_is_not_taken_for_a_large_table(tmp_path: Path) -> None:
    """A dict that has only a few of the keys is another one, and its lines are not shown."""
    (tmp_path / "main.py").write_text('other = {"/a": 1}\n')
    urls = {"/a": "1", "/b": "2", "/c": "3"}
    assert {route.place for route in build(urls, source=Source(tmp_path / "main.py")).routes} == {
        "URLS['/a']",
        "URLS['/b']",
        "URLS['/c']",
    }


def test_the_table_called_urls_is_preferred(tmp_path: Path) -> None:
    """Of two literals with the same keys, the one named URLS is used."""
    main = """
    a = {"/": "1"}
    URLS = {"/": "2"}
    b = {"/": "3"}
    """
    assert places(tmp_path, main) == {"/": "main.py:3"}


def test_files_that_import_each_other_have_an_end(tmp_path: Path) -> None:
    """Names that lead round in a circle are given up, not followed for ever."""
    (tmp_path / "main.py").write_text("from other import URLS\n")
    (tmp_path / "other.py").write_text("from main import URLS\n")
    assert build({"/": "1"}, source=Source(tmp_path / "main.py")).routes[0].place == "URLS['/']"


def test_an_encoding_cookie_is_understood(tmp_path: Path) -> None:
    """A file is read the way Python reads it."""
    (tmp_path / "main.py").write_bytes('# coding: latin-1\nURLS = {\n"/é": "1"}\n'.encode("latin-1"))
    assert build({"/é": "1"}, source=Source(tmp_path / "main.py")).routes[0].place == "main.py:3"


@given(text=st.text(alphabet="URLS={}'\"/a:,*|()\n 1x.", max_size=40))
def test_no_text_of_a_file_raises(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever a file holds, it gives places or none."""
    path = tmp_path_factory.getbasetemp() / "any.py"
    path.write_text("URLS = {'/a': " + text)
    assert build({"/a": "1"}, source=Source(path)).routes[0].place in {"any.py:1", "URLS['/a']"}
