"""The description of an app in OpenAPI: what serves it, and the document.

In: the setting `openapi` of an app, and its parts. Out: the addresses of the description, and the document. Refuses an
app with several hosts: a document has each path once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fanlight.errors import Mistake, SetupError
from fanlight.openapi.openapi_routes import OpenAPIRoutes, read_routes
from fanlight.openapi.openapi_settings import OpenAPI

if TYPE_CHECKING:
    from fanlight.openapi.document import Document
    from fanlight.openapi.operations import DescribedSite

_ONE_HOST = Mistake(
    message="the description in OpenAPI is of one host, and this app has several: a path may be there on each of them",
    hint="leave out openapi=, or run the API as an app of its own",
)


def read_description(given: object, folder: Path, *, has_hosts: bool) -> tuple[OpenAPIRoutes | None, list[Mistake]]:
    """Return what serves the description, None if its settings are wrong, and what is wrong with them."""
    return (None, [_ONE_HOST]) if has_hosts else read_routes(given, folder)


def describe_site(site: DescribedSite, description: OpenAPIRoutes | None, *, has_hosts: bool) -> Document:
    """Return the description of a site, also if it does not serve one. Raises SetupError for one with several hosts."""
    from fanlight.openapi.document import describe  # noqa: PLC0415 - not before somebody looks at it

    if has_hosts:
        raise SetupError([_ONE_HOST])
    return describe(site, OpenAPI(title=site.folder.name) if description is None else description.settings)
