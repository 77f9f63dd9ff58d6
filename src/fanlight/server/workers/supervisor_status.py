"""The status of a supervisor and its workers, for operators.

In: a supervisor. Out: one status for all workers: each is queried, and one that does not reply in time is shown as the
supervisor sees it. The counts of exited workers are included, so no counter ever falls.
"""

from __future__ import annotations

import os
import time
from collections import Counter

from fanlight.server.operator.prometheus import gauges_of, render_prometheus
from fanlight.server.operator.snapshot import ProcessSnapshot, process_usage
from fanlight.server.recording.counts import merge
from fanlight.server.workers.supervisor import Supervisor


class SupervisorStatus:
    """Reports on all workers; from any thread but the supervisor's own."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def is_alive(self) -> bool:
        """Return whether the supervisor's loop responds."""
        return self._supervisor.query_status().done.is_set()

    def is_ready(self) -> bool:
        """Return whether requests are accepted and a worker is ready for them."""
        return self._supervisor.is_ready and bool(self._supervisor.policy.ready)

    def metrics(self) -> bytes:
        """Return the sums over all workers, exited ones included, in Prometheus' format."""
        query, policy = self._supervisor.query_status(), self._supervisor.policy
        counted = [policy.past]
        for worker in query.workers:
            reply = query.replies.get(worker["pid"])
            counts = reply["counts"] if reply else worker["counts"]
            if counts is not None:
                counted.append(counts)
        gauges = gauges_of([each["doing"] for each in query.replies.values() if each and each["doing"]])
        gauges["workers"] = {**Counter(each["state"] for each in query.workers)}
        gauges["worker_restarts"] = {**policy.restarts}
        return render_prometheus(merge(counted), gauges)

    def status(self) -> ProcessSnapshot:
        """Return what each worker is doing."""
        query, supervisor = self._supervisor.query_status(), self._supervisor
        workers = []
        for worker in query.workers:
            reply = query.replies.get(worker["pid"]) or {}
            known = {name: value for name, value in worker.items() if name != "counts"}
            workers.append({**known, "doing": reply.get("doing")})
        return {
            "pid": os.getpid(),
            "is_ready": self.is_ready(),
            "seconds": round(time.monotonic() - supervisor.started_at, 1),
            "generation": supervisor.policy.generation,
            "restarts": {**supervisor.policy.restarts},
            "process": process_usage(),
            "workers": workers,
        }
