"""`fanlight status`: querying running servers, and formatting their status."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.speed import PATIENCE

from fanlight.cli.commands import main
from fanlight.message.response import Response
from fanlight.server.hub import Hub
from fanlight.server.listening.listen import listen
from fanlight.server.operator.admin import AdminThread
from fanlight.server.operator.runtime_folder import control_path, control_paths
from fanlight.server.operator.snapshot import snapshot
from fanlight.settings.limits import Limits
from fanlight.testing import FakeHandler


class Overview:
    """A server of one process, from its hub."""

    def __init__(self, hub: Hub, *, is_parent: bool) -> None:
        self._hub, self._is_parent = hub, is_parent

    def is_alive(self) -> bool:
        return True

    def is_ready(self) -> bool:
        return True

    def metrics(self) -> bytes:
        return b""

    def status(self) -> dict[str, Any]:
        state = snapshot(self._hub)
        if not self._is_parent:
            return state
        workers = [{"pid": 7, "state": "ready", "doing": state}, {"pid": 8, "state": "starting", "doing": None}]
        return {"pid": 6, "is_ready": True, "restarts": {"killed": 2}, "workers": workers}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this test a runtime folder of its own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "fanlight"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Run a hub with one route that is stuck until the test ends."""
    ready: Future[Hub] = Future()
    go_on = threading.Event()

    def stuck(_: object) -> Response:
        go_on.wait()
        return Response("done")

    async def serve() -> None:
        hub = Hub(FakeHandler({"/slow": stuck}), Limits())
        ready.set_result(hub)
        await hub.table.drained.wait()
        hub.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    hub = ready.result(PATIENCE)
    yield hub
    go_on.set()
    hub.post(hub.drain)
    hub.post(hub.table.abort)
    thread.join(PATIENCE)


def run_status(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["status", *words])
    return result.exit_code, result.output


def start_admin(overview: Overview, pid: int) -> AdminThread:
    thread = AdminThread(overview, listen(f"unix:{control_path(pid)}"))
    thread.start()
    return thread


def test_a_running_server_is_found_and_reported(folder: Path, hub: Hub) -> None:
    """Without an argument, all servers of the user are shown: requests in flight with their place, lanes, limits."""
    ours, theirs = socket.socketpair()
    hub.post(hub.adopt, theirs, "192.0.2.1")
    ours.sendall(b"GET /slow?token=x HTTP/1.1\r\nhost: a\r\n\r\n")
    while not hub.lanes.slow_routes():  # recorded after the rescue itself
        threading.Event().wait(0.01)
    thread = start_admin(Overview(hub, is_parent=False), 4711)
    code, output = run_status()
    thread.stop()
    ours.close()
    assert code == 0
    assert f"process {os.getpid()}" in output
    assert "GET /slow?token=***  from 192.0.2.1" in output
    assert "stuck: inline, stuck, " in output
    assert "test_status.py" in output
    assert "connections: 1 of 10000 (1 running)" in output
    assert "routes moved to the thread pool: 1 (1 rescues)" in output
    assert "limits: head_bytes 16KiB" in output


def test_one_server_is_queried_by_process_id_or_by_socket(folder: Path, hub: Hub) -> None:
    """Either names the same server."""
    thread = start_admin(Overview(hub, is_parent=False), 4711)
    results = [run_status(which, "--json") for which in ("4711", str(folder / "4711.sock"), f"unix:{folder}/4711.sock")]
    thread.stop()
    assert [json.loads(output)["pid"] for _, output in results] == [os.getpid()] * 3


def test_the_workers_of_a_supervisor_are_listed(folder: Path, hub: Hub) -> None:
    """Each worker is listed with its state, also one that does not respond."""
    thread = start_admin(Overview(hub, is_parent=True), 6)
    code, output = run_status("6")
    thread.stop()
    assert code == 0
    assert "process 6: ready, 2 workers\n  replaced: 2 killed\n  worker 7: ready\n    up " in output
    assert "  worker 8: starting\n    no response" in output


def test_no_running_server_is_an_error(folder: Path) -> None:
    """If no server runs, the exit code is 1, and the message has a hint."""
    code, output = run_status()
    assert code == 1
    assert "no running server of yours has a control socket" in output


def test_a_socket_that_was_left_behind_is_skipped(folder: Path) -> None:
    """The socket of a killed server is skipped; querying it alone is an error."""
    (sock,) = listen(f"unix:{control_path(4711)}")
    sock.close()
    assert control_paths() == [folder / "4711.sock"]
    assert "no running server of yours has a control socket" in run_status()[1]
    assert "left behind" in run_status("4711")[1]
    assert "does not exist" in run_status("4712")[1]


def test_a_folder_that_others_may_write_to_is_refused(folder: Path) -> None:
    """It is not used for control sockets."""
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "1.sock").touch()
    assert control_paths() == []
    code, output = run_status("1")
    assert code == 1
    assert "chmod 700" in output


def test_a_link_in_place_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    """A symlink can't lead to another folder."""
    (tmp_path / "other").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "other")
    code, output = run_status("1")
    assert code == 1
    assert "it is not a folder" in output


def test_without_a_runtime_folder_the_temporary_folder_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a runtime folder of the user, one that only the user can enter is created in the temporary folder."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("fanlight.server.operator.runtime_folder._user_id", lambda: 424242)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    path = control_path(1)
    assert path == tmp_path / "fanlight-424242" / "1.sock"
    assert path.parent.stat().st_mode & 0o777 == 0o700
