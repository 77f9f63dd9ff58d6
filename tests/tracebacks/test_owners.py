"""Whose a line of code is."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path

import jinja2
import pytest

import fanlight
from fanlight.tracebacks.owners import owner_of, shown_path

STDLIB = sysconfig.get_path("stdlib")
INSTALLED = sysconfig.get_path("purelib")
PACKAGE = str(Path(fanlight.__file__).parent)


@pytest.mark.parametrize(
    ("file", "folder", "owner", "shown"),
    [
        ("/srv/site/main.py", "/srv/site", "", "main.py"),
        ("/srv/site/shop/views.py", "/srv/site", "", "shop/views.py"),
        ("/srv/site/templates/home.html", "/srv/site", "", "templates/home.html"),
        ("/srv/shared/models.py", "/srv/site", "", "/srv/shared/models.py"),
        ("/srv/site2/main.py", "/srv/site", "", "/srv/site2/main.py"),
        (jinja2.__file__, "/srv/site", "jinja2", "jinja2/__init__.py"),
        (json.__file__, "/srv/site", "json", "json/__init__.py"),
        (f"{STDLIB}/contextlib.py", "/srv/site", "contextlib", "contextlib.py"),
        (f"{PACKAGE}/app/calls.py", "/srv/site", "fanlight", "fanlight/app/calls.py"),
        ("<frozen importlib._bootstrap>", "/srv/site", "importlib", "<frozen importlib._bootstrap>"),
        ("<string>", "/srv/site", "Python", "<string>"),
        ("/srv/site/.venv/lib/python3.13/site-packages/x/y.py", "/srv/site", "x", "x/y.py"),
        ("/srv/site/.venv/lib/python3.13/site-packages/six.py", "/srv/site", "six", "six.py"),
        ("/usr/lib/python3/dist-packages/x/y.py", "/srv/site", "x", "x/y.py"),
        (f"{INSTALLED}/shop/main.py", f"{INSTALLED}/shop", "", "main.py"),
        (f"{INSTALLED}/other/main.py", f"{INSTALLED}/shop", "other", "other/main.py"),
        (f"{STDLIB}/json/decoder.py", "/", "json", None),
        ("/srv/site/main.py", "/", "", "srv/site/main.py"),
        ("/srv/site/main.py", "", "", "/srv/site/main.py"),
    ],
)
def test_the_longest_folder_decides(file: str, folder: str, owner: str, shown: str | None) -> None:
    """A file belongs to the site, to a library by its name, or to Python, and its path is shown relative to that."""
    assert owner_of(file, folder) == owner
    if shown is not None:
        assert shown_path(file, folder) == shown
