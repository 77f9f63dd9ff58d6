"""What is wrong with a folder in URLS, or with an asset, is reported before the port opens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fanlight import App, Static
from fanlight.errors import Mistake, NoSuchURL, SetupError
from fanlight.message.with_middleware import middleware
from fanlight.testing import Client

Wrong = Callable[..., list[Mistake]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a site's folder."""
    site = tmp_path / "site"
    (site / "static" / "css").mkdir(parents=True)
    (site / "static" / "css" / "app.css").write_text("a {}")
    (site / "templates" / "static").mkdir(parents=True)
    (site / "templates" / "home.html").write_text("home")
    (site / ".env").write_text("secret")
    (site / "main.py").write_text("secret = 1")
    return site


@pytest.fixture
def wrong(folder: Path) -> Wrong:
    """Return a function that gives the mistakes of a table."""

    def find(urls: Any, **settings: Any) -> list[Mistake]:
        with pytest.raises(SetupError) as caught:
            App(urls, file=folder / "main.py", **settings)
        return list(caught.value.mistakes)

    return find


def test_a_folder_that_is_not_there(wrong: Wrong) -> None:
    """The message has a suggestion and the place in URLS; once, though a folder has two patterns."""
    (mistake,) = wrong({"/static": Static("statc")})
    assert mistake.message == "Static('statc') does not exist"
    assert mistake.hint == 'did you mean "static"?'
    assert mistake.places == ("URLS['/static']",)


def test_a_folder_that_is_nowhere_near(wrong: Wrong, folder: Path) -> None:
    """Without anything like it, it is to be made."""
    (mistake,) = wrong({"/files": Static("downloads/2026")})
    assert mistake.hint == f"create the folder {folder / 'downloads' / '2026'}"


@pytest.mark.parametrize(
    ("where", "told"),
    [
        (".", "would serve the site's own code"),
        ("..", "would serve the site's own code"),
        ("/", "would serve the site's own code"),
        ("static/..", "would serve the site's own code"),
        ("main.py", "would serve the site's own code"),
        ("templates", "would serve the templates"),
        ("templates/static", "is in the folder of templates"),
        ("templates/home.html", "is in the folder of templates"),
        (".env", "is hidden"),
    ],
)
def test_a_folder_with_what_must_not_be_public(wrong: Wrong, where: str, told: str) -> None:
    """The site's code and its templates are not for visitors, whichever way they are reached."""
    (mistake,) = wrong({"/static": Static(where)})
    assert told in mistake.message


def test_a_link_to_the_site_is_the_site(wrong: Wrong, folder: Path) -> None:
    """Another name makes it no other folder."""
    (folder / "public").symlink_to(".")
    (mistake,) = wrong({"/static": Static("public")})
    assert "would serve the site's own code" in mistake.message


def test_templates_elsewhere_are_looked_after_too(wrong: Wrong, folder: Path) -> None:
    """The folder of templates is the one that the app uses."""
    (folder / "static" / "pages").mkdir()
    (mistake,) = wrong({"/static": Static("static")}, templates="static/pages")
    assert "would serve the templates" in mistake.message


@pytest.mark.parametrize("where", [None, 5, ["static"]])
def test_what_is_no_path_is_no_folder(wrong: Wrong, where: Any) -> None:
    """A folder is named by a text or a path."""
    (mistake,) = wrong({"/static": Static(where)})
    assert "names no folder" in mistake.message


@pytest.mark.parametrize("key", ["POST /static", "GET|POST /static"])
def test_files_take_no_methods(wrong: Wrong, key: str) -> None:
    """What is only read is not posted to."""
    (mistake,) = wrong({key: Static("static")})
    assert "gives methods to files" in mistake.message


@pytest.mark.parametrize("key", ["/{lang}/static", "/static/{name}", "/{id:int}"])
def test_files_have_one_place(wrong: Wrong, key: str) -> None:
    """A parameter in the key would be one place for each of its values."""
    (mistake,) = wrong({key: Static("static")})
    assert "has a parameter" in mistake.message


def test_a_single_file_has_one_place(wrong: Wrong) -> None:
    """So it is for a file."""
    (mistake,) = wrong({"/{name}": Static("static/css/app.css")})
    assert "is a single file" in mistake.message


def test_two_folders_at_one_place(wrong: Wrong, folder: Path) -> None:
    """Two values for one address contradict each other, files or not."""
    (folder / "more").mkdir()
    assert wrong({"/a": {"/b": Static("static")}, "/a/b": Static("more")})


def test_a_missing_file_in_a_template(wrong: Wrong, folder: Path) -> None:
    """Each call with a name that is written out is looked at, in every template, with file and line."""
    (folder / "templates" / "home.html").write_text(
        '<link href="{{ asset("css/ap.css") }}">\n{% if x %}\n{{ asset("/static/css/app.css") }}\n{% endif %}'
        '{{ asset(name) }}{{ asset("css/app.css") }}'
    )
    first, second = wrong({"/": "home.html", "/static": Static("static")})
    assert first.message == 'there is no asset "css/ap.css"'
    assert first.hint == 'did you mean "css/app.css"?'
    assert first.places == ("templates/home.html:1",)
    assert (second.hint, second.places) == ('did you mean "css/app.css"?', ("templates/home.html:3",))


def test_an_asset_without_a_folder(wrong: Wrong, folder: Path) -> None:
    """If URLS has no static folder, the message says so."""
    (folder / "templates" / "home.html").write_text('{{ asset("app.css") }}')
    (mistake,) = wrong({"/": "home.html"})
    assert (mistake.message, mistake.hint) == (
        'there is no asset "app.css", as URLS has no Static',
        'add "/static": Static("static")',
    )


def test_one_mistake_hides_those_that_follow_from_it(wrong: Wrong, folder: Path) -> None:
    """Where the folder is wrong, its files are not missed one by one."""
    (folder / "templates" / "home.html").write_text('{{ asset("app.css") }}')
    (mistake,) = wrong({"/": "home.html", "/static": Static("statc")})
    assert "statc" in mistake.message


def test_a_name_of_the_templates_own_is_not_ours(folder: Path) -> None:
    """A template may call something of its own `asset`."""
    (folder / "templates" / "home.html").write_text(
        '{% macro asset(name) %}{{ name }}{% endmacro %}{{ asset("x") }}'
        '{% for asset in [] %}{{ asset("y") }}{% endfor %}'
    )
    App({"/": "home.html"}, file=folder / "main.py")


def test_a_missing_file_whose_name_is_computed(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A name that is made while a page is rendered is an error then: the visitor gets 500, the log the name."""
    (folder / "templates" / "home.html").write_text('{% set name = "css/ap.css" %}{{ asset(name) }}')
    with Client(App({"/": "home.html", "/static": Static("static")}, file=folder / "main.py")) as client:
        assert client.get("/").status == 500
    assert 'there is no asset "css/ap.css"; did you mean "css/app.css"?' in caplog.text
    assert "templates/home.html:1" in caplog.text


@pytest.mark.parametrize("name", ["nothing.css", "", "/", "css/", "css", "../main.py", ".env", "a\x00", "/css/app.css"])
def test_what_is_no_file_is_no_asset(folder: Path, name: str) -> None:
    """Names are seen from the folder, and only files that are served have a URL."""
    app = App({"/static": Static("static")}, file=folder / "main.py")
    with pytest.raises(NoSuchURL):
        app.asset(name)


def test_url_for_a_folder(folder: Path) -> None:
    """`url_for` gives the plain address of a file: by the value in URLS, or by the folder's name."""
    static = Static("static")
    app = App({"/files": static}, file=folder / "main.py")
    assert app.url_for(static, path="css/app.css") == "/files/css/app.css"
    assert app.url_for("static", path="css/app.css") == "/files/css/app.css"
    assert app.url_for(static) == "/files/"
    with pytest.raises(NoSuchURL):
        app.url_for(static, path="../main.py")


def test_middleware_of_a_folder_is_checked(wrong: Wrong) -> None:
    """A function without a yield is the mistake, by its name."""

    def no_step() -> None: ...

    (mistake,) = wrong({"/static": middleware(no_step)(Static("static"))})
    assert "no_step" in mistake.message
    assert "has no yield" in mistake.message


def test_compress_is_refused_with_a_hint_at_side_files() -> None:
    """`Static(compress=True)` names the build step that makes side files."""
    with pytest.raises(TypeError, match=r"app\.css\.br"):
        Static("static", compress=True)  # type: ignore[call-arg]  # as people write it
    with pytest.raises(TypeError, match="nothing"):
        Static("static", nothing=True)  # type: ignore[call-arg]
