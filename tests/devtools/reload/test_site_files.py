"""Which files are a site's own, and what their change means."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanlight.devtools.reload.site_files import Kind, Places, folders_below

PLACES = Places(
    root="/site",
    templates=("/site/templates",),
    statics=("/site/static", "/site/robots.txt"),
    env_file="/site/.env",
)
KINDS = [
    ("main.py", Kind.CODE),
    ("shop/views.py", Kind.CODE),
    ("templates/home.html", Kind.TEMPLATE),
    ("templates/mail/text.txt", Kind.TEMPLATE),
    ("static/site.css", Kind.STYLE),
    ("static/logo.svg", Kind.STATIC),
    ("robots.txt", Kind.STATIC),
    (".env", Kind.SETTINGS),
    ("readme.md", None),
    ("data.csv", None),
    ("site.sqlite", None),
    ("static/site.db-wal", None),
    ("static/.site.css.swp", None),
    ("templates/home.html~", None),
    ("templates/.#home.html", None),
    ("templates/#home.html#", None),
    ("main.py.tmp", None),
    ("4913", None),
    ("templates/home.html___jb_tmp___", None),
    ("static/server.log.1", None),
]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_file_has_a_kind(name: str, kind: Kind | None) -> None:
    """Code, templates, style sheets and static files matter; data, logs, and what editors keep beside a file do not."""
    assert PLACES.kind_of(Path("/site", name)) is kind


def test_folders_of_others_are_left_out(tmp_path: Path) -> None:
    """Libraries, version control, caches, uploads and virtual environments of any name are not entered."""
    for name in ("shop/inner", ".git/hooks", "node_modules/left", "__pycache__", "uploads", "env3/lib", "static/media"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "env3" / "pyvenv.cfg").touch()
    (tmp_path / "shop" / "round").symlink_to(tmp_path)
    found = [str(Path(folder).relative_to(tmp_path)) for folder, _, _ in folders_below([tmp_path])]
    assert found == [".", "shop", "static", "shop/inner"]


def test_the_outermost_folders_are_watched() -> None:
    """A folder in another one is not watched twice."""
    places = Places(root="/site", code=("/other", "/other/inner"), templates=("/site/templates", "/pages"))
    assert places.folders == (Path("/other"), Path("/pages"), Path("/site"))
