"""`App`: a site, made of a table of URLs, that can serve itself.

In: the table and the parts of the site. Out: an `App`. The room `app` responds to requests without knowing the server,
and `server` serves any handler; they are joined here. The server is imported when a site is run, not when it is made.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fanlight.app.application import Application
from fanlight.bootstrap import open_streams
from fanlight.compression.compression_settings import DEFAULT_COMPRESSION, Compression
from fanlight.errors import AddressUnavailable, AppError, InvalidSetting
from fanlight.foreign_names import refuse_foreign_names
from fanlight.pages.templates import Templates
from fanlight.protection.security import DEFAULT_SECURITY, Security
from fanlight.sessions.session_settings import DEFAULT_SESSIONS, Sessions

if TYPE_CHECKING:
    from typing import Unpack

    from fanlight.message.hosts import Hosts
    from fanlight.message.nested_table import NestedTable
    from fanlight.openapi.openapi_settings import OpenAPI
    from fanlight.settings.limits import Limits
    from fanlight.settings.options import Options
    from fanlight.site.run_arguments import Settings
    from fanlight.site.under_others import UnderOthers


is_loading: ContextVar[bool] = ContextVar("is_loading", default=False)  # the site's file is being imported


NO_TABLE: Mapping[str, Any] = MappingProxyType({})
_IN_THE_TABLE = 'views stand in a table: app = App({"/": index, "POST /save": save})'


class App(Application):
    """A site: `App(URLS)`, then `app.run()`.

    Templates and files are found beside the file in which the `App` is made, wherever the process was started;
    `templates` is their folder, or `Templates(...)` with what each of them has. `errors` maps a status to a view, a
    template or a text, and a class of exceptions to a view; `middleware` lists generators that run before and after
    each view, the outermost first; `wrap_calls` lists generators that observe each request and its response, for
    tracing; `lifespan` is a generator that opens, yields once, and closes; `compression` says how content is
    compressed, None: not at all; `security` how browsers protect the site; `sessions` where people sign in, and how
    long sessions last; `openapi` is the path of a description of the API, or `OpenAPI(...)`. Raises SetupError with
    everything that is wrong with the table, the views, the templates and the settings.
    """

    _others: UnderOthers | None = None

    def __init__(  # noqa: PLR0913 - each is a part of a site, and given by its name
        self,
        urls: Mapping[str, Any] | NestedTable | Hosts = NO_TABLE,
        *,
        errors: Mapping[Any, Any] | None = None,
        templates: str | Path | Templates | None = "templates",
        middleware: Sequence[Callable[..., Any]] = (),
        wrap_calls: Sequence[Callable[..., Any]] = (),
        lifespan: Callable[..., Any] | None = None,
        compression: Compression | None = DEFAULT_COMPRESSION,
        security: Security = DEFAULT_SECURITY,
        openapi: str | OpenAPI | None = None,
        sessions: Sessions = DEFAULT_SESSIONS,
        file: str | Path | None = None,
    ) -> None:
        """Create a site, and check all of it; `file` is by default the file of the caller."""
        if urls is NO_TABLE or isinstance(urls, str):
            given = "nothing" if urls is NO_TABLE else repr(urls)
            raise TypeError(f"App() takes a table of URLs, not {given}; {_IN_THE_TABLE}")
        source = Path(file or sys._getframe(1).f_code.co_filename)  # noqa: SLF001 - the caller's file; it is documented
        source = source.resolve() if source.is_file() else Path.cwd() / "main.py"
        self.file = source
        super().__init__(
            urls,
            errors=errors,
            templates=templates,
            middleware=middleware,
            wrap_calls=wrap_calls,
            lifespan=lifespan,
            compression=compression,
            security=security,
            openapi=openapi,
            sessions=sessions,
            folder=source.parent,
            source=source if source.is_file() else None,
        )

    def run(
        self,
        host: str = "localhost",
        port: int = 8000,
        *,
        limits: Limits | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        """Serve on http://host:port, or on every address of `bind`, until Ctrl+C or SIGTERM.

        `settings` are fields of `Options` and of `Limits`; environment variables (FANLIGHT_...) take precedence.
        Exits with a message on stderr if a setting is invalid, the address is not available, or a file beside the
        program hides a module of Python.
        """
        if is_loading.get() or _is_loaded_in_child():
            raise AppError(
                f'{self.file.name} calls app.run() while it is being imported; write `if __name__ == "__main__":` above'
                f" the call, or start the site by `python {self.file.name}`"
            )
        from fanlight.settings.env_file import with_env_file  # noqa: PLC0415 - for a site that is run
        from fanlight.settings.sources import (  # noqa: PLC0415 - for a site that is run; a test of one needs no server
            RUN_DEFAULTS,
            env_file_of,
            from_arguments,
            from_environment,
            options_from,
        )
        from fanlight.site.shadowing import hiding_problem  # noqa: PLC0415 - as above

        open_streams()
        if sys.path[:1] == [str(self.folder)] and (problem := hiding_problem(self.folder, may_be_package=False)):
            sys.exit(f"fanlight: {problem}")
        try:
            given = from_arguments(settings, limits)
            if "bind" not in given or (host, port) != ("localhost", 8000):
                given |= {"host": host, "port": port}
            environ = with_env_file(os.environ, env_file_of(from_environment(os.environ), given))
            self.serve(options_from(from_environment(environ), given, RUN_DEFAULTS))
        except (AddressUnavailable, InvalidSetting) as error:
            sys.exit(f"fanlight: {error}")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve as an ASGI 3 application: under another server, or mounted in another ASGI app.

        Its settings are environment variables (FANLIGHT_...). Raises InvalidSetting for an invalid one.
        """
        await self._under_others().asgi(scope, receive, send)

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Serve as a WSGI application (PEP 3333), without WebSockets: `gunicorn site:app.wsgi`. Raises as above."""
        return self._under_others().wsgi(environ, start_response)

    def _under_others(self) -> UnderOthers:
        if self._others is None or self._others.app is not self:  # this may be a copy
            from fanlight.site.under_others import UnderOthers  # noqa: PLC0415 - as above

            self._others = UnderOthers(self)
        return self._others

    def serve(self, options: Options) -> None:
        """Serve with these options, here or in workers. Raises ServerError if the address is not available."""
        from fanlight.server.start import serve  # noqa: PLC0415 - as above
        from fanlight.settings.env_file import apply_env_file  # noqa: PLC0415 - as above
        from fanlight.site.banner import print_banner  # noqa: PLC0415 - as above
        from fanlight.site.preparation import prepare  # noqa: PLC0415 - as above

        def make() -> tuple[App, dict[str, Any]]:
            apply_env_file(options.env_file, os.environ)  # in each worker
            prepare(self, options, os.environ)
            return self, self.facts

        serve(make, options, partial(print_banner, options))

    @property
    def facts(self) -> dict[str, Any]:
        """The facts of the site that the banner shows."""
        return {"routes": len(self.table.routes), "file": str(self.file)}


refuse_foreign_names(App)


def _is_loaded_in_child() -> bool:
    """Return whether a child of multiprocessing ("spawn", "forkserver") is loading the program's file."""
    processes = sys.modules.get("multiprocessing.process")
    return processes is not None and getattr(processes.current_process(), "_inheriting", False)
