"""Names from Flask, FastAPI, Starlette and Django: each raises an error with what to write here."""

from __future__ import annotations

import ast
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


FRAMEWORKS = ("flask", "fastapi", "starlette", "django", "werkzeug", "pydantic")
ROOMS = {"settings", "signing"}  # the names of our own packages, which may be imported


@pytest.mark.parametrize("framework", ["flask", "fastapi", "django"])
def test_what_the_guides_import_has_a_hint(framework: str) -> None:
    """Every name that the other side of a guide imports from its framework is public here too, or has a hint."""
    page = (REPOSITORY / "docs" / "how-to" / f"from-{framework}.md").read_text()
    imported = {
        each.name
        for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in FRAMEWORKS
        for each in node.names
    }
    assert len(imported) > 10
    assert imported - set(names_of("fanlight")) - set(fanlight.__all__) <= ROOMS


@pytest.mark.parametrize(
    ("names", "part"),
    [
        ("Blueprint APIRouter include", "Part(...)"),
        ("Host", "App(Hosts({"),
        ("path re_path Route", "views stand in a table"),
        ("Mount", "wsgi(app)"),
        ("HTTPException abort Http404 PermissionDenied", "raise NotFound()"),
        ("jsonify JSONResponse JsonResponse", "return a dict"),
        ("HttpResponse make_response", "Response(content, status)"),
        ("Depends", "Annotated[Database, connect]"),
        ("render_template TemplateResponse", 'render("page.html", name=value)'),
        ("exception_handler errorhandler", "errors={404: not_found, OutOfStock: sold_out}"),
        ("check_password_hash check_password CryptContext", "Werkzeug, Django and bcrypt"),
        ("HTTPBearer OAuth2PasswordBearer", "token: BearerToken"),
        ("require_POST", '"POST /save"'),
    ],
)
def test_a_hint_names_the_equivalent(names: str, part: str) -> None:
    """That of the guides."""
    for name in names.split():
        assert part in names_of("fanlight")[name]
