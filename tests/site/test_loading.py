"""`load`: the app of a site from what the user typed, in one file or in several."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fanlight import App
from fanlight.site.finding import LoadError, typed_folder
from fanlight.site.loading import load
from fanlight.testing import Client

HOME = 'def index():\n    return "home"\n'
URLS = 'URLS = {"/": index}\n'
RELATIVE = f"from .views import index\n{URLS}"
ABSOLUTE = f"from pkg.views import index\n{URLS}"


@pytest.fixture(autouse=True)
def _own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Change into an empty folder, and afterwards forget the modules that were imported from it."""
    monkeypatch.chdir(tmp_path)
    modules, path = dict(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]
    sys.modules.update(modules)
    importlib.invalidate_caches()


def write(**files: str) -> None:
    for name, text in files.items():
        path = Path(name.replace("__", "/").replace("/init/", "/__init__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    importlib.invalidate_caches()


def home(app: App) -> str:
    """Return the text of the first route; nothing needs to be served for that."""
    view = app.table.routes[0].view
    assert callable(view)
    return str(view())


PACKAGE = {"pkg__init__": "", "pkg__views": HOME}


@pytest.mark.parametrize(
    "main", [RELATIVE, ABSOLUTE, f"from views import index\n{URLS}", f"import pkg.views\n{HOME}{URLS}"]
)
@pytest.mark.parametrize(
    "typed", ["pkg", "pkg/", "pkg/main.py", "pkg.main", "./pkg/main.py", "main.py", "main", ".", "../pkg"]
)
@pytest.mark.parametrize("marked", [True, False], ids=["marked", "unmarked"])
def test_a_site_in_a_package_is_found_from_above_and_inside(typed: str, main: str, *, marked: bool) -> None:
    """By file, folder or module; relative imports work, and the folder needs no `__init__.py`."""
    files = {"pkg__views": HOME, "pkg__main": main} | ({"pkg__init__": ""} if marked else {})
    write(**files)
    if typed.startswith(("main", "..")) or typed == ".":
        os.chdir("pkg")
    app = load(typed)
    assert "home" in home(app)
    assert app.file.name == "main.py"
    if marked or main in (RELATIVE, ABSOLUTE):
        assert "pkg.main" in sys.modules


@pytest.mark.parametrize(("typed", "folder"), [("pkg.main", "."), ("pkg/main.py", "pkg"), ("pkg", "pkg")])
def test_the_folder_that_a_site_works_in(typed: str, folder: str, tmp_path: Path) -> None:
    """That of its file, as when Python runs it; of the command, for a module of a package, as with `python -m`."""
    write(pkg__init__="", pkg__main=f"{HOME}{URLS}")
    load(typed)
    assert Path.cwd() == tmp_path / folder


def test_nested_packages_are_one_package(tmp_path: Path) -> None:
    """`from ..shared import x` works wherever the site is in the package, with or without `__init__.py`."""
    write(
        shop__init__="",
        shop__web__init__="",
        shop__views=HOME,
        shop__web__main=f"from ..views import index\n{URLS}",
        bare__web__main=f"from ..views import index\nfrom bare.views import index\n{URLS}",
        bare__views=HOME,
    )
    assert "home" in home(load("shop/web/main.py"))
    os.chdir(tmp_path)
    assert "home" in home(load("bare.web.main"))
    assert {"shop.web.main", "bare.web.main"} <= set(sys.modules)


def test_a_package_may_make_its_app_in_its_init(tmp_path: Path) -> None:
    """Without a main.py, the `__init__.py` of a package is the site; one that imports its main is imported once."""
    write(pkg__init__="from .views import index\nfrom fanlight import App\napp = App({'/': index})", pkg__views=HOME)
    assert "home" in home(load("pkg"))
    os.chdir(tmp_path)
    write(once__init__="from .main import app", once__main=f"from fanlight import App\n{HOME}{URLS}app = App(URLS)")
    assert load("once") is sys.modules["once"].app
    assert sys.modules["once.main"].app is sys.modules["once"].app


FACTORY = f"""
from fanlight import App
{HOME}
site = App({{"/": index}})
ROUTES = {{"/": index}}

def make_app(greeting="hello"):
    return App({{"/": index}})

def needs(config):
    return make_app()

async def later():
    return make_app()

def hidden_later():
    return later()

def nothing():
    return None

def number():
    return 7

def breaks():
    return 1 / 0

def make_table():
    return ROUTES

class Sites:
    main = site
    make = make_app
"""


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "main:site",
            "main.py:site",
            "main:make_app",
            "main:ROUTES",
            "main:Sites.main",
            "pkg:make_app",
            "./main.py:site",
        ),
        *("main:make_app()", "main.py:make_app()", "pkg:make_app()", "pkg/__init__.py:make_app()", "main:Sites.make()"),
        *(
            "both:create()",
            "both.main:other()",
            "both/main.py:other",
            "both:other()",
            "both/:create",
            "main:make_table()",
        ),
    ],
)
def test_another_name_is_given_behind_a_colon(typed: str) -> None:
    """An app, a table, or a factory may have any name, given behind a colon."""
    in_init = f"from fanlight import App\n{HOME}def create():\n    return App({{'/': index}})"
    write(main=FACTORY, pkg__init__=FACTORY, both__init__=in_init, both__main=in_init.replace("create", "other"))
    assert "home" in home(load(typed))


def test_main_py_goes_before_the_package(tmp_path: Path) -> None:
    """Of a package that is given by its folder, a name is that of its main.py; the module itself has only its own."""
    app = "from fanlight import App\nsite = App({'/': '%s'})\n"
    write(pkg__init__=app % "init" + "only = site", pkg__main=app % "main")
    assert load("pkg:site").table.routes[0].view == "main"
    os.chdir(tmp_path)
    assert load("pkg:only").table.routes[0].view == "init"
    os.chdir(tmp_path)
    with pytest.raises(LoadError, match=r"there is no only in main\.py$"):
        load("pkg/main.py:only")
    os.chdir(tmp_path)
    with pytest.raises(LoadError, match=r"there is no onyl in main\.py or __init__\.py; did you mean only\?$"):
        load("pkg:onyl()")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("main:nowhere", "there is no nowhere in main.py"),
        ("main:mak_app()", "there is no mak_app in main.py; did you mean make_app?"),
        *(
            (f"main:{name}{call}", message)
            for call in ("", "()")
            for name, message in (
                ("needs", "needs in main.py takes config; the function is called without arguments; give them"),
                ("later", "later in main.py is async; write def, and await in the lifespan"),
                ("hidden_later", "hidden_later in main.py is async; write def"),
                ("nothing", "nothing() returned None; did you forget `return app`?"),
                ("number", "number() is a int, not an App"),
                ("breaks", "main.py can't be imported:"),
            )
        ),
        ("main:make_app('x')", "make_app is called without arguments: write main:make_app(), and give its parameters"),
        ("main:make_app(\n)", "make_app is called without arguments"),
        ("main:site()", "main:site is a App, not a function; write main:site without parentheses"),
        ("main:ROUTES()", "main:ROUTES is a dict, not a function; write main:ROUTES without parentheses"),
        ("main:HOME", "main:HOME is a str, not an App"),
        ("main", "main has neither `app` nor `URLS`, but it has site: write main:site"),
        ("makes.py", "makes.py has neither `app` nor `URLS`, but it has create_app: write makes.py:create_app"),
        ("other.py", "`app` in other.py is a dict, not an App; write it, for example"),
        ("listed.py", "URLS in listed.py is a list, not a dict"),
        ("mian", "there is no module mian, neither mian.py nor mian/main.py; did you mean main?"),
        ("pkg.mian", "there is no module pkg.mian, neither pkg/mian.py nor pkg/mian/main.py; did you mean pkg.main?"),
        ("empty", "there is no main.py in empty, and no `app` or `URLS` in its __init__.py; write it, for example"),
        ("bare", "there is no bare/main.py; did you mean bare/things.py?"),
        ("a.txt", "a.txt is not a Python file"),
        ("my-site/main.py", "imports from my-site as a package, but a package name can't contain '-'; rename"),
        ("pkg/a-b.py", "a-b.py is in a package, but its name can not be imported"),
        ("wrong.py", "wrong.py can't be imported:\n\nZeroDivisionError: division by zero\n  wrong.py:1 in <module>"),
        ("broken.py", "broken.py:2 is not valid Python: '(' was never closed\n\n"),
        ("loose/main.py", "main.py can't be imported; if loose is a package, put an empty __init__.py into it:\n\n"),
    ],
)  # fmt: skip
def test_what_is_not_a_site_is_refused_with_a_hint(typed: str, message: str) -> None:
    """Each way to name nothing, or the wrong thing, is refused with what was meant."""
    write(
        main=FACTORY + "HOME = 'x'",
        makes=f"from fanlight import App\n{HOME}def create_app():\n    return App({{'/': index}})\n",
        other="app = {}",
        listed="URLS = []",
        pkg__init__="",
        pkg__main=HOME + URLS,
        bare__things="",
        empty__init__="",
        wrong="1/0",
        broken="x = 1\ny = (",
        loose__main="import views",
        loose__views="from .main import index",
        **{"my-site__x": HOME, "my-site__main": f"from .x import index\n{URLS}", "pkg__a-b": HOME + URLS},
    )
    Path("a.txt").write_text("")
    with pytest.raises(LoadError) as caught:
        load(typed)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["fanlight", "json", "types", "logging", "calendar", "time", "site"])
def test_a_site_with_the_name_of_a_module_is_refused(name: str) -> None:
    """Before it is imported, so that Python's module stays what it is."""
    write(**{name: HOME + URLS})
    before = sys.modules.get(name)
    with pytest.raises(LoadError, match=rf"^{name}\.py has the name of a module of Python or Fanlight, .* main\.py"):
        load(f"{name}.py")
    assert sys.modules.get(name) is before


@pytest.mark.parametrize("name", ["calendar", "json", "secrets", "fanlight", "jinja2", "email__init__", "_strptime"])
def test_a_file_that_would_hide_a_module_is_refused(tmp_path: Path, name: str) -> None:
    """A file or package beside the site, or beside the package of the site, is reported before anything is imported."""
    home = tmp_path / "home"
    home.mkdir()
    os.chdir(home)
    write(**{name: "1/0", "main": "1/0", "pkg__init__": "", "pkg__main": "1/0"})
    taken = name.partition("__init__")[0].rstrip("_") if "__init__" in name else f"{name}.py"
    package = rf"; or make home a package, .*`from \.{taken.removesuffix('.py')} import"
    for typed, hint in (("main.py", package), ("pkg", "$")):
        with pytest.raises(LoadError, match=rf"^{taken} has the name of .*: rename {taken}{hint}"):
            load(typed)
    os.chdir("pkg")
    with pytest.raises(LoadError, match=rf"^{home}/{taken} has the name of"):
        load("main.py")


@pytest.mark.parametrize(
    "name", ["test__init__", "time", "site", "json__views", "venv__x", "test", "turtle", "click", "this"]
)
def test_a_file_that_hides_nothing_may_have_any_name(name: str) -> None:
    """Built-in modules come first, a folder that is no package comes last, and some modules no one imports."""
    write(**{name: "1/0", "main": HOME + URLS})
    assert "home" in home(load("main.py"))


@pytest.mark.parametrize("how", ["import time\ntime.index", "from time import index", "from site import index\n"])
def test_a_file_that_is_not_imported_is_named(how: str) -> None:
    """A module of the site that Python's own module hides: the error says what to rename."""
    write(time=HOME, site=HOME, main=f"{how}\n{URLS}")
    with pytest.raises(
        LoadError, match=r"main\.py can't be imported; (time|site) is a module of Python.*: rename \1\.py:"
    ):
        load("main.py")


@pytest.mark.parametrize("folder", ["site", "json", "calendar", "click"])
@pytest.mark.parametrize("marked", [True, False], ids=["marked", "unmarked"])
def test_a_folder_with_the_name_of_a_module_hides_none(tmp_path: Path, folder: str, *, marked: bool) -> None:
    """A site in `site/` or `json/` is served, with its relative imports, and Python's modules are what they were."""
    known = importlib.import_module(folder)
    write(**{f"{folder}__views": HOME, f"{folder}__main": RELATIVE} | ({f"{folder}__init__": ""} if marked else {}))
    assert "home" in home(load(f"{folder}/main.py"))
    assert sys.modules.get(folder) is known
    module = importlib.import_module(folder)
    assert not Path(module.__file__ or "").is_relative_to(tmp_path)
    assert importlib.import_module("json") is json


def test_a_folder_named_like_a_module_of_python_is_no_package() -> None:
    """`from site.views import index` can't work; the message names an import that does."""
    write(site__init__="", site__main="from site.views import index", site__views=HOME)
    with pytest.raises(LoadError, match=r"site is also a module of Python: rename the folder, or write `from .views"):
        load("site")


def test_a_file_with_the_name_of_a_library_does_not_replace_it() -> None:
    """A module that is imported already is not replaced."""
    click = importlib.import_module("click")
    write(click=HOME + URLS)
    assert "home" in home(load("click.py"))
    assert sys.modules["click"] is click


def test_the_traceback_of_a_site_shows_no_frame_of_fanlight(tmp_path: Path) -> None:
    """The traceback of a failing import begins in the site, whichever of its files fails."""
    write(pkg__init__="1/0", pkg__main=HOME + URLS, main="import other", other="1/0")
    for typed in ("pkg", "main"):
        os.chdir(tmp_path)
        with pytest.raises(LoadError) as caught:
            load(typed)
        text = str(caught.value)
        assert "ZeroDivisionError" in text
        assert "fanlight" not in text
        assert "importlib" not in text


def test_modules_of_python_are_not_hidden_by_those_of_a_package() -> None:
    """A package may have a `types.py` or a `calendar.py`: `import types` still imports Python's module."""
    write(
        pkg__init__="",
        pkg__calendar=HOME,
        pkg__main=f"from .calendar import index\nimport calendar\ncalendar.month\n{URLS}",
    )
    assert "home" in home(load("pkg"))


def test_the_table_of_a_package_has_its_places() -> None:
    """File and line of each key are reported, also for tables in other modules."""
    write(
        pkg__init__="",
        pkg__blog__init__="",
        pkg__blog__urls=f'{HOME}URLS = {{\n"/blog": index}}\n',
        pkg__main='from pkg import blog\nimport pkg.blog.urls\nURLS = {"/": "x", **blog.urls.URLS}\n',
    )
    app = load("pkg.main")
    places: Mapping[str, str] = {route.pattern: route.place for route in app.table.routes}
    assert places == {"/": "main.py:3", "/blog": "blog/urls.py:4"}


def test_a_whole_traceback_is_a_setting() -> None:
    """With `traceback="full"` the error shows all frames from the file on, as Python does."""
    write(wrong="import json\njson.loads('{')")
    with pytest.raises(
        LoadError, match=r"can't be imported:\n\njson.decoder.JSONDecodeError.*\n  wrong.py:2 in"
    ) as caught:
        load("wrong.py")
    assert isinstance(caught.value.error, ValueError)
    with pytest.raises(
        LoadError, match=r"(?s)can't be imported:\n\nTraceback .*decoder.py.*\njson.decoder.JSONDecodeError"
    ):
        load("wrong.py", traceback="full")


def test_the_table_of_a_factory_has_its_places() -> None:
    """Also where the function that makes the app imports the table, or a part of it."""
    factory = "from fanlight import App\ndef create():\n    from .urls import URLS\n    return App(URLS, errors={})\n"
    urls = 'from fanlight import table\nfrom . import views\nURLS = {"/": "Hi",\n"/a": table(views.MORE, name="a")}\n'
    write(pkg__init__=factory, pkg__urls=urls, pkg__views=f'{HOME}MORE = {{\n"/b": index}}\n')
    places = {route.pattern: route.place for route in load("pkg:create()").table.routes}
    assert places == {"/": "urls.py:3", "/a/b": "views.py:4"}


TEMPLATES = """
from fanlight import Templates, render
TEMPLATES = Templates("pages", globals={"shop": "Tea"})
ERRORS = {404: "lost.html"}
def index(): return render("home.html")
URLS = {"/": index}
"""


def test_a_file_without_an_app_names_its_templates() -> None:
    """`TEMPLATES` is what `App(templates=...)` would be: a folder, or Templates."""
    write(main=TEMPLATES)
    Path("pages").mkdir()
    for name in ("home", "lost"):
        Path(f"pages/{name}.html").write_text(f"{name}: {{{{ shop }}}}")
    with Client(load("main.py")) as client:
        assert [client.get(path).text for path in ("/", "/none")] == ["home: Tea", "lost: Tea"]


@pytest.mark.parametrize("typed", ["current/main.py", "current", "current/main.py:app", "current/"])
def test_the_folder_that_was_typed_is_that_of_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    """A site behind a link to a release is known by the link, however it is named."""
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "main.py").write_text('URLS = {"/": "home"}\n')
    (tmp_path / "current").symlink_to("releases")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    assert typed_folder(typed) == tmp_path / "current"
    assert typed_folder(tmp_path / typed) == tmp_path / "current"
