"""Run the benchmarks: benchmarks/run [--quick | --budget MINUTES] [--python PATH] [PART ...].

In: the command line. Out: tables on the screen, files in results/. The first run with an interpreter installs the peers
for it (environment.py); every run goes on inside that environment.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from environment import FOLDER, interpreter
from machine import LOAD_CORE, can_pin

from settings import Settings

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Part:
    """A module with a `main`, what it measures, and the seconds that one round of it takes with --budget."""

    what: str
    seconds: int = 0  # 0: it is run when it is named


PARTS = {
    "throughput": Part("requests per second beside the peers, with three shapes of request", 115),
    "pipelined": Part("requests per second when 16 are sent at a time", 20),
    "logs": Part("what the access log costs, in each format, to a file, a pipe and a socket", 30),
    "balance": Part("few connections on two workers: the share of each", 25),
    "behind": Part("behind nginx on the same machine, over the loopback and over a unix socket", 20),
    "interpreters": Part("each interpreter that there is an environment for", 20),
    "start": Part("imports, the first response, and a reload of workers, beside other frameworks", 60),
    "reload": Part("from saving a file to its first response, of development servers", 90),
    "tls": Part("requests per second over TLS, and handshakes", 30),
    "lanes": Part("a fast view beside one that blocks for 200 ms", 25),
    "waits": Part("views that wait 0.5 to 4 ms, or for a database, and a fast one beside them", 160),
    "async_waits": Part("async views that wait 1 ms, or for PostgreSQL, on 64 and 1,000 connections", 60),
    "idle": Part("wake-ups, memory and latency with 10,000 idle connections", 80),
    "sockets": Part("WebSockets: an echo, 5,000 connections that idle, a message to all of them", 90),
    "binding": Part("requests per second where arguments are the work: JSON, a dependency", 20),
    "guests": Part("apps of other frameworks on Fanlight, and on the servers that they usually run on", 45),
    "forms": Part("requests per second of a posted form", 20),
    "pages": Part("requests per second of a Jinja page", 20),
    "sessions": Part("requests per second of a page with a session", 30),
    "uploads": Part("time and memory of 100 MiB uploads; with --big, of one of 5 GB", 40),
    "static": Part("static files of 10 KiB, 1 MiB and 100 MiB, beside nginx", 35),
    "stores": Part("calls of the memory, SQLite and Redis stores", 45),
    "topics": Part("from a publication to the last of 1,000 listeners, and messages through the relay", 30),
    "inspector": Part("`fanlight dev` beside `fanlight run`", 15),
    "stages": Part("where the time of one request goes", 60),
    "instructions": Part("instructions of a request in user space, by valgrind; also of --before REVISION"),
    "revisions": Part("before and after a change (--before REVISION)", 100),
}


def main() -> int:
    """Run the parts that were asked for and return the exit code."""
    arguments = _arguments()
    python = interpreter(arguments.python, is_fresh=arguments.setup)
    if FOLDER not in Path(sys.prefix).parents or arguments.setup:
        rest = [each for each in sys.argv[1:] if each != "--setup"]
        os.execv(str(python), [str(python), str(HERE / "run.py"), *rest])
    problem = can_pin()
    if problem:
        print(f"benchmarks: {problem}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("benchmarks: asked to stop"))  # so that servers are stopped
    os.sched_setaffinity(0, {LOAD_CORE})
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # the servers inherit it
    usual = [name for name, part in PARTS.items() if part.seconds and (name != "revisions" or arguments.before)]
    _run(arguments.parts or usual, arguments)
    return 0


def _run(names: list[str], arguments: argparse.Namespace) -> None:
    """Run some parts; with a budget, each for its part of the time that is left."""
    is_short = arguments.quick or arguments.budget
    settings = Settings(
        rounds=arguments.rounds or (1 if arguments.quick else 9 if arguments.budget else 5),
        seconds=arguments.seconds or (1 if is_short else 3),
        warm_up=0.3 if arguments.budget else 1,
        idle_seconds=3 if is_short else 10,
        connections=arguments.connections or (2_000 if arguments.quick else 10_000),
        tries=5 if arguments.patient else 1,
        only=tuple(arguments.only),
        is_quick=arguments.quick,
        is_short=bool(is_short),
        big=arguments.big,
        before=arguments.before,
    )
    end = time.monotonic() + (arguments.budget or 0) * 60
    for number, name in enumerate(names):
        if arguments.budget:
            now, weight = time.monotonic(), sum(PARTS[each].seconds for each in names[number:])
            settings = replace(settings, until=now + (end - now) * PARTS[name].seconds / max(1, weight))
        print(f"\n== {name}: {PARTS[name].what}\n", flush=True)
        importlib.import_module(name).main(settings)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure Fanlight beside its peers; see benchmarks/README.md.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; most when none is named")
    parser.add_argument("--python", metavar="PATH", help="the interpreter to measure with (the first one with PGO)")
    parser.add_argument("--quick", action="store_true", help="one short round of everything, into results/quick-*")
    parser.add_argument("--budget", type=float, metavar="MINUTES", help="short rounds, as many as there is time for")
    parser.add_argument("--rounds", type=int, help="rounds through all servers (5)")
    parser.add_argument("--seconds", type=int, help="seconds of one measurement (3)")
    parser.add_argument("--connections", type=int, help="connections that idle (10000)")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="only servers with WORD in their name")
    parser.add_argument("--patient", action="store_true", help="measure again, 5 times at most, while others are busy")
    parser.add_argument("--setup", action="store_true", help="bring the environment up to date first")
    parser.add_argument("--big", action="store_true", help="with `uploads`: one of 5 GB to Fanlight, and its memory")
    parser.add_argument(
        "--before",
        default="",
        metavar="REVISION",
        help="an older revision, for `revisions`, `instructions`, `start` and `reload`",
    )
    arguments = parser.parse_args()
    unknown = [each for each in arguments.parts if each not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
