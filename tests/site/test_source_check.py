"""Calls in a site's own files that can only fail, found before the port opens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from fanlight.errors import SetupError
from fanlight.site.loading import load
from fanlight.site.source_check import site_modules

Found = Callable[..., list[str]]
TABLE = 'URLS = {"/": home, "/posts/{slug}": post, "/static": Static("static")}\n'
START = """\
import fanlight
from fanlight import App, Request, Static, render

def home():
    return "home"

def post(slug):
    return slug

def hidden():
    return "no route"

"""
LINES = START.count("\n")


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Found]:
    """Return a function that loads a site with some more lines, and returns its mistakes, one line each."""
    monkeypatch.chdir(tmp_path)
    before, path = dict(sys.modules), list(sys.path)

    def check(lines: str, *, table: str = TABLE, **files: str) -> list[str]:
        (tmp_path / "static").mkdir()
        (tmp_path / "static" / "app.css").write_text("")
        (tmp_path / "templates").mkdir()
        (tmp_path / "templates" / "home.html").write_text("<p>home")
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        (tmp_path / "main.py").write_text(f"{START}{lines}\n{table}")
        try:
            load("main.py")
        except SetupError as error:
            return ["; ".join((each.message, *each.places, each.hint)) for each in error.mistakes]
        return []

    yield check
    sys.path[:] = path
    for name in sys.modules.keys() - before.keys():
        if getattr(sys.modules[name], "__file__", "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        ('def v(): return render("hom.html")', 'render() names the template "hom.html", which does not exist'),
        ('def v(): return fanlight.render("hom.html")', 'the template "hom.html", which does not exist'),
        ('def v(request): request.url_for("hoem")', 'no view in URLS is named "hoem"'),
        ('def v(r: Request): r.url_for("hoem")', 'no view in URLS is named "hoem"'),
        ('def v(r: "Request"): r.url_for("hoem")', 'no view in URLS is named "hoem"'),
        ("def v(request): request.url_for(hidden)", "hidden has no route"),
        ("def v(request): request.url_for(post)", "the URL of post is /posts/{slug}"),
        ("def v(request, x): request.url_for(post, slg=x)", 'did you mean "slug" by "slg"?'),
        ('def v(request): request.url_for("post", slug="")', "slug='' does not fit /posts/{slug}"),
        ('def v(request): request.asset("ap.css")', 'there is no asset "ap.css"'),
        ('async def v(request):\n  return [request.url_for("hoem") for _ in "x"]', 'named "hoem"'),
        ('class Views:\n  def v(self, request): request.url_for("hoem")', 'named "hoem"'),
    ],
)
def test_a_call_that_can_only_fail_is_found(found: Found, lines: str, mistake: str) -> None:
    """A literal name of a template, view or asset that does not exist is a mistake, with its line."""
    (line,) = found(lines)
    assert mistake in line
    assert f"main.py:{LINES + lines.count(chr(10)) + 1}; " in line


def test_the_closest_name_is_suggested(found: Found) -> None:
    """Each mistake says what was probably meant."""
    lines = 'def v(request): return render("hom.html"), request.url_for("hoem"), request.asset("ap.css")'
    assert [line.rpartition("; ")[2] for line in found(lines)] == [
        'did you mean "home.html"?',
        'did you mean "home"?',
        'did you mean "app.css"?',
    ]


@pytest.mark.parametrize(
    "lines",
    [
        'def v(): return render("home.html")',
        'def v(request): request.url_for("post", slug="x"), request.url_for(home), request.asset("app.css")',
        'def v(request, x): request.url_for("post", slug=x)',
        'def v(request, x): request.url_for(home, query=x, fragment="top")',
        "def v(request, **parts): request.url_for(post, **parts)",
        "def v(request, *parts): request.url_for(*parts)",
        "def v(request, name): return render(name), request.url_for(name), request.asset(name)",
        'def v(name): return render(f"{name}.html")',
        'def v(render): return render("hom.html")',
        'def v():\n  from other import render\n  render("hom.html")',
        'def v():\n  render = print\n  return lambda: render("hom.html")',
        'def v():\n  try: pass\n  except ValueError as render: render("hom.html")',
        "def v(hidden, request): request.url_for(hidden)",
        'def v(request):\n  request = other()\n  request.url_for("hoem")',
        'def v(routes): routes.url_for("hoem")',
        'class render:\n  pass\ndef v(): render("hom.html")',
        "def v(request): match = request.url_for(nowhere)",
    ],
)
def test_what_may_be_right_is_left_alone(found: Found, lines: str) -> None:
    """Names that are right, computed, or bound by a function itself are no mistakes."""
    assert found(lines) == []


def test_a_call_of_the_app_itself_is_checked(found: Found) -> None:
    """`app.url_for` and `app.asset` of the app that is loaded are checked."""
    table = TABLE.replace("URLS = ", "app = App(").replace("\n", ")\n")
    lines = 'def v(): app.url_for("hoem"), app.asset("ap.css"), app.url_for("home")'
    assert [line.partition("; ")[0] for line in found(lines, table=table)] == [
        'no view in URLS is named "hoem"',
        'there is no asset "ap.css"',
    ]


def test_in_a_site_of_several_apps_nothing_is_checked(found: Found) -> None:
    """A name may be that of another app."""
    table = TABLE.replace("URLS = ", "app = App(").replace("\n", ')\nadmin = App({"/admin": hidden})\n')
    assert found("def v(request): request.url_for(hidden)", table=table) == []


def test_urls_in_templates_are_checked(found: Found) -> None:
    """A template that the site names, and that names no view, is a mistake of a site with one app."""
    write = """Path('templates/home.html').write_text('{{ url_for("hoem") }}')"""
    lines = f"from pathlib import Path\ndef v(): return render('home.html')\n{write}"
    (line,) = found(lines)
    assert line == 'no view in URLS is named "hoem"; templates/home.html:1; did you mean "home"?'


def test_only_imported_files_of_the_site_are_checked(found: Found) -> None:
    """A module that the site imports is checked, a file beside it is not."""
    wrong = 'from fanlight import render\ndef v(): render("hom.html")\n'
    (line,) = found("import views", views=wrong, unused=wrong)
    assert line.split("; ")[1] == "views.py:2"


def test_installed_packages_and_hidden_folders_are_left_alone(tmp_path: Path) -> None:
    """Only the site's own files are looked at, wherever its libraries lie, and not those of Fanlight."""
    modules = {}
    for name, path in {
        "views": "views.py",
        "shop.views": "shop/views.py",
        "jinja2": ".venv/lib/python3/site-packages/jinja2/__init__.py",
        "hidden": ".cache/hidden.py",
        "fanlight.errors": "src/fanlight/errors.py",
        "compiled": "compiled.so",
    }.items():
        modules[name] = ModuleType(name)
        modules[name].__file__ = str(tmp_path / path)
    modules["builtin"] = ModuleType("builtin")
    assert [each.__name__ for each in site_modules(modules, tmp_path)] == ["views", "shop.views"]


@pytest.mark.parametrize("value", ['"Hello"', 'render("home.html")'])
def test_a_view_that_is_called_in_the_table_is_found(found: Found, value: str) -> None:
    """`home()` for `home` sends the same page to every visitor; a table that a function returns is fine."""
    lines = f"def page(): return {value}\ndef table(): return {{'/': home}}"
    (line,) = found(lines, table='URLS = {"/page": page(), "/other": "x", "/table": table()}')
    assert line == (
        'page() is called at "/page", so every visitor gets the page it returned at the start'
        f"; main.py:{LINES + 3}; write page without parentheses"
    )
