"""What there is to be known of a parent and its workers, for an operator's tools.

In: a parent. Out: one answer for all workers, whichever of them is asked for what: each is asked, and
one that does not answer in time is shown as the parent knows it. What workers counted who are gone is
counted on, so that no number ever falls.
"""

from __future__ import annotations

import os
import time
from collections import Counter

from fanlight.server.operator.prometheus import gauges_of, render_prometheus
from fanlight.server.operator.snapshot import State, process
from fanlight.server.recording.counts import merge
from fanlight.server.workers.status_query import ANSWER_SECONDS, StatusQuery
from fanlight.server.workers.supervisor import Supervisor


class SupervisorOverview:
    """Answers for all workers; from any thread but the parent's own."""

    def __init__(self, parent: Supervisor) -> None:
        """Look at a parent."""
        self._parent = parent

    def is_alive(self) -> bool:
        """Say whether the parent's loop turns."""
        return self._looked().done.is_set()

    def is_ready(self) -> bool:
        """Say whether requests are wanted, and a worker is there for them."""
        return self._parent.is_ready and bool(self._parent.policy.ready)

    def metrics(self) -> bytes:
        """Return the sums over all workers, those that are gone among them, for Prometheus."""
        inquiry, policy = self._looked(), self._parent.policy
        counted = [policy.past]
        for worker in inquiry.workers:
            answer = inquiry.answers.get(worker["pid"])
            counts = answer["counts"] if answer else worker["counts"]
            if counts is not None:
                counted.append(counts)
        states = [each["doing"] for each in inquiry.answers.values() if each and each["doing"]]
        gauges = gauges_of(states)
        gauges["workers"] = {**Counter(each["state"] for each in inquiry.workers)}
        gauges["worker_restarts"] = {**policy.restarts}
        return render_prometheus(merge(counted), gauges)

    def status(self) -> State:
        """Return what each worker does just now."""
        inquiry, parent = self._looked(), self._parent
        workers = []
        for worker in inquiry.workers:
            answer = inquiry.answers.get(worker["pid"]) or {}
            known = {name: value for name, value in worker.items() if name != "counts"}
            workers.append({**known, "doing": answer.get("doing")})
        return {
            "pid": os.getpid(),
            "is_ready": self.is_ready(),
            "seconds": round(time.monotonic() - parent.began, 1),
            "generation": parent.policy.generation,
            "restarts": {**parent.policy.restarts},
            "process": process(),
            "workers": workers,
        }

    def _looked(self) -> StatusQuery:
        inquiry = StatusQuery("look")
        self._parent.ask(inquiry)
        inquiry.done.wait(ANSWER_SECONDS + 1)
        return inquiry
