"""`ServicesState`: the secret and the store of a site that needs them, as they would be used.

In: options, the environment, the folder of the site. Out: one frozen object. A store that exists is tried; no file and
no folder is made, and nothing is written to a store. Nothing of a secret is kept.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fanlight.cli.deploy_check.accounts import account_of, current_account, may
from fanlight.errors import InvalidSetting, StoreUnavailable
from fanlight.settings.env_file import read_env_file
from fanlight.settings.options import Options
from fanlight.settings.sources import SECRET_VARIABLE
from fanlight.settings.state_folder import state_folder_of
from fanlight.settings.store_url import read_bus_url, read_store_url
from fanlight.signing.site_secrets import read_secrets
from fanlight.stores.open_store import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesState:
    """What was read of a site's secret and store. The defaults pass every check."""

    secret_count: int = 1  # in FANLIGHT_SECRET
    secret_problem: str = ""  # why one of them can't be used
    open_file: str = ""  # the env file, if it has secrets and every user can read it
    state_folder: str = ""
    folder_problem: str = ""  # why it can't be used, if it is needed
    store_kind: str = "sqlite"
    store_shown: str = ""  # without a password; "" for the one in the state folder
    store_problem: str = ""

    @classmethod
    def read(cls, options: Options, environ: Mapping[str, str], site_folder: Path) -> ServicesState:
        """Read the state for these options."""
        secret_count, secret_problem, folder, folder_problem = 0, "", "", ""
        try:
            secret_count = len(read_secrets(environ))
        except InvalidSetting as error:
            secret_problem = str(error)
        if not (secret_count and options.store):
            try:
                folder = str(state_folder_of(options.state_folder, environ, site_folder))
                folder_problem = _folder_problem(Path(folder), options)
            except InvalidSetting as error:
                folder_problem = str(error)
        parts = read_store_url(options.store) if options.store else None
        return cls(
            secret_count=secret_count,
            secret_problem=secret_problem,
            open_file=_open_file(options.env_file),
            state_folder=folder,
            folder_problem=folder_problem,
            store_kind="sqlite" if parts is None else parts.kind,
            store_shown="" if parts is None else parts.shown,
            store_problem=_store_problem(options),
        )


def _open_file(path: str) -> str:
    """Return the path of an env file that has secrets and that every user can read, else ""."""
    try:
        found = read_env_file(path) if path and Path(path).stat().st_mode & stat.S_IROTH else {}
    except (OSError, InvalidSetting):  # which the site refuses
        return ""
    return path if found.keys() & {SECRET_VARIABLE, "FANLIGHT_STORE", "FANLIGHT_BUS"} else ""


def _folder_problem(folder: Path, options: Options) -> str:
    """Return why a folder can't be used or made by the user that the site runs as, "" if it can."""
    account = account_of(options.user) if options.user else current_account()
    existing = next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))
    if not existing.is_dir() or not may(existing, 0o3, account):
        return f"the state folder {folder} can't be {'written' if existing == folder else 'made'}"
    if existing == folder and stat.S_IMODE(folder.stat().st_mode) & stat.S_IWOTH:
        return f"every user can write to the state folder {folder}, and replace the secret"
    return ""


def _store_problem(options: Options) -> str:
    """Return why the store of `--store` can't be used, "" if it can, or is made when it is needed."""
    if not options.store:
        return ""
    parts = read_store_url(options.store)
    if parts.kind == "sqlite" and not Path(parts.text).exists():
        return _file_problem(Path(parts.text), options)
    return _use_problem(options.store, f"the store {parts.shown}")


def bus_problem(options: Options) -> str:
    """Return why the Redis of `--bus` can't be used, "" if it can, or if there is none."""
    return _use_problem(options.bus, f"the bus {read_bus_url(options.bus).shown}") if options.bus else ""


def _use_problem(url: str, name: str) -> str:
    try:
        store = open_store(url)
    except InvalidSetting as error:
        return str(error)
    try:
        store.get("check:")
    except StoreUnavailable as error:
        return f"{name} can't be used: {error.reason}"
    finally:
        store.close()
    return ""


def _file_problem(file: Path, options: Options) -> str:
    account = account_of(options.user) if options.user else current_account()
    if file.parent.is_dir() and may(file.parent, 0o3, account):
        return ""
    return f"the store {file} can't be made: its folder does not exist, or is not writable"
