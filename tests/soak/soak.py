"""Serve a site for ten minutes, while honest clients use it and everything is done to disturb them.

    python -m tests.soak.soak [--seconds 600] [--report]

Prints a report; the exit code is 1 if a request failed that no killed worker explains, if the server grew, or if its
log has an unexpected error. Everything stays on loopback. With `--report` the section Soak of docs/reference/trials.md
is replaced. `--of-each` and `--visitors` are the numbers of clients.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.faults import CALM_PART, Faults
from tests.soak.hostile import Hostile
from tests.soak.programs import Curl, Wrk
from tests.soak.report import HEADING, Measured, describe, markdown, problems, write_section
from tests.soak.served import SITE, Served
from tests.soak.tally import Tally
from tests.soak.visitors import LibraryClient, SocketClient, Visitor

WORKERS = 2
SETTLE_SECONDS = 30.0
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "trials.md"
LIMITS = "--head-seconds 5 --content-seconds 5 --idle-seconds 15 --write-seconds 5 --drain-seconds 15".split()

log = logging.getLogger("soak")


class Soak:
    """One soak."""

    def __init__(
        self, served: Served, folder: Path, access_file: Path, current: Path, arguments: argparse.Namespace
    ) -> None:
        """Prepare the clients and the faults."""
        seconds: float = arguments.seconds
        self.served, self.tally, self.seconds = served, Tally(), seconds
        self.measured = Measured(seconds=seconds)
        self._samples: list[tuple[float, int]] = []
        port = served.port
        kinds = [(LibraryClient, SocketClient)[number % 2] for number in range(arguments.visitors)]
        self._clients: list[Visitor | Curl | Wrk] = [
            *(Visitor(kind, port, self.tally, seed) for seed, kind in enumerate(kinds)),
            Curl(port, self.tally, folder, 0.5),
            Wrk(port, self.tally, folder, max(2.0, min(20.0, seconds / 5))),
        ]
        self._hostile = Hostile(port, self.tally, arguments.of_each)
        # After a restart it writes its access log to the pipe without a reader.
        words = ["--workers", str(WORKERS), *LIMITS, str(current / "main.py")]
        self._faults = Faults(served, self.tally, seconds, access_file, words, current)

    def run(self) -> None:
        """Measure, disturb, measure again."""
        served, measured = self.served, self.measured
        self._settle(0)
        measured.memory_before, measured.files_before = sum(served.memory().values()), sum(served.files().values())
        log.info("%d s begin; workers %s", self.seconds, served.workers)
        for each in (*self._clients, self._hostile, self._faults):
            each.start()
        try:
            self._watch()
        finally:
            self._faults.stop()
            for client in self._clients:
                client.stop()
            for client in self._clients:
                client.join()
            self._hostile.stop()
        measured.done = self._faults.done
        log.info("all clients have stopped")
        self._settle(measured.files_before)
        measured.files_after = sum(served.files().values())
        before = set(served.workers)
        served.send_signal(signal.SIGHUP)
        served.wait_until(lambda: not before & set(served.workers), 60, "the old workers end")
        self._settle(0)
        measured.memory_after = sum(served.memory().values())
        self._measure_calm()

    def _watch(self) -> None:
        began = time.monotonic()
        while (passed := time.monotonic() - began) < self.seconds:
            self._samples.append((passed / self.seconds, sum(self.served.memory().values())))
            if not self.served.is_restarting and self.served.process.poll() is not None:
                log.error("the server has ended by itself:\n%s", self.served.log.read_text()[-2000:])
                return
            if len(self._samples) % 30 == 0:
                self._report(passed)
            time.sleep(1)

    def _report(self, passed: float) -> None:
        tally = self.tally
        log.info(
            "%4.0f s  sent %d  completed %d  failed %d (%d unexplained)  sent again %d  memory %d MiB  files %s",
            *(passed, sum(tally.sent.values()), sum(tally.completed.values()), len(tally.failures)),
            *(len(tally.unexplained), len(tally.retried), self._samples[-1][1] // 1024 // 1024),
            sum(self.served.files().values()),
        )
        for each in tally.unexplained[:5]:
            log.info("        unexplained: %s", describe(each))

    def _settle(self, files: int) -> None:
        """Wait until all workers run, no client is connected, and no more files are open than before."""
        served = self.served
        served.wait_until(lambda: len(served.workers) == WORKERS, SETTLE_SECONDS, f"{WORKERS} workers")
        until = time.monotonic() + SETTLE_SECONDS
        while files and sum(served.files().values()) > files and time.monotonic() < until:
            time.sleep(0.2)
        time.sleep(1)  # for what a worker does right after its start

    def _measure_calm(self) -> None:
        def weight(begin: float, stop: float) -> int:
            # The memory of responses in flight comes and goes: the lower values are what stays.
            found = [size for part, size in self._samples if begin <= part <= stop]
            return int(statistics.quantiles(found, n=4)[0]) if len(found) > 1 else sum(found)

        self.measured.calm_begin = weight(1 - CALM_PART * 0.7, 1 - CALM_PART * 0.4)
        self.measured.calm_end = weight(1 - CALM_PART * 0.3, 1)
        self.measured.memory_most = max(size for _, size in self._samples)


def main(words: list[str] | None = None) -> int:
    """Run one soak; return the exit code."""
    parser = argparse.ArgumentParser(prog="soak", description="Serve a site while everything is done to disturb it.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--report", action="store_true", help="write the section of docs/reference/trials.md again")
    parser.add_argument("--visitors", type=int, default=12, help="honest clients that keep their connections")
    parser.add_argument("--of-each", type=int, default=8, help="hostile clients of each kind")
    arguments = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s  %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        access_file = folder / "access.log"
        release = folder / "releases" / "1"
        shutil.copytree(SITE, release)
        current = folder / "current"
        current.symlink_to(release)
        words = ["--workers", str(WORKERS), "--access-file", str(access_file), *LIMITS, str(current / "main.py")]
        served = Served(folder, words, folder / "errors.log")
        soak = Soak(served, folder, access_file, current, arguments)
        try:
            soak.run()
        finally:
            soak.measured.exit_code = served.stop()
        soak.measured.log_lines = served.log.read_text(errors="replace").splitlines()
    section = markdown(soak.tally, soak.measured)
    found = problems(soak.tally, soak.measured)
    print(section, *found, sep="\n")  # noqa: T201 - the report
    if arguments.report and not found:
        write_section(PAGE, HEADING.strip(), section)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
