"""The name of a template stays in its folder, and has one spelling."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight.errors import TemplateError
from fanlight.pages.environment import FolderLoader
from fanlight.pages.page import render
from fanlight.pages.pages import Pages

Write = Callable[[Mapping[str, str]], Path]

LEAVING = [
    "../secret.html",
    "..",
    ".",
    "a/../../secret.html",
    "a/../home.html",
    "./home.html",
    "a/./b.html",
    "/etc/passwd",
    "//home.html",
    "a//b.html",
    "a/",
    "",
    "..\\secret.html",
    "a\\b.html",
    "C:/secret.html",
    "C:secret.html",
    "home.html:stream",
    "home.html\0.txt",
    "home.html\n",
    ".env",
    "a/.git/config",
    "\ud800.html",
]


@pytest.mark.parametrize("name", LEAVING)
def test_a_name_that_leaves_the_folder_is_refused(write: Write, name: str) -> None:
    """A name with "..", an absolute one, a hidden one, or one with a second spelling is refused."""
    folder = write({"home.html": "home", "a/b.html": "b", ".env": "SECRET", "a/.git/config": "SECRET"})
    (folder.parent / "secret.html").write_text("SECRET")
    pages = Pages(folder)
    assert not pages.has(name)
    with pytest.raises(TemplateError, match="is no name for a template"):
        pages.render(render(name))


@pytest.mark.parametrize("tag", ["extends", "include", "import"])
def test_a_template_cannot_name_one_outside(write: Write, tag: str) -> None:
    """Nor can a template leave the folder, not even where it ignores what is missing."""
    rest = {"extends": "", "include": " ignore missing", "import": " as m"}[tag]
    folder = write({"a.html": f'x\n{{% {tag} "../secret.html"{rest} %}}'})
    (folder.parent / "secret.html").write_text("SECRET")
    with pytest.raises(TemplateError, match=r"^templates/a\.html:2: '\.\./secret\.html' is no name"):
        Pages(folder).render(render("a.html"))


def test_a_name_worked_out_by_a_template_cannot_leave_either(write: Write) -> None:
    """A name that comes from the context is looked at like any other."""
    folder = write({"a.html": "{% include name %}"})
    (folder.parent / "secret.html").write_text("SECRET")
    with pytest.raises(TemplateError, match="is no name for a template"):
        Pages(folder).render(render("a.html", name="../secret.html"))


@pytest.mark.parametrize("name", ["x" * 300 + ".html", "a", "a/b.html/c.html", "caf\u00e9.html"])
def test_a_name_that_is_no_file_is_just_not_there(write: Write, name: str) -> None:
    """A folder, a file taken for a folder, and a name too long for the system are missing templates."""
    pages = Pages(write({"a/b.html": "b"}))
    assert not pages.has(name)
    with pytest.raises(TemplateError, match="there is no template"):
        pages.render(render(name))


def test_spaces_and_letters_of_any_script_may_be_in_a_name(write: Write) -> None:
    """A name may have what a file's name may have."""
    pages = Pages(write({"caf\u00e9 au lait/\u96ea.html": "snow"}))
    assert pages.render(render("caf\u00e9 au lait/\u96ea.html")) == "snow"


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")
def test_symbolic_links_are_followed(write: Write) -> None:
    """A link in the folder is a template: only the owner of the site can have made it."""
    folder = write({})
    (folder.parent / "shared.html").write_text("shared")
    (folder / "a.html").symlink_to(folder.parent / "shared.html")
    assert Pages(folder).render(render("a.html")) == "shared"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.sampled_from("./\\:ab\0\n~%\u00e9 "), max_size=12) | st.text(max_size=12))
def test_no_name_whatever_leads_out_of_the_folder(write: Write, name: str) -> None:
    """Every name that is taken lies in the folder, and is spelt as the system would spell it."""
    folder = write({})
    loader = FolderLoader(folder)
    try:
        path = loader.path_of(name)
    except TemplateError:
        return
    assert Path(os.path.normpath(path)) == path
    assert path.is_relative_to(folder)
    assert path.relative_to(folder).as_posix() == name
