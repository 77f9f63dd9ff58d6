"""Run the benchmarks: python benchmarks/run.py [--quick] [PART ...].

In: the command line. Out: tables on the screen, files in results/. The first run makes benchmarks/.venv
with the peers; every run goes on inside it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON = HERE / ".venv" / "bin" / "python"
PARTS = {
    "throughput": "requests per second beside the peers, with three shapes of request",
    "tls": "requests per second over TLS, and handshakes",
    "lanes": "a fast view beside one that blocks for 200 ms",
    "waits": "sync views that wait 0.5 to 4 ms, or for a database, and a fast one beside them",
    "idle": "wake-ups, memory and latency with 10,000 idle connections",
    "binding": "requests per second where arguments are the work: JSON, a dependency",
    "forms": "requests per second of a posted form",
    "pages": "requests per second of a Jinja page",
    "sessions": "requests per second of a page with a session",
    "uploads": "time and memory of 100 MiB uploads; with --big, of one of 5 GB",
    "static": "static files of 10 KiB, 1 MiB and 100 MiB, beside nginx",
    "stages": "where the time of one request goes",
}
WHEN_NAMED = {"revisions": "requests per second before and after a change (--before REVISION)"}


def main() -> int:
    """Run the parts that were asked for and return the exit code."""
    arguments = _arguments()
    _enter_environment(setup_again=arguments.setup)
    # These need nothing but the standard library, yet they should be read by the interpreter that runs the peers.
    from machine import LOAD_CORE, can_pin  # noqa: PLC0415 - known only inside the environment

    from settings import Settings  # noqa: PLC0415 - same

    problem = can_pin()
    if problem:
        print(f"benchmarks: {problem}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("benchmarks: asked to stop"))  # so that servers are stopped
    os.sched_setaffinity(0, {LOAD_CORE})
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # the servers inherit it
    settings = Settings(
        rounds=arguments.rounds or (1 if arguments.quick else 5),
        seconds=arguments.seconds or (1 if arguments.quick else 3),
        idle_seconds=3 if arguments.quick else 10,
        connections=arguments.connections or (2_000 if arguments.quick else 10_000),
        tries=5 if arguments.patient else 1,
        only=tuple(arguments.only),
        is_quick=arguments.quick,
        big=arguments.big,
        before=arguments.before,
    )
    for name in arguments.parts or PARTS:
        print(f"\n== {name}: {(PARTS | WHEN_NAMED)[name]}\n", flush=True)
        importlib.import_module(name).main(settings)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure Fanlight beside its peers; see benchmarks/README.md.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="one short round of everything, about 8 minutes")
    parser.add_argument("--rounds", type=int, help="rounds through all servers (5)")
    parser.add_argument("--seconds", type=int, help="seconds of one measurement (3)")
    parser.add_argument("--connections", type=int, help="connections that idle (10000)")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="only servers with WORD in their name")
    parser.add_argument("--patient", action="store_true", help="measure again, 5 times at most, while others are busy")
    parser.add_argument("--setup", action="store_true", help="bring benchmarks/.venv up to date first")
    parser.add_argument("--big", action="store_true", help="with `uploads`: one of 5 GB to Fanlight, and its memory")
    parser.add_argument("--before", default="HEAD", metavar="REVISION", help="what `revisions` compares with (HEAD)")
    arguments = parser.parse_args()
    unknown = [each for each in arguments.parts if each not in PARTS | WHEN_NAMED]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS | WHEN_NAMED)}")
    return arguments


def _enter_environment(*, setup_again: bool) -> None:
    """Go on under benchmarks/.venv, which is made first when it is missing."""
    if Path(sys.prefix) == PYTHON.parent.parent and not setup_again:
        return
    if setup_again or not (PYTHON.parent / "fanlight").exists():
        print("benchmarks: installing the peers in benchmarks/.venv", file=sys.stderr, flush=True)
        if subprocess.run([str(HERE / "setup")], check=False).returncode:
            sys.exit("benchmarks: setup failed; its words are above")
    rest = [each for each in sys.argv[1:] if each != "--setup"]
    os.execv(str(PYTHON), [str(PYTHON), str(HERE / "run.py"), *rest])


if __name__ == "__main__":
    sys.exit(main())
