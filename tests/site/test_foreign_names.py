"""Names from Flask, FastAPI, Starlette and Django: each raises an error with what to write here."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

import fanlight
import fanlight.testing
from fanlight import App, Request, Response
from fanlight.foreign_names import names_of
from fanlight.testing import FakeHead

REPOSITORY = Path(__file__).parents[2]
OBJECTS: dict[str, Any] = {
    "App": App({}, file=__file__),
    "Request": Request(FakeHead(), "192.0.2.1", None),
    "Response": Response("text"),
}


@pytest.mark.parametrize("module", ["fanlight", "fanlight.testing"])
def test_importing_each_name_raises_its_hint(module: str) -> None:
    """`from fanlight import jsonify` raises an ImportError with the hint, for every name in the table."""
    for name, hint in names_of(module).items():
        with pytest.raises(ImportError) as caught:
            exec(f"from {module} import {name}")
        assert str(caught.value) == f"cannot import name {name!r} from {module!r}; {hint}"


@pytest.mark.parametrize("module", ["fanlight", "fanlight.testing"])
def test_a_module_can_be_probed(module: str) -> None:
    """`hasattr` finds none of the names, and looking one up raises an AttributeError with the hint."""
    imported = importlib.import_module(module)
    for name, hint in names_of(module).items():
        assert not hasattr(imported, name)
        assert getattr(imported, name, None) is None
        with pytest.raises(AttributeError, match=re.escape(hint)):
            getattr(imported, name)
    with pytest.raises(ImportError, match="cannot import name 'no_such_name' from 'fanlight'"):
        exec("from fanlight import no_such_name")


@pytest.mark.parametrize("owner", OBJECTS)
def test_each_attribute_raises_its_hint(owner: str) -> None:
    """`request.args`, `response.status_code` and `app.route` raise an AttributeError with the hint."""
    for name, hint in names_of(owner).items():
        assert not hasattr(OBJECTS[owner], name)
        with pytest.raises(AttributeError, match=re.escape(f"has no {name}; {hint}")):
            getattr(OBJECTS[owner], name)
    with pytest.raises(AttributeError, match=r"has no attribute 'no_such_name'$"):
        OBJECTS[owner].no_such_name  # type: ignore[unused-ignore]


def test_no_name_in_the_table_is_public() -> None:
    """A hint never hides a public name, or a module of the package."""
    assert not set(names_of("fanlight")) & set(fanlight.__all__)
    assert not set(names_of("fanlight.testing")) & set(fanlight.testing.__all__)
    rooms = {each.stem for each in (REPOSITORY / "src" / "fanlight").iterdir()}
    assert not set(names_of("fanlight")) & rooms


def test_the_names_in_hints_exist() -> None:
    """Names in hints that look like Fanlight's exist: request.query, Response, render, Client."""
    public = {*fanlight.__all__, *fanlight.testing.__all__}
    for owner in ("fanlight", "fanlight.testing", *OBJECTS):
        for hint in names_of(owner).values():
            for subject, attribute in re.findall(r"(?<!/)\b(app|request|response)\.(\w+)", hint):
                assert hasattr(type(OBJECTS[subject.title()]), attribute) or attribute in {"state", "params"}, hint
            for name in re.findall(r"\b([A-Z]\w+)\(", hint):
                assert name in public, hint


def test_what_the_docs_import_is_public() -> None:
    """README, docs and examples import public names only, from `fanlight` and its two public modules."""
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "examples").rglob("*.py")]
    for page in pages:
        for module, names in re.findall(r"^ *from (fanlight[\w.]*) import (.+)$", page.read_text(), re.MULTILINE):
            assert module in {"fanlight", "fanlight.testing", "fanlight.opentelemetry"}, (page, module)
            for name in re.findall(r"\w+", names.partition("#")[0]):
                assert hasattr(importlib.import_module(module), name), (page, name)
