"""Run other tools against the server: slowhttptest in its four modes, h2load and wrk with thousands of connections.

    python -m tests.soak.trials [--report] [--seconds 60] [--connections 2000]

Needs the tools (Debian: slowhttptest, nghttp2-client, wrk). Prints two tables; with `--report` they are written into
docs/reference/trials.md. Beside each run of slowhttptest an honest client requests a page from another address; the
table has what it notices. Then odd messages are sent through proxies (`differential`). The exit code is 1 if the honest
client or a tool saw a failure, or a proxy saw other requests than Fanlight.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.soak import differential
from tests.soak.report import write_section
from tests.soak.served import SITE, Served

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "trials.md"
TOOLS = {"slowhttptest": "slowhttptest", "h2load": "nghttp2-client", "wrk": "wrk"}
# All connections of a tool come from one address, so the limit per address is off: that is the harder case.
NO_CAP = ["--connections-per-address", "0", "--no-access-log"]
MODES = {
    "slow head (-H)": ["-H", "-i", "5", "-x", "24"],
    "slow content (-B)": ["-B", "-i", "5", "-s", "8192", "-x", "10"],
    "ranges (-R)": ["-R", "-a", "5", "-b", "3000"],
    "slow read (-X)": ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"],
}
PATHS = {"slow content (-B)": "/form", "slow read (-X)": "/download"}
SLOW = """## slowhttptest

Version 1.8.2, {connections} connections, 500 per second, for {seconds} s, against one process; fanlight {fanlight},
CPython {python}, default limits except for the limit per address, which is off
(`--connections-per-address 0`), because all connections come from one. An honest client requests a page every 10 ms
from another address, on a kept connection and on fresh ones in turn. The tool itself sends probes, too, and reports
whether a response arrived within 3 s. The tool does not reopen connections that a timeout has closed.

| mode | connections at once | service available | honest client before | meanwhile | memory for each, at most |
|---|---|---|---|---|---|
{rows}
"""
LOADS = """## Thousands of connections

The page is rendered from a template. With so many connections and two cores,
the response time is the time in the queue.

| command | completed | failed | response time | served with |
|---|---|---|---|---|
{rows}
"""
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def honest(port: int, seconds: float) -> subprocess.Popen[str]:
    """Start an honest client."""
    command = [sys.executable, "-m", "tests.soak.honest", str(port), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def slow(mode: str, connections: int, seconds: int, folder: Path) -> tuple[str, bool]:
    """Run slowhttptest in a mode; return a row of the table, and whether the honest client saw no failure."""
    served = Served(SITE, NO_CAP, folder / "errors.log")
    out = folder / "slow.txt"
    try:
        quiet = honest(served.port, 5).communicate()[0].strip()
        before = most = sum(served.memory().values())
        url = f"http://127.0.0.1:{served.port}{PATHS.get(mode, '/page/1')}"
        command = ["slowhttptest", *MODES[mode], "-c", str(connections), "-r", "500", "-l", str(seconds), "-p", "3"]
        with out.open("w") as file:
            attack = subprocess.Popen([*command, "-u", url], stdout=file, stderr=subprocess.STDOUT)
        client = honest(served.port, seconds)
        while client.poll() is None:
            most = max(most, sum(served.memory().values()))
            with contextlib.suppress(subprocess.TimeoutExpired):
                client.wait(1)
        attack.wait(60)
        noticed = client.communicate()[0].strip()
    finally:
        served.stop()
    printed = COLOURS.sub("", out.read_text(errors="replace"))
    connected = max((int(each) for each in re.findall(r"connected:\s+(\d+)", printed)), default=0)
    is_up = set(re.findall(r"service available:\s+(\w+)", printed)) == {"YES"}
    row = (
        f"| {mode} | {connected:,} | {'yes, all the time' if is_up else 'NOT always'} | {_latency(quiet)} |"
        f" {_latency(noticed)} | {(most - before) / connections / 1024:.1f} KiB |"
    )
    print(row, file=sys.stderr, flush=True)  # noqa: T201 - progress
    return row, is_up and " 0 failures" in noticed


def _latency(line: str) -> str:
    count, rest = line.split(" responses, ")
    failures = rest.split(" failures")[0]
    percentiles = rest.partition("p50")[2]
    return f"{count} responses, {failures} failed, p50{percentiles}"


def many(words: list[str], flags: list[str], folder: Path) -> tuple[str, bool]:
    """Run h2load or wrk; return a row of the table, and whether every request got a response."""
    served = Served(SITE, [*NO_CAP, *flags], folder / "errors.log")
    scheme = "https" if "--tls" in flags else "http"
    try:
        command = [each.replace("URL", f"{scheme}://127.0.0.1:{served.port}/page/1") for each in words]
        printed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    finally:
        served.stop()
    if words[0] == "h2load":
        found = re.search(r"requests: (\d+) total, .*?(\d+) succeeded, (\d+) failed, (\d+) errored", printed)
        total, failed = (int(found[2]), int(found[3]) + int(found[4])) if found else (0, 1)
        times = re.search(r"time for request:\s+\S+\s+(\S+)\s+(\S+)", printed)
        times_text = f"slowest {times[1]}, mean {times[2]}" if times else "?"
    else:
        total = int((re.search(r"(\d+) requests in", printed) or ["", "0"])[1])
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", printed)
        failed = sum(int(each) for each in errors.groups()) if errors else 0
        failed += int((re.search(r"Non-2xx or 3xx responses: (\d+)", printed) or ["", "0"])[1])
        times_text = "p50 {}, p99 {}".format(*re.findall(r"(?:50|99)%\s+(\S+)", printed)[:2])
    shown = " ".join(words).replace("URL", f"{scheme}://...")
    how = f"`{' '.join(flags)}`" if flags else "one process"
    row = f"| `{shown}` | {total:,} | {failed} | {times_text} | {how} |"
    print(row, file=sys.stderr, flush=True)  # noqa: T201 - progress
    return row, failed == 0 and total > 0


def main() -> int:
    """Run all of them; return the exit code."""
    parser = argparse.ArgumentParser(prog="trials", description="Run other tools against the server.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--report", action="store_true", help="write docs/reference/trials.md again")
    arguments = parser.parse_args()
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        sys.exit(f"the trials need {' '.join(missing)}: sudo apt-get install {' '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="trials-") as name:
        folder = Path(name)
        os.environ["XDG_DATA_HOME"] = name
        slow_rows = [slow(mode, arguments.connections, arguments.seconds, folder) for mode in MODES]
        size = str(arguments.connections)
        loads = [
            (["h2load", "--h1", "-t1", "-c", size, "-n", "200000", "URL"], []),
            (["h2load", "--h1", "-t1", "-c", size, "-n", "100000", "URL"], ["--tls", "dev"]),
            (["wrk", "-t1", "-c4000", "-d20s", "--timeout", "10s", "--latency", "URL"], []),
            (["wrk", "-t1", "-c8000", "-d20s", "--timeout", "10s", "--latency", "URL"], ["--workers", "2"]),
        ]
        load_rows = [many(words, flags, folder) for words, flags in loads]
    slow_section = _slow_section([row for row, _ in slow_rows], arguments)
    load_section = LOADS.format(rows="\n".join(row for row, _ in load_rows))
    proxy_section, found = differential.run()
    print(slow_section, load_section, proxy_section, *found, sep="\n")  # noqa: T201 - the report
    is_well = all(well for _, well in (*slow_rows, *load_rows)) and not found
    if arguments.report and is_well:
        write_section(PAGE, "## slowhttptest", slow_section)
        write_section(PAGE, "## Thousands of connections", load_section)
        write_section(PAGE, differential.HEADING, proxy_section)
    return 0 if is_well else 1


def _slow_section(rows: list[str], arguments: argparse.Namespace) -> str:
    return SLOW.format(
        connections=f"{arguments.connections:,}",
        seconds=arguments.seconds,
        fanlight=version("fanlight"),
        python=platform.python_version(),
        rows="\n".join(rows),
    )


if __name__ == "__main__":
    sys.exit(main())
