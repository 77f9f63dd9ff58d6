"""Another framework's app in URLS: `asgi(app)`, `wsgi(app)`.

    from fanlight import asgi, wsgi

    URLS = {
        "/": index,
        "/api": asgi(fastapi_app),
        "/legacy": wsgi("legacy.app:create_app()"),
    }

In: an app, or where it is: "module:name", "module:make()". Out: what the table takes for all paths below its key.
Refuses an app of the other kind, and what is no app. Everything below the key is the app's: it finds its place in
`root_path` or `SCRIPT_NAME`. A lifespan of ASGI runs with that of the site.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fanlight.errors import AppError
from fanlight.foreign.app_kind import Kind, NoForeignApp, kind_of

if TYPE_CHECKING:
    from fanlight.foreign.asgi_lifespan import AsgiLifespan


class Guest:
    """An app of another framework, and where it is from."""

    def __init__(self, app: object, kind: Kind) -> None:
        """Take an app, or the text that names it, which is imported when the table is built."""
        self._given, self.kind = app, kind
        self._app: Any = None
        self.lifespan: AsgiLifespan | None = None

    def load(self) -> Any:
        """Return the app. Raises AppError if there is none, or if it is of another kind."""
        if self._app is None:
            app = _imported(self._given) if isinstance(self._given, str) else self._given
            self._check(app)
            self._app = app
            if self.kind is Kind.ASGI:
                from fanlight.foreign.asgi_lifespan import AsgiLifespan  # noqa: PLC0415 - for an app that has one

                self.lifespan = AsgiLifespan(app, str(self))
        return self._app

    def _check(self, app: object) -> None:
        try:
            kind = kind_of(app)
        except NoForeignApp as error:
            if error.is_unclear:
                return  # the site says what it is
            raise AppError(f"the app in {self} {error}") from None
        if kind is not self.kind:
            raise AppError(f"the app in {self} is of {kind.title}; write {kind.value}(...)")

    def __str__(self) -> str:
        given = self._given
        return f"{self.kind.value}({given if isinstance(given, str) else _name_of(given)})"

    __repr__ = __str__


def asgi(app: Any) -> Guest:
    """Mount an app of ASGI 3, such as FastAPI or Starlette, or the one that a text names: `asgi("api.main:app")`."""
    return Guest(app, Kind.ASGI)


def wsgi(app: Any) -> Guest:
    """Mount an app of WSGI, such as Flask or Django, or the one that a text names: `wsgi("shop.wsgi:application")`."""
    return Guest(app, Kind.WSGI)


def _imported(text: str) -> object:
    """Return the app that a text names. Raises AppError."""
    module, colon, name = text.partition(":")
    is_call = name.endswith("()")
    if not colon or not module or not name.removesuffix("()"):
        raise AppError(f'"{text}" names no app; write the module and the name: "legacy.app:app"')
    try:
        value: Any = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise AppError(f'"{text}": there is no module {error.name}') from None
    for step in name.removesuffix("()").split("."):
        if not hasattr(value, step):
            raise AppError(f'"{text}": {module} has no {step}')
        value = getattr(value, step)
    return value() if is_call else value


def _name_of(app: object) -> str:
    name = getattr(app, "__qualname__", None) or type(app).__qualname__
    module = getattr(app, "import_name", None) or getattr(app, "__module__", "")
    return f"{module}.{name}" if isinstance(module, str) and module else str(name)
