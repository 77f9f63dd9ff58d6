"""Read the setting `openapi` of an app.

In: the setting. Out: the addresses of the description. Refuses an app with several hosts: a document has each path
once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fanlight.errors import Mistake, SetupError

if TYPE_CHECKING:
    from fanlight.openapi.openapi_routes import OpenAPIRoutes

_ONE_HOST = Mistake(
    message="the description in OpenAPI is of one host, and this app has several: a path may be there on each of them",
    hint="leave out openapi=, or run the API as an app of its own",
)


def check_hosts(*, has_hosts: bool) -> None:
    """Raise SetupError for an app that can't be described."""
    if has_hosts:
        raise SetupError([_ONE_HOST])


def read_description(given: object, folder: Path, *, has_hosts: bool) -> tuple[OpenAPIRoutes | None, list[Mistake]]:
    """Return what serves the description, None without one or if it is wrong, and what is wrong with it."""
    if given is None:
        return None, []
    if has_hosts:
        return None, [_ONE_HOST]
    from fanlight.openapi.openapi_routes import read_routes  # noqa: PLC0415 - for sites that are described

    return read_routes(given, folder)
