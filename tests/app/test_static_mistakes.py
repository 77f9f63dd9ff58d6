"""Mistakes of a folder in URLS, or of an asset, reported before the port opens."""

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
    """Return a site's folder."""
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
    """Return a function that returns the mistakes of a table."""

    def find(urls: Any, **settings: Any) -> list[Mistake]:
        with pytest.raises(SetupError) as caught:
            App(urls, file=folder / "main.py", **settings)
        return list(caught.value.mistakes)

    return find


def test_a_missing_folder_is_reported(wrong: Wrong) -> None:
    """The message has a suggestion and the place in URLS; once, though a folder has two patterns."""
    (mistake,) = wrong({"/static": Static("statc")})
    assert mistake.message == "Static('statc') does not exist"
    assert mistake.hint == 'did you mean "static"?'
    assert mistake.places == ("URLS['/static']",)


@pytest.mark.parametrize("cache_bytes", [-1, "16m", 1.5])
def test_a_limit_that_is_no_number_of_bytes_is_reported(wrong: Wrong, cache_bytes: Any) -> None:
    """The limit of a folder's memory is a whole number of bytes."""
    (mistake,) = wrong({"/static": Static("static", cache_bytes=cache_bytes)})
    assert mistake.message == f"Static('static') has cache_bytes={cache_bytes!r}"


def test_a_missing_folder_without_a_similar_one_is_reported(wrong: Wrong, folder: Path) -> None:
    """Without a similar folder, the hint is to create it."""
    (mistake,) = wrong({"/files": Static("downloads/2026")})
    assert mistake.hint == f"create the folder {folder / 'downloads' / '2026'}"


@pytest.mark.parametrize(
    ("where", "message"),
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
def test_a_folder_with_private_files_is_reported(wrong: Wrong, where: str, message: str) -> None:
    """The site's code and its templates can't be served, however the folder is named."""
    (mistake,) = wrong({"/static": Static(where)})
    assert message in mistake.message


def test_a_link_to_the_site_is_reported(wrong: Wrong, folder: Path) -> None:
    """A symlink to the site's folder counts as the folder."""
    (folder / "public").symlink_to(".")
    (mistake,) = wrong({"/static": Static("public")})
    assert "would serve the site's own code" in mistake.message


def test_a_folder_with_the_templates_of_another_place_is_reported(wrong: Wrong, folder: Path) -> None:
    """The folder of templates is the one that the app uses."""
    (folder / "static" / "pages").mkdir()
    (mistake,) = wrong({"/static": Static("static")}, templates="static/pages")
    assert "would serve the templates" in mistake.message


@pytest.mark.parametrize("where", [None, 5, ["static"]])
def test_a_folder_of_another_type_is_reported(wrong: Wrong, where: Any) -> None:
    """A folder is named by a string or a path."""
    (mistake,) = wrong({"/static": Static(where)})
    assert "names no folder" in mistake.message


@pytest.mark.parametrize("key", ["POST /static", "GET|POST /static"])
def test_a_folder_with_a_method_is_reported(wrong: Wrong, key: str) -> None:
    """A folder allows GET and HEAD, so its key has no method."""
    (mistake,) = wrong({key: Static("static")})
    assert "gives methods to files" in mistake.message


@pytest.mark.parametrize("key", ["/{lang}/static", "/static/{name}", "/{id:int}"])
def test_a_folder_under_a_parameter_is_reported(wrong: Wrong, key: str) -> None:
    """A parameter in the key would be one folder for each of its values."""
    (mistake,) = wrong({key: Static("static")})
    assert "has a parameter" in mistake.message


def test_a_file_under_a_parameter_is_reported(wrong: Wrong) -> None:
    """The same holds for a single file."""
    (mistake,) = wrong({"/{name}": Static("static/css/app.css")})
    assert "is a single file" in mistake.message


def test_two_folders_under_one_key_are_reported(wrong: Wrong, folder: Path) -> None:
    """Two values for one path conflict, files or not."""
    (folder / "more").mkdir()
    assert wrong({"/a": {"/b": Static("static")}, "/a/b": Static("more")})


def test_a_missing_asset_in_a_template_is_reported(wrong: Wrong, folder: Path) -> None:
    """Each call of `asset` with a literal name is checked, in every template, with file and line."""
    (folder / "templates" / "home.html").write_text(
        '<link href="{{ asset("css/ap.css") }}">\n{% if x %}\n{{ asset("/static/css/app.css") }}\n{% endif %}'
        '{{ asset(name) }}{{ asset("css/app.css") }}'
    )
    first, second = wrong({"/": "home.html", "/static": Static("static")})
    assert first.message == 'there is no asset "css/ap.css"'
    assert first.hint == 'did you mean "css/app.css"?'
    assert first.places == ("templates/home.html:1",)
    assert (second.hint, second.places) == ('did you mean "css/app.css"?', ("templates/home.html:3",))


def test_an_asset_without_a_folder_is_reported(wrong: Wrong, folder: Path) -> None:
    """If URLS has no static folder, the message says so."""
    (folder / "templates" / "home.html").write_text('{{ asset("app.css") }}')
    (mistake,) = wrong({"/": "home.html"})
    assert (mistake.message, mistake.hint) == (
        'there is no asset "app.css", as URLS has no Static',
        'add "/static": Static("static")',
    )


def test_a_wrong_folder_hides_its_missing_assets(wrong: Wrong, folder: Path) -> None:
    """Where the folder is wrong, its files are not reported one by one."""
    (folder / "templates" / "home.html").write_text('{{ asset("app.css") }}')
    (mistake,) = wrong({"/": "home.html", "/static": Static("statc")})
    assert "statc" in mistake.message


def test_a_template_may_define_asset(folder: Path) -> None:
    """A call of a template's own `asset` is not checked."""
    (folder / "templates" / "home.html").write_text(
        '{% macro asset(name) %}{{ name }}{% endmacro %}{{ asset("x") }}'
        '{% for asset in [] %}{{ asset("y") }}{% endfor %}'
    )
    App({"/": "home.html"}, file=folder / "main.py")


def test_a_missing_asset_with_a_computed_name_is_500(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A name that is computed while a page is rendered is an error then; the log has the name."""
    (folder / "templates" / "home.html").write_text('{% set name = "css/ap.css" %}{{ asset(name) }}')
    with Client(App({"/": "home.html", "/static": Static("static")}, file=folder / "main.py")) as client:
        assert client.get("/").status == 500
    assert 'there is no asset "css/ap.css"; did you mean "css/app.css"?' in caplog.text
    assert "templates/home.html:1" in caplog.text


@pytest.mark.parametrize("name", ["nothing.css", "", "/", "css/", "css", "../main.py", ".env", "a\x00", "/css/app.css"])
def test_an_asset_must_be_a_served_file(folder: Path, name: str) -> None:
    """Names are relative to the folder, and only files that are served have a URL."""
    app = App({"/static": Static("static")}, file=folder / "main.py")
    with pytest.raises(NoSuchURL):
        app.asset(name)


def test_url_for_returns_the_path_of_a_file(folder: Path) -> None:
    """`url_for` returns the plain URL of a file, by the value in URLS or by the folder's name."""
    static = Static("static")
    app = App({"/files": static}, file=folder / "main.py")
    assert app.url_for(static, path="css/app.css") == "/files/css/app.css"
    assert app.url_for("static", path="css/app.css") == "/files/css/app.css"
    assert app.url_for(static) == "/files/"
    with pytest.raises(NoSuchURL):
        app.url_for(static, path="../main.py")


def test_invalid_middleware_of_a_folder_is_reported(wrong: Wrong) -> None:
    """A function without a yield is reported by its name."""

    def no_generator() -> None: ...

    (mistake,) = wrong({"/static": middleware(no_generator)(Static("static"))})
    assert "no_generator" in mistake.message
    assert "has no yield" in mistake.message


def test_compress_is_refused_with_a_hint_at_side_files() -> None:
    """`Static(compress=True)` names the build step that makes side files."""
    with pytest.raises(TypeError, match=r"app\.css\.br"):
        Static("static", compress=True)  # type: ignore[call-arg]  # as people write it
    with pytest.raises(TypeError, match="nothing"):
        Static("static", nothing=True)  # type: ignore[call-arg]
