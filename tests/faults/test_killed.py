"""Workers that are killed are replaced, and clients of other workers are not affected."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from tests.speed import PATIENCE

Serve = Callable[..., Any]


def worker_of(connection: Any) -> int:
    connection.request("GET", "/worker")
    response = connection.getresponse()
    assert response.status == 200
    return int(response.read())


def test_a_killed_worker_is_replaced_and_others_serve_on(serve: Serve) -> None:
    """SIGKILL ends one worker: its connection is lost, the other's is kept, and a third takes its place."""
    site = serve("--workers", "2", "--no-access-log")
    first, second = sorted(site.children)
    connections: dict[int, Any] = {}
    for _ in range(1000):
        connection = site.connect()
        if connections.setdefault(worker_of(connection), connection) is not connection:
            connection.close()
        if len(connections) == 2:
            break
    assert set(connections) == {first, second}
    os.kill(first, signal.SIGKILL)
    for _ in range(50):
        assert worker_of(connections[second]) == second
        assert site.request()[0] == 200
    with pytest.raises(OSError, match=r"closed|reset|Broken pipe"):
        worker_of(connections[first])
    for each in connections.values():
        each.close()
    log = site.wait_for_log("was killed by SIGKILL")
    assert f"worker {first} was killed by SIGKILL" in log
    site.wait_until(lambda: "yes" if len(site.children) == 2 else "", "third worker")
    assert second in site.children
    assert site.stop() == 0


def test_clients_wait_for_new_workers_when_all_are_killed(serve: Serve) -> None:
    """When every worker is killed, clients wait in the port's queue, and are served by the next workers."""
    site = serve("--workers", "2", "--no-access-log")
    old = site.children
    for each in old:
        os.kill(each, signal.SIGKILL)
    assert site.request() == (200, b"hello")
    assert int(site.request("/worker")[1]) not in old
    assert site.stop() == 0


def test_a_killed_supervisor_leaves_no_orphans(serve: Serve) -> None:
    """When the supervisor is killed, its workers finish their requests, and end."""
    site = serve("--workers", "2", "--no-access-log")
    workers = site.children
    site.process.kill()
    site.process.wait()
    for each in workers:
        wait_for_end_of(each)


def wait_for_end_of(pid: int) -> None:
    """Return once a process that is not our child has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        import select

        assert select.select([descriptor], [], [], PATIENCE)[0], f"process {pid} is still there"
    finally:
        os.close(descriptor)
