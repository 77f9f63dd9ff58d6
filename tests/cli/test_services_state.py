"""What `check --deploy` reads of a site's secret and store: nothing is made, and nothing of a secret is kept."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.redis_server import RedisServer

from fanlight.cli.deploy_check.services_state import ServicesState, bus_problem
from fanlight.settings.options import Options
from fanlight.signing.site_secrets import make_secret
from fanlight.stores.open_store import open_store

STRONG = {"FANLIGHT_SECRET": f"{make_secret()},{make_secret()}"}


def read(folder: Path, environ: Mapping[str, str], **options: Any) -> ServicesState:
    return ServicesState.read(Options(bind=(), **options), {"XDG_STATE_HOME": str(folder), **environ}, folder / "site")


def test_the_defaults_are_a_secret_and_a_store_in_the_state_folder(tmp_path: Path) -> None:
    """Its folder is named, can be made, and is not made."""
    state = read(tmp_path, {})
    assert (state.secret_count, state.secret_problem, state.folder_problem, state.store_problem) == (0, "", "", "")
    assert state.state_folder.startswith(f"{tmp_path}/fanlight/site-")
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_counted_and_not_kept(tmp_path: Path) -> None:
    """A weak one is a problem, which does not show it."""
    state = read(tmp_path, STRONG, store=f"sqlite:{tmp_path}/store.sqlite")
    assert (state.secret_count, state.state_folder) == (2, "")
    assert not any(each in repr(state) for each in STRONG["FANLIGHT_SECRET"].split(","))
    weak = read(tmp_path, {"FANLIGHT_SECRET": "hunter2"})
    assert "has 7 characters, and needs 32" in weak.secret_problem
    assert "hunter2" not in repr(weak)


@pytest.mark.parametrize("name", ["FANLIGHT_SECRET", "FANLIGHT_STORE", "FANLIGHT_BUS"])
def test_an_env_file_with_secrets_is_for_its_user(tmp_path: Path, name: str) -> None:
    """One that every user can read is found, if it has a secret or the URL of a store; what is no such file is not."""
    path = tmp_path / "site.env"
    path.write_text(f"{name}=x\n")
    path.chmod(0o644)
    assert read(tmp_path, {}, env_file=str(path)).open_file == str(path)
    path.chmod(0o640)  # for the group of a service
    assert read(tmp_path, {}, env_file=str(path)).open_file == ""
    path.chmod(0o644)
    for text in ("FANLIGHT_PORT=80\n", "no line of an env file\n"):
        path.write_text(text)
        assert read(tmp_path, {}, env_file=str(path)).open_file == ""
    assert read(tmp_path, {}, env_file=f"{tmp_path}/missing").open_file == ""


def test_a_state_folder_that_can_not_be_used_is_found(tmp_path: Path) -> None:
    """A file is in its place, or every user could replace the secret; with a secret and a store it is not needed."""
    (tmp_path / "file").write_text("")
    assert "can't be made" in read(tmp_path, {}, state_folder=f"{tmp_path}/file/state").folder_problem
    assert "can't be written" in read(tmp_path, {}, state_folder=f"{tmp_path}/file").folder_problem
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert "every user can write" in read(tmp_path, {}, state_folder=f"{tmp_path}/open").folder_problem
    (tmp_path / "open").chmod(0o700)
    assert read(tmp_path, {}, state_folder=f"{tmp_path}/open").folder_problem == ""
    assert read(tmp_path, STRONG, state_folder=f"{tmp_path}/file", store="memory:").folder_problem == ""


def test_a_sqlite_store_is_tried_if_it_exists(tmp_path: Path) -> None:
    """One that is missing is made by the server; one that is no database is found."""
    url = f"sqlite:{tmp_path}/store.sqlite"
    state = read(tmp_path, STRONG, store=url)
    assert (state.store_kind, state.store_problem) == ("sqlite", "")
    assert list(tmp_path.iterdir()) == []
    assert "can't be made" in read(tmp_path, STRONG, store=f"sqlite:{tmp_path}/nowhere/store.sqlite").store_problem
    store = open_store(url)
    store.set("a", b"b", 60)
    store.close()
    assert read(tmp_path, STRONG, store=url).store_problem == ""
    (tmp_path / "broken.sqlite").write_bytes(b"no database" * 100)
    assert (
        "broken.sqlite can't be used" in read(tmp_path, STRONG, store=f"sqlite:{tmp_path}/broken.sqlite").store_problem
    )


def test_a_redis_that_is_gone_is_found(tmp_path: Path) -> None:
    """Without the password of its URL."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    state = read(tmp_path, STRONG, store=f"redis://user:hidden@127.0.0.1:{port}/0")
    assert state.store_kind == "redis"
    assert f"127.0.0.1:{port}" in state.store_problem
    assert "hidden" not in repr(state)


@pytest.mark.parametrize("store", ["", "memory:"])
def test_a_store_in_memory_and_the_default_have_no_problem(tmp_path: Path, store: str) -> None:
    """There is nothing to try."""
    assert read(tmp_path, STRONG, store=store).store_problem == ""


def test_a_bus_that_can_not_be_reached_is_found(tmp_path: Path) -> None:
    """With its address and without its password; one that responds is well, and so is none."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    problem = bus_problem(Options(bind=(), bus=f"redis://:hunter2@127.0.0.1:{port}/0"))
    assert problem.startswith(f"the bus redis://127.0.0.1:{port}/0 can't be used: ")
    assert "hunter2" not in problem
    server = RedisServer(tmp_path / "redis")
    try:
        assert bus_problem(Options(bind=(), bus=server.url)) == ""
    finally:
        server.stop()
    assert bus_problem(Options(bind=())) == ""
