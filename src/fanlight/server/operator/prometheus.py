"""The metrics in Prometheus' text format, version 0.0.4.

In: counts (of one process, or the sum of several) and gauges by name. Out: bytes. Every metric is in one of the tables
below, with its help text; a gauge that is in none is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from fanlight.server.recording.counts import BUCKETS, CountsSnapshot

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "fanlight_"

Gauges = Mapping[str, "float | Mapping[str, float]"]
_Labels = tuple[tuple[str, str], ...]
_Sample = tuple[str, _Labels, float]  # suffix of the name, labels, value


class Metric(Struct, frozen=True):
    """One metric: its name, kind and help text; `label` tells its values apart."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    label: str = ""


REQUESTS = Metric("requests_total", "counter", "Requests that were responded to.")
SECONDS = Metric("request_seconds", "histogram", "Seconds from a request's head to the end of its response.")
SENT = Metric("response_bytes_total", "counter", "Bytes of responses, heads included.")
REFUSED = Metric("refused_total", "counter", "Messages refused as invalid requests, by status.")
CONNECTIONS = Metric("connections_total", "counter", "Connections accepted.")

GAUGES = {
    "connections": Metric("connections", "gauge", "Open connections."),
    "connections_by_phase": Metric("connections_by_phase", "gauge", "Open connections by phase.", "phase"),
    "in_flight": Metric("requests_in_flight", "gauge", "Requests without a complete response yet."),
    "threads_busy": Metric("threads_busy", "gauge", "Threads of the pool that run a view."),
    "calls_waiting": Metric("calls_waiting", "gauge", "Calls waiting for a thread."),
    "tasks": Metric("tasks", "gauge", "Running async views and streams."),
    "slow_routes": Metric("slow_routes", "gauge", "Routes moved to the thread pool because they block."),
    "rescues": Metric("rescues_total", "counter", "Times the hub was taken over from a stuck view."),
    "log_lines_lost": Metric("log_lines_lost_total", "counter", "Access log lines that could not be written."),
    "workers": Metric("workers", "gauge", "Worker processes by state.", "state"),
    "worker_restarts": Metric("worker_restarts_total", "counter", "Workers replaced, by reason.", "reason"),
    "resident_bytes": Metric("resident_bytes", "gauge", "Resident memory, by process id.", "process"),
    "cpu_seconds": Metric("cpu_seconds_total", "counter", "Processor time, by process id.", "process"),
    "open_files": Metric("open_files", "gauge", "Open file descriptors, by process id.", "process"),
    "limits": Metric("limit", "gauge", "The limits of each process, in their own units.", "name"),
}


def render_prometheus(snapshot: CountsSnapshot, gauges: Gauges) -> bytes:
    """Return the metrics as text. Raises KeyError for a gauge that is not in GAUGES."""
    requests: list[_Sample] = [
        ("", (("method", method), ("status", str(status)), ("route", route)), count)
        for method, status, route, count in sorted(snapshot["requests"])
    ]
    parts = [
        _render(REQUESTS, requests),
        _render(SECONDS, _histograms(snapshot)),
        _render(SENT, [("", (), snapshot["bytes"])]),
        _render(REFUSED, [("", (("status", status),), count) for status, count in sorted(snapshot["refused"].items())]),
        _render(CONNECTIONS, [("", (), snapshot["connections"])]),
    ]
    for name, value in gauges.items():
        metric = GAUGES[name]
        if isinstance(value, Mapping):
            parts.append(_render(metric, [("", ((metric.label, key),), each) for key, each in sorted(value.items())]))
        else:
            parts.append(_render(metric, [("", (), value)]))
    return "".join(parts).encode()


def gauges_of(states: Sequence[Mapping[str, Any]]) -> dict[str, float | dict[str, float]]:
    """Return the gauges for the snapshots of several processes; see `snapshot`."""
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


def _histograms(snapshot: CountsSnapshot) -> list[_Sample]:
    samples: list[_Sample] = []
    for route, values in sorted(snapshot["durations"].items()):
        label, count = ("route", route), 0
        for bound, each in zip((*BUCKETS, float("inf")), values, strict=False):
            count += int(each)
            samples.append(("_bucket", (label, ("le", "+Inf" if bound == float("inf") else f"{bound:g}")), count))
        samples += [("_sum", (label,), values[-1]), ("_count", (label,), count)]
    return samples


def _render(metric: Metric, samples: Iterable[_Sample]) -> str:
    name = PREFIX + metric.name
    lines = [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}"]
    for suffix, labels, value in samples:
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        lines.append(f"{name}{suffix}{{{inner}}} {value}" if inner else f"{name}{suffix} {value}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
