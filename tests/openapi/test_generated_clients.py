"""Clients that are generated from the description work: one in Python, one in TypeScript."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.openapi.conftest import LIBRARY
from tests.speed import PATIENCE

from fanlight.testing import LiveServer

TYPESCRIPT = Path(__file__).parent / "typescript_client"
BOOK = UUID("3f2b8f5e-6a0a-4d35-9d7f-5d2f0a1c9b10")


@pytest.fixture(scope="module")
def url(library: Any) -> Iterator[str]:
    """Serve the library; return its address."""
    with LiveServer(library.app) as server:
        yield server.url


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that a build makes by `fanlight openapi`."""
    command = [sys.executable, "-m", "fanlight", "openapi", "main.py", "--strict"]
    printed = subprocess.run(command, cwd=LIBRARY, check=True, capture_output=True, timeout=PATIENCE).stdout
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_bytes(printed)
    return file


@pytest.fixture
def generated(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that imports a module of the client that openapi-python-client makes."""
    config = tmp_path / "config.json"
    config.write_text('{"post_hooks": []}')
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document), "--meta", "none"]
    command += ["--config", str(config), "--output-path", str(tmp_path / "library_client")]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda name: importlib.import_module(f"library_client.{name}")
    for each in [each for each in sys.modules if each.partition(".")[0] == "library_client"]:
        del sys.modules[each]


def test_a_client_in_python(generated: Any, url: str) -> None:
    """openapi-python-client: types on the way out and on the way back, credentials, errors."""
    make = generated("client")
    with make.Client(base_url=url) as open_client, make.AuthenticatedClient(url, token="reader-token") as reader:
        use(generated, open_client, reader)


def use(generated: Any, open_client: Any, reader: Any) -> None:
    """Call the functions of the client, and compare what they return."""
    models = generated("models")
    page = generated("api.books.books_books").sync(client=open_client, limit=1)
    assert (page.items[0].title, page.items[0].author.born.year, page.items[0].genre) == ("Emma", 1775, "novel")
    new = models.BookInput(title="Sanditon", author=models.AuthorInput(name="Jane Austen"), pages=120)
    added = generated("api.books.books_add_book").sync(client=reader, body=new)
    assert (type(added).__name__, added.pages, added.price) == ("StoredBook", 120, "0")
    wrong = generated("api.books.books_books").sync(client=open_client, limit=1000)
    assert (type(wrong).__name__, wrong.errors[0].name) == ("InvalidFields", "limit")
    refused = generated("api.books.books_add_book").sync(client=open_client, body=new)
    assert (type(refused).__name__, refused.status) == ("Problem", 401)
    review = models.ReviewInput(stars=4, text="good")
    assert generated("api.books.books_rate").sync(book=BOOK, client=open_client, body=review).stars == 4
    shelf = generated("api.default.shelf").sync(shelf=models.Shelf(1), room="hall", client=open_client)
    assert shelf.additional_properties == {"hall": 1}


@pytest.fixture(scope="module")
def packages() -> Path:
    """Return a folder with the packages of npm, which are kept beside the environment of the tests."""
    folder = Path(sys.prefix) / "library-client"
    wanted = (TYPESCRIPT / "package.json").read_text()
    installed = folder / "node_modules" / ".package-lock.json"
    if not installed.exists() or (folder / "package.json").read_text() != wanted:
        folder.mkdir(exist_ok=True)
        (folder / "package.json").write_text(wanted)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel", "error"]
        subprocess.run(command, cwd=folder, check=True, timeout=PATIENCE)
    return folder / "node_modules"


def test_a_client_in_typescript(packages: Path, document: Path, url: str, tmp_path: Path) -> None:
    """openapi-typescript and openapi-fetch: the compiler accepts the right calls, refuses the wrong ones; all work."""
    for each in ("client.ts", "tsconfig.json", "package.json"):
        shutil.copy(TYPESCRIPT / each, tmp_path)
    (tmp_path / "node_modules").symlink_to(packages)
    for command in (
        ["node", "node_modules/openapi-typescript/bin/cli.js", str(document), "-o", "schema.ts"],
        ["node", "node_modules/typescript/bin/tsc"],
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
    printed = subprocess.run(
        ["node", "built/client.js", url], cwd=tmp_path, check=True, capture_output=True, timeout=PATIENCE
    ).stdout
    found = json.loads(printed)
    assert {name: found[name] for name in ("born", "missing", "stars", "removed", "shelf")} == {
        "born": "1775-12-16",
        "missing": 404,
        "stars": 5,
        "removed": 204,
        "shelf": {"hall": 2},
    }
    assert (found["wrong"], found["added"], found["lent"]) == ([422, "limit"], [201, "9.5"], "2026-02-03")
    assert "Persuasion" not in found["exported"]
