"""The metrics, as Prometheus's own parser reads them."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fanlight.message.response import Response
from fanlight.server.operator.prometheus import GAUGES, gauges_of, render_prometheus
from fanlight.server.recording.counts import BUCKETS, Counts, merge
from fanlight.testing import FakeCall

NASTY = 'GET /a"b\\c\nd{e} (x)'


def samples(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        assert family.documentation
        assert family.type != "unknown"
        for each in family.samples:
            key = each.name, frozenset(each.labels.items())
            assert key not in found
            found[key] = each.value
    return found


def counted() -> Counts:
    counts = Counts()
    page = FakeCall(lambda _: Response("x"), name=NASTY)
    for seconds in (0.0005, 0.3, 20.0):
        counts.count_response(page, "GET", 200, seconds, 100)
    counts.count_refusal(431)
    return counts


def test_counts_are_read_back() -> None:
    """Every counter, and the buckets of the histogram, come out of the parser as they were counted."""
    found = samples(render_prometheus(counted().snapshot(4), {}))
    route = ("route", '/a"b\\c\nd{e}')
    assert found["fanlight_requests_total", frozenset({("method", "GET"), ("status", "200"), route})] == 3
    assert found["fanlight_refused_total", frozenset({("status", "431")})] == 1
    assert found["fanlight_connections_total", frozenset()] == 4
    assert found["fanlight_response_bytes_total", frozenset()] == 300
    assert found["fanlight_request_seconds_count", frozenset({route})] == 3
    assert abs(found["fanlight_request_seconds_sum", frozenset({route})] - 20.3005) < 1e-9
    buckets = [found["fanlight_request_seconds_bucket", frozenset({route, ("le", f"{each:g}")})] for each in BUCKETS]
    assert buckets == [1] * 7 + [1] + [2] * 5
    assert found["fanlight_request_seconds_bucket", frozenset({route, ("le", "+Inf")})] == 3


def test_several_processes_are_one_scrape() -> None:
    """The sum of two snapshots is exposed as one."""
    found = samples(render_prometheus(merge([counted().snapshot(4), counted().snapshot(4)]), {}))
    assert found["fanlight_response_bytes_total", frozenset()] == 600


@pytest.mark.parametrize("name", GAUGES)
def test_every_gauge_is_read_back(name: str) -> None:
    """Each gauge that there can be is valid, with its label where it has one."""
    label = GAUGES[name].label
    value: Any = {'k"\\\n': 2.5} if label else 2.5
    found = samples(render_prometheus(Counts().snapshot(), {name: value}))
    key = frozenset({(label, 'k"\\\n')}) if label else frozenset()
    assert found[f"fanlight_{GAUGES[name].name}", key] == 2.5


def test_an_unknown_gauge_is_refused() -> None:
    """A gauge without words is no gauge."""
    with pytest.raises(KeyError):
        render_prometheus(Counts().snapshot(), {"mystery": 1.0})


def state(pid: int) -> dict[str, Any]:
    return {
        "pid": pid,
        "connections": {"open": 3, "idle": 2, "running": 1},
        "in_flight_count": 1,
        "threads": {"busy": 1, "waiting_calls": 0},
        "tasks": 2,
        "slow_routes": [{"route": "GET /slow (x)", "seconds": 1}],
        "rescues": 5,
        "process": {"resident_bytes": 1e7, "cpu_seconds": 1.5, "open_files": 20},
        "limits": {"threads": 64, "head_seconds": 10},
    }


def test_the_gauges_of_several_processes() -> None:
    """What can be summed is summed, a process's own is by process, a route that is slow in two is one."""
    found = samples(render_prometheus(Counts().snapshot(), gauges_of([state(1), state(2)])))
    assert found["fanlight_connections", frozenset()] == 6
    assert found["fanlight_connections_by_phase", frozenset({("phase", "idle")})] == 4
    assert found["fanlight_requests_in_flight", frozenset()] == 2
    assert found["fanlight_slow_routes", frozenset()] == 1
    assert found["fanlight_rescues_total", frozenset()] == 10
    assert found["fanlight_resident_bytes", frozenset({("process", "2")})] == 1e7
    assert found["fanlight_limit", frozenset({("name", "threads")})] == 64


def test_no_process_no_gauges() -> None:
    """Before any worker has replied, the gauges are zero or missing."""
    found = samples(render_prometheus(Counts().snapshot(), gauges_of([])))
    assert found["fanlight_connections", frozenset()] == 0
