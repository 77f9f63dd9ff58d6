"""A worker that the kernel kills: another takes its place, and clients of the others notice nothing."""

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


def test_a_killed_worker_is_replaced_and_the_other_is_not_disturbed(serve: Serve) -> None:
    """SIGKILL ends one worker: its connection is lost, the other's goes on, a third takes its place."""
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
        assert site.ask()[0] == 200
    with pytest.raises(OSError, match=r"closed|reset|Broken pipe"):
        worker_of(connections[first])
    for each in connections.values():
        each.close()
    log = site.wait_for("was killed by SIGKILL")
    assert f"worker {first} was killed by SIGKILL" in log
    site.wait_until(lambda: "yes" if len(site.children) == 2 else "", "third worker")
    assert second in site.children
    assert site.end() == 0


def test_all_workers_killed_at_once(serve: Serve) -> None:
    """When every worker is killed, clients wait in the port's queue, and are answered by the next workers."""
    site = serve("--workers", "2", "--no-access-log")
    old = site.children
    for each in old:
        os.kill(each, signal.SIGKILL)
    assert site.ask() == (200, b"hello")
    assert int(site.ask("/worker")[1]) not in old
    assert site.end() == 0


def test_a_killed_parent_leaves_no_orphans(serve: Serve) -> None:
    """When the parent itself is killed, its workers finish, and leave."""
    site = serve("--workers", "2", "--no-access-log")
    workers = site.children
    site.process.kill()
    site.process.wait()
    for each in workers:
        wait_for_end_of(each)


def wait_for_end_of(pid: int) -> None:
    """Return once a process that is no child of ours is gone."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        import select

        assert select.select([descriptor], [], [], PATIENCE)[0], f"process {pid} is still there"
    finally:
        os.close(descriptor)
