"""`fanlight openapi` prints the description of a site."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fanlight.cli.commands import main

SITE = """
from typing import Any

print("hello")

def cats() -> list[str]:
    return []

def dogs() -> Any:
    return []

def birds():
    return []

def home() -> str:
    return ""

from fanlight import table
URLS = {"/": home, "/cats": cats, "/birds": birds, "/api": table({"/dogs": dogs}, json_errors=True)}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a site, which is the current folder's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "described_site.py"
    file.write_text(SITE)
    return file


def test_the_document_is_printed_alone(site: Path) -> None:
    """What the site prints, what is left open and what is left out are on stderr."""
    result = CliRunner().invoke(main, ["openapi", site.name])
    assert result.exit_code == 0
    assert list(json.loads(result.stdout)["paths"]) == ["/cats", "/api/dogs"]
    assert "hello" in result.stderr
    assert "left open:\nGET /api/dogs (described_site.dogs): Any does not say what is returned" in result.stderr
    assert "left out:\nGET / (described_site.home): it is a page" in result.stderr
    assert "GET /birds (described_site.birds): it does not say what it returns" in result.stderr
    assert "  at described_site.py:" in result.stderr


def test_it_is_the_same_each_time(site: Path) -> None:
    """In lines, for a file under version control."""
    first, second = (CliRunner().invoke(main, ["openapi", site.name]).stdout for _ in range(2))
    assert first == second
    assert first.startswith('{\n  "openapi": "3.1.1",\n')
    assert first.endswith("}\n")


def test_strict_fails_if_anything_is_left_open(site: Path) -> None:
    """And not for what is left out."""
    assert CliRunner().invoke(main, ["openapi", "--strict", site.name]).exit_code == 1
    site.write_text(SITE.replace("-> Any", "-> list[str]"))
    assert CliRunner().invoke(main, ["openapi", "--strict", site.name]).exit_code == 0


def test_a_site_that_can_not_be_loaded_is_an_error(site: Path) -> None:
    """As for every command."""
    site.write_text("URLS = {'/': missing}")
    result = CliRunner().invoke(main, ["openapi", site.name])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "missing" in result.stderr
