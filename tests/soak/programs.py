"""Other clients: curl and wrk, run again and again until they are stopped.

Counts in the tally. The responses of curl are compared byte by byte; wrk compares the content of each response in a
script. A program that is not installed is an error.
"""

from __future__ import annotations

import random
import re
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from math import ceil
from pathlib import Path

from tests.soak.cases import FILE, page_of
from tests.soak.tally import Failure, Tally
from tests.speed import PATIENCE

WRK_SCRIPT = """
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args) wrong = 0; expected = %s end
function response(status, headers, body) if status ~= 200 or body ~= expected then wrong = wrong + 1 end end
function done(summary, latency, requests)
    local all = 0
    for _, thread in ipairs(threads) do all = all + thread:get("wrong") end
    io.write(string.format("right %%d wrong %%d lost %%d late %%d p99 %%d\\n", summary.requests - all, all,
        summary.errors.connect + summary.errors.read + summary.errors.write, summary.errors.timeout,
        latency:percentile(99)))
end
"""


class Program(ABC):
    """A program that is run again and again, in a thread."""

    def __init__(self, port: int, tally: Tally, folder: Path, pause_seconds: float) -> None:
        """Prepare; `start` begins."""
        self._url, self._tally, self._folder = f"http://127.0.0.1:{port}", tally, folder
        self._pause_seconds = pause_seconds
        self._rng = random.Random(1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Run it no more."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the last run."""
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._pause_seconds):
            self.once()

    @abstractmethod
    def once(self) -> None:
        """Run it once."""

    def _fail(self, how: str, began: float) -> None:
        name = type(self).__name__
        self._tally.add_failure(Failure(client=name, kind=name, how=how, began=began, ended=time.monotonic()))


class Curl(Program):
    """Three requests over one connection: a page, a download, an upload."""

    def once(self) -> None:
        """Send the requests, and compare the responses."""
        began, number = time.monotonic(), self._rng.randrange(10_000)
        page, download, posted = (self._folder / name for name in ("page", "download", "posted"))
        for each in (page, download, posted):
            each.unlink(missing_ok=True)
        upload = self._folder / "upload"
        upload.write_bytes(self._rng.randbytes(5000))
        self._tally.count_sent("curl", 3)
        done = subprocess.run(
            [
                *("curl", "-sS", "--max-time", "30", "-w", "%{http_code}\n"),
                *("-o", page, f"{self._url}/page/{number}", "-o", download, f"{self._url}/download"),
                *("--next", "-sS", "--max-time", "30", "-w", "%{http_code}\n"),
                *("-F", f"file=@{upload}", "-o", posted, f"{self._url}/upload"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        rights = (
            page.exists() and page.read_bytes().strip() == page_of(number),
            download.exists() and download.read_bytes() == FILE,
            posted.exists() and b'"size":5000' in posted.read_bytes(),
        )
        self._tally.count_completed("curl", sum(rights))
        for is_right in rights:
            if not is_right:
                self._fail(f"exit code {done.returncode}, {done.stdout.split()}, {done.stderr.strip()}", began)


class Wrk(Program):
    """A burst on many kept connections, for `burst_seconds`."""

    burst_seconds = 3
    connections = 32

    def once(self) -> None:
        """Request one page as often as possible."""
        began = time.monotonic()
        script = self._folder / "burst.lua"
        script.write_text(WRK_SCRIPT % """'{"number":7,"double":14}'""")
        command: list[str] = [
            "wrk",
            "-t1",
            f"-c{self.connections}",
            f"-d{self.burst_seconds}s",
            # Its default timeout is two seconds, which a restart of the server takes on a busy machine.
            f"--timeout={ceil(PATIENCE)}s",
            "-s",
            str(script),
            f"{self._url}/json/7",
        ]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"^right (\d+) wrong (\d+) lost (\d+) late (\d+)", printed, re.MULTILINE)
        assert found, printed
        right, wrong, lost, late = map(int, found.groups())
        self._tally.count_sent("wrk", right + wrong + lost)
        self._tally.count_completed("wrk", right)
        for what, count in (("wrong responses", wrong), ("lost", lost), ("late", late)):
            for _ in range(count):
                self._fail(what, began)
