"""`App`: what a user makes of his URLS, and runs.

In: the table, and where it was written. Out: a site that serves itself. The room `app` answers
requests and never opens the server; the room `server` serves whatever it is handed. Here they meet.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fanlight.app.application import Application
from fanlight.bootstrap import open_streams
from fanlight.compression.options import DEFAULT_COMPRESSION, Compression
from fanlight.errors import AddressUnavailable, AppError, InvalidSetting, ServerError

if TYPE_CHECKING:
    from typing import Unpack

    from fanlight.settings.limits import Limits
    from fanlight.settings.options import Options
    from fanlight.site.run_arguments import Settings


is_loading: ContextVar[bool] = ContextVar("is_loading", default=False)  # the site's file is imported, not run


NO_TABLE: Mapping[str, Any] = MappingProxyType({})
_IN_THE_TABLE = 'views stand in a table: app = App({"/": index, "POST /save": save})'


class App(Application):
    """A site: `App(URLS)`, then `app.run()`.

    Templates and files are found beside the file in which the `App` is made, wherever the process was
    started. `errors` maps a status to a view, a template or a text; `middleware` lists generators that
    run before and after each view, the outermost first; `wrap_calls` lists generators that observe each request and its
    response, for tracing; `lifespan` is a generator that opens, yields once, and closes; `compression` says how
    content is compressed, None: not at all. Raises SetupError with everything that is wrong with the
    table, the views, the templates and the settings.
    """

    def __init__(  # noqa: PLR0913 - each is a part of a site, and given by its name
        self,
        urls: Mapping[str, Any] = NO_TABLE,
        *,
        errors: Mapping[int, Any] | None = None,
        templates: str | Path = "templates",
        middleware: Sequence[Callable[..., Any]] = (),
        wrap_calls: Sequence[Callable[..., Any]] = (),
        lifespan: Callable[..., Any] | None = None,
        compression: Compression | None = DEFAULT_COMPRESSION,
        file: str | Path | None = None,
    ) -> None:
        """Check everything that can be checked before a port opens; `file` is by default the caller's."""
        if urls is NO_TABLE or isinstance(urls, str):
            given = "no table" if urls is NO_TABLE else f"the text {urls!r} as its table"
            raise TypeError(f"App was given {given} of URLS; {_IN_THE_TABLE}")
        source = Path(file or sys._getframe(1).f_code.co_filename)  # noqa: SLF001 - the documented way to ask who calls
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
            folder=source.parent,
            source=source if source.is_file() else None,
        )

    if not TYPE_CHECKING:  # a type checker knows what an App has

        def __getattr__(self, name: str) -> Any:
            """Raise an error that names what to write instead of what other frameworks have."""
            from fanlight.foreign_names import hint_for  # noqa: PLC0415 - for a mistake only

            raise AttributeError(f"an App has no {name}{hint_for('App', name)}", name=name, obj=self)

    def run(
        self,
        host: str = "localhost",
        port: int = 8000,
        *,
        limits: Limits | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        """Serve on http://host:port, or on every address of `bind`, until Ctrl+C or SIGTERM.

        `settings` are fields of `Options` and of `Limits`. What the environment says (FANLIGHT_...) has the last
        word: it is who runs the site who sets it. Ends the program, with what is wrong and what to do on stderr,
        when a setting makes no sense or the address can't be had.
        """
        if is_loading.get() or _is_loaded_in_child():
            raise AppError(
                f'{self.file.name} calls app.run() while it is imported; write `if __name__ == "__main__":` above'
                f" the call, or start the site by `python {self.file.name}`"
            )
        from fanlight.settings.sources import (  # noqa: PLC0415 - for a site that is run; a test of one needs no server
            RUN_DEFAULTS,
            from_arguments,
            from_environment,
            options_from,
        )

        open_streams()
        try:
            given = from_arguments(settings, limits)
            if "bind" not in given or (host, port) != ("localhost", 8000):
                given |= {"host": host, "port": port}
            self.serve(options_from(from_environment(os.environ), given, RUN_DEFAULTS))
        except (AddressUnavailable, InvalidSetting) as error:
            sys.exit(f"fanlight: {error}")

    def serve(self, options: Options) -> None:
        """Serve with these options, alone or with workers. Raises ServerError when the address can't be had."""
        from fanlight.server.start import serve  # noqa: PLC0415 - as above
        from fanlight.site.banner import announcement  # noqa: PLC0415 - as above

        serve(lambda: (self, self.facts), options, announcement(options))

    @property
    def facts(self) -> dict[str, Any]:
        """What is said of the site when it is served."""
        return {"routes": len(self.table.routes), "file": str(self.file)}


def _is_loaded_in_child() -> bool:
    """Say whether a child of multiprocessing ("spawn", "forkserver") loads the program's file anew just now."""
    processes = sys.modules.get("multiprocessing.process")
    return processes is not None and getattr(processes.current_process(), "_inheriting", False)


__all__ = ["App", "ServerError"]
