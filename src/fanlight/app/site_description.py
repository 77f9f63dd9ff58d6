"""What an app serves of itself: its description in OpenAPI, and the address for reports of its policy.

In: the settings. Out: the entries for the table. Refuses an app with several hosts: a document has each path once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fanlight.errors import Mistake, SetupError

if TYPE_CHECKING:
    from fanlight.openapi.openapi_routes import OpenAPIRoutes
    from fanlight.protection.content_security_policy import ContentSecurityPolicy

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


def urls_of_app(policy: ContentSecurityPolicy | None, description: OpenAPIRoutes | None) -> dict[str, object]:
    """Return the addresses of the app itself: of its description, and for the reports of browsers."""
    urls: dict[str, object] = {} if description is None else {**description.urls}
    if policy is not None and policy.reports:
        from fanlight.protection.policy_reports import PolicyReports  # noqa: PLC0415 - for a site with such an address

        urls[f"POST {policy.reports}"] = PolicyReports().view()
    return urls
