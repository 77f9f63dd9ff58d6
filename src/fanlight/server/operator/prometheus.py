"""What was counted, as Prometheus reads it: its text format, version 0.0.4.

In: a snapshot of counts (of one process, or the sum of several) and gauges by their names. Out: bytes.
Each metric that there can be stands in one of the tables below, with its words. Refuses a gauge that is
in no table. Knows nothing of where the numbers come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fanlight.server.recording.counts import BUCKETS, Snapshot

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "fanlight_"

Gauges = Mapping[str, "float | Mapping[str, float]"]
_Labels = tuple[tuple[str, str], ...]
_Sample = tuple[str, _Labels, float]  # what follows the name, labels, value


@dataclass(frozen=True, slots=True)
class Metric:
    """How one metric is called, and what it says; its values may differ by one label."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    label: str = ""


REQUESTS = Metric("requests_total", "counter", "Requests that were answered.")
SECONDS = Metric("request_seconds", "histogram", "From a request's head to the end of its answer, in seconds.")
SENT = Metric("response_bytes_total", "counter", "Bytes of answers, their heads among them.")
REFUSED = Metric("refused_total", "counter", "Messages that were refused as they were no request we take, by status.")
CONNECTIONS = Metric("connections_total", "counter", "Connections that were accepted.")
COUNTED = (REQUESTS, SECONDS, SENT, REFUSED, CONNECTIONS)

GAUGES = {
    "connections": Metric("connections", "gauge", "Connections that are open."),
    "connections_by_phase": Metric("connections_by_phase", "gauge", "Open connections by what they wait for.", "phase"),
    "in_flight": Metric("requests_in_flight", "gauge", "Requests that are not answered yet."),
    "threads_busy": Metric("threads_busy", "gauge", "Threads of the pools that run a view."),
    "calls_waiting": Metric("calls_waiting", "gauge", "Calls that wait for a thread."),
    "tasks": Metric("tasks", "gauge", "Async views and streams that run."),
    "slow_routes": Metric(
        "slow_routes", "gauge", "Routes that were moved to threads, because they were stuck or wait."
    ),
    "rescues": Metric("rescues_total", "counter", "How often the hub was taken from a stuck view."),
    "log_lines_lost": Metric("log_lines_lost_total", "counter", "Lines of the access log that nobody took."),
    "workers": Metric("workers", "gauge", "Worker processes by where they stand.", "state"),
    "worker_restarts": Metric("worker_restarts_total", "counter", "Workers that were replaced, by reason.", "reason"),
    "resident_bytes": Metric("resident_bytes", "gauge", "Memory that a process has, by process id.", "process"),
    "cpu_seconds": Metric("cpu_seconds_total", "counter", "Processor time of a process, by process id.", "process"),
    "open_files": Metric("open_files", "gauge", "File descriptors that a process has open, by process id.", "process"),
    "limits": Metric("limit", "gauge", "The limits that each process keeps, in their own units.", "name"),
}


def render_prometheus(snapshot: Snapshot, gauges: Gauges) -> bytes:
    """Return everything as text. Raises KeyError for a gauge that is not in GAUGES."""
    parts = [
        _shown(REQUESTS, _requests(snapshot)),
        _shown(SECONDS, _histograms(snapshot)),
        _shown(SENT, [("", (), snapshot["bytes"])]),
        _shown(REFUSED, [("", (("status", status),), count) for status, count in sorted(snapshot["refused"].items())]),
        _shown(CONNECTIONS, [("", (), snapshot["connections"])]),
    ]
    for name, value in gauges.items():
        metric = GAUGES[name]
        if isinstance(value, Mapping):
            parts.append(_shown(metric, [("", ((metric.label, key),), each) for key, each in sorted(value.items())]))
        else:
            parts.append(_shown(metric, [("", (), value)]))
    return "".join(parts).encode()


def gauges_of(states: Sequence[Mapping[str, Any]]) -> dict[str, float | dict[str, float]]:
    """Return the gauges of what several processes say that they do; see `state.described`."""
    phases: Counter[str] = Counter()
    for each in states:
        phases.update({name: count for name, count in each["connections"].items() if name != "open"})
    by_process: dict[str, dict[str, float]] = {"resident_bytes": {}, "cpu_seconds": {}, "open_files": {}}
    for each in states:
        for name, value in each["process"].items():
            by_process[name][str(each["pid"])] = value
    return {
        "connections": sum(each["connections"]["open"] for each in states),
        "connections_by_phase": {**phases},
        "in_flight": sum(each["in_flight_count"] for each in states),
        "threads_busy": sum(each["threads"]["busy"] for each in states),
        "calls_waiting": sum(each["threads"]["waiting_calls"] for each in states),
        "tasks": sum(each["tasks"] for each in states),
        "slow_routes": len({slow["route"] for each in states for slow in each["slow_routes"]}),
        "rescues": sum(each["rescues"] for each in states),
        **by_process,
        "limits": {**states[0]["limits"]} if states else {},
    }


def _requests(snapshot: Snapshot) -> list[_Sample]:
    return [
        ("", (("method", method), ("status", str(status)), ("route", route)), count)
        for method, status, route, count in sorted(snapshot["requests"])
    ]


def _histograms(snapshot: Snapshot) -> list[_Sample]:
    samples: list[_Sample] = []
    for route, values in sorted(snapshot["durations"].items()):
        label, count = ("route", route), 0
        for bound, each in zip((*BUCKETS, float("inf")), values, strict=False):
            count += int(each)
            samples.append(("_bucket", (label, ("le", "+Inf" if bound == float("inf") else f"{bound:g}")), count))
        samples += [("_sum", (label,), values[-1]), ("_count", (label,), count)]
    return samples


def _shown(metric: Metric, samples: Iterable[_Sample]) -> str:
    name = PREFIX + metric.name
    lines = [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}"]
    for suffix, labels, value in samples:
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        lines.append(f"{name}{suffix}{{{inner}}} {value}" if inner else f"{name}{suffix} {value}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
