"""Give an app its services, as the settings and the environment say, before the port opens.

In: an app, the options, the environment. Out: the app has its store and its keys; or, if nothing in it needs them, it
has none, and no file is made. Refuses, as InvalidSetting, a weak secret, a store that other machines share without a
secret that they share as well, and a folder or a file that can't be used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from fanlight.errors import InvalidSetting
from fanlight.services import Services
from fanlight.settings.options import Options
from fanlight.settings.start_directory import as_started
from fanlight.settings.state_folder import make_state_folder, state_folder_of
from fanlight.settings.store_url import read_store_url

STORE_FILE = "store.sqlite"


class Prepared(Protocol):
    """An app, as far as it is prepared."""

    folder: Path
    services: Services

    @property
    def needs_services(self) -> bool:
        """Whether anything in it uses them."""


def prepare(
    app: Prepared,
    options: Options,
    environ: Mapping[str, str],
    *,
    typed_folder: Path | None = None,
    is_development: bool = False,
) -> None:
    """Give an app its store and its keys; in development secrets may be weak. Raises InvalidSetting.

    `typed_folder` is the folder of the site by the path that was typed: behind a link to a release it stays the same,
    and with it the state folder and the secret in it.
    """
    if not app.needs_services:
        return
    # They load packages, which a site that needs none of this does not pay for.
    from fanlight.signing.signing_keys import Keys  # noqa: PLC0415
    from fanlight.signing.site_secrets import read_secrets, secret_of_folder  # noqa: PLC0415
    from fanlight.signing.weak_secrets import HOW_TO  # noqa: PLC0415
    from fanlight.stores.open_store import check_store, open_store  # noqa: PLC0415

    secrets = read_secrets(environ, may_be_weak=is_development)
    if not secrets and options.store and read_store_url(options.store).kind == "redis":
        raise InvalidSetting(
            f"the store is shared with other machines, which need the same secret: set FANLIGHT_SECRET; {HOW_TO}"
        )

    def state_folder() -> Path:  # only where it is needed: a container's user may have no folder to write to
        site_folder = typed_folder or as_started(app.folder)
        return make_state_folder(state_folder_of(options.state_folder, environ, site_folder))

    if not secrets:
        secrets = [secret_of_folder(state_folder())]
    url = options.store or f"sqlite:{state_folder() / STORE_FILE}"
    check_store(url)
    app.services.use(store=open_store(url), keys=Keys(secrets), keeps_sessions=bool(options.store))
