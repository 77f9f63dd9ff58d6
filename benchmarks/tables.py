"""The tables and sentences of README and docs, each made of one result file.

In: results/*.json. Out: blocks of Markdown, by name. Refuses, as MissingError, what was not measured.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from statistics import median

from figures import (
    FANLIGHT,
    FANLIGHT_OFF,
    NAMES,
    MissingError,
    Row,
    microseconds,
    middle,
    of,
    result,
    rows,
    short,
    table,
)

SHAPES = ("tiny head", "browser's head", "varied heads")


def facts(name: str = "throughput") -> str:
    """Return when, where and with what was measured."""
    machine = result(name)["machine"]
    build, versions = machine.get("python_build", {}), machine["versions"]
    tasks = [row for found in result(name)["results"].values() for row in found if "failure" not in row]
    disturbed, rounds = (sum(row.get(key, 0) for row in tasks) for key in ("disturbed", "rounds"))
    named = ", ".join(f"{each} {version}" for each, version in versions.items() if each not in NOT_NAMED)
    others = (
        f"In {disturbed} of {rounds} measurements another program or machine had more than 5 % of one of the cores.\n"
    )
    return (
        f"{machine['date'][:10]}, commit {machine['commit']}; {machine['cpu']}, {machine['cores']} cores,"
        f" Linux {machine['kernel'].split('-')[0]}; {machine['python']}, {build.get('compiler', 'compiler unknown')}.\n"
        f"{named}.\n"
        f"{others if rounds else ''}"
    )


NOT_NAMED = {"fanlight", "psycopg", "psycopg-pool", "gevent", "django"}


def throughput() -> str:
    """Return processor time relative to nginx, the fastest first."""
    found = [rows("throughput", shape) for shape in SHAPES]
    names = sorted(
        (name for name in found[-1] if name in found[0] and name in found[1]),
        key=lambda name: middle(found[-1][name], "cpu_us") or 0,
    )
    return table(
        ("", "small head", "browser's head", "varied heads", "varied heads, µs"),
        (
            [
                _bold(name, NAMES.get(name, name)),
                *(_bold(name, of(each[name], each.get("nginx"))) for each in found),
                microseconds(found[-1][name]),
            ]
            for name in names
        ),
    )


def _bold(name: str, text: str) -> str:
    """Return a cell of a table, in bold where it is ours."""
    return f"**{text}**" if name.startswith("Fanlight") and text else text


WORK = {
    "nested JSON, validated and sent back": ("binding", "JSON"),
    "a form of six fields, validated": ("forms", "a form"),
    "a Jinja page of 25 items": ("pages", "a Jinja"),
    "a page that changes a session": ("sessions", "a page that changes"),
    "an upload of 100 MiB, kept as a file": ("uploads", "100 MiB, and the view keeps"),
}
FRAMEWORKS = ("Starlette", "Litestar", "FastAPI", "Flask", "Django")


def work() -> str:
    """Return how many requests per second others do, relative to ours, each in its best setup."""
    lines = []
    for what, (name, task) in WORK.items():
        with contextlib.suppress(MissingError):
            found = rows(name, task)
            best = {
                each: max((_rate(row) for server, row in found.items() if server.startswith(each)), default=0.0)
                for each in ("Fanlight", *FRAMEWORKS)
            }
            ours = best["Fanlight"]
            lines.append([what, *(short(best[each] / ours) if best[each] and ours else "" for each in FRAMEWORKS)])
    if not lines:
        raise MissingError("work")
    return table(("", *FRAMEWORKS), lines)


def _rate(row: Row) -> float:
    return middle(row, "rate") or 0.0 if "rate" in row else 1 / (middle(row, "seconds") or 1.0)


def logs() -> str:
    """Return what the access log adds to the processor time of a request."""
    found = [rows("logs", shape) for shape in ("tiny head", "varied heads")]
    return table(
        ("access log", "small head, µs", "with / without", "varied heads, µs", "with / without"),
        (
            [
                name,
                *(cell for each in found for cell in (microseconds(each.get(name)), of(each.get(name), each["off"]))),
            ]
            for name in found[0]
        ),
    )


def pipelined() -> str:
    """Return the processor time of a request of sixteen that are sent at a time."""
    found, alone = rows("pipelined", "16"), rows("throughput", "tiny head")
    order = sorted(found, key=lambda name: middle(found[name], "cpu_us") or 0)
    return table(
        ("", "16 at a time, µs", "one at a time, µs"),
        ([NAMES.get(name, name), microseconds(found[name]), microseconds(alone.get(name))] for name in order),
    )


def behind() -> str:
    """Return what a proxy on the same machine adds, by the kind of its sockets."""
    found = rows("behind", "browser's head")
    return table(
        ("", "processor time of both, µs", "requests per second"),
        ([name, microseconds(row), f"{middle(row, 'rate') or 0:,.0f}"] for name, row in found.items()),
    )


def interpreters() -> str:
    """Return the processor time of a request on each interpreter."""
    found = [rows("interpreters", shape) for shape in ("tiny head", "varied heads")]
    return table(
        ("", "small head, µs", "x nginx", "varied heads, µs", "x nginx"),
        (
            [
                name,
                *(cell for each in found for cell in (microseconds(each.get(name)), of(each.get(name), each["nginx"]))),
            ]
            for name in found[0]
        ),
    )


def balance() -> str:
    """Return the part of the busier of two workers."""
    counts = ("8", "16", "64")
    lines = [
        [row["server"], *(f"{row[count]['busier']['median']:.0%}" for count in counts)]
        for row in result("balance")["results"]
        if "failure" not in row
    ]
    return table(("the busier worker's part", *(f"{count} connections" for count in counts)), lines)


def start() -> str:
    """Return how long an import and a first response take."""
    found = result("start")["results"]
    imports, responses = (
        {row["name"]: row for row in found[each] if "ms" in row} for each in ("import", "first response")
    )
    names = {name.partition(" async")[0].partition(", g")[0]: name for name in responses}
    return table(
        ("", "import, ms of processor time", "first response, ms"),
        (
            [
                each,
                f"{imports[each]['cpu_ms']['min']:.0f}" if each in imports else "",
                f"{middle(responses[name], 'ms') or 0:.0f}",
            ]
            for each, name in names.items()
        ),
    )


def reload() -> str:
    """Return how long new code takes to be served."""
    lines = [
        [
            f"{_with_command(row['name'].replace('Fanlight', 'fanlight run --workers 2'))}: SIGHUP",
            f"{middle(row, 'ms') or 0:.0f}",
            f"{row['failed']['max']:.0f}",
        ]
        for row in result("start")["results"]["reload"]
        if "ms" in row
    ]
    lines += [
        [
            f"{_with_command(row['server'])}: a file is saved",
            f"{row['seconds']['median'] * 1000:.0f}",
            str(row["failed"]),
        ]
        for row in result("reload")["results"]
    ]
    return table(("", "first response of the new code, ms", "failed requests"), lines)


def _with_command(name: str) -> str:
    """Return the name of a row with its command as code: "before, `fanlight dev`, lesson"."""
    before = "before, " if name.startswith("before, ") else ""
    command, comma, site = name.removeprefix(before).partition(", ")
    return f"{before}`{command}`{comma}{site}"


def waits() -> str:
    """Return requests per second of views that wait, on 64 connections."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in result("waits")["results"]["rounds"]:
        if not row["failure"] and "," not in row["asked"].replace(", one row", ""):
            found.setdefault(row["asked"], {})[row["server"]] = [each["rate"] for each in row["rounds"]]
    servers = list(dict.fromkeys(server for each in found.values() for server in each))
    return table(
        ("requests per second", *servers),
        (
            [what, *(f"{median(each[name]):,.0f}" if name in each else "" for name in servers)]
            for what, each in found.items()
        ),
    )


def async_waits() -> str:
    """Return requests per second, processor time and p99 of async views that wait."""
    tasks = list(result("async_waits")["results"])
    found = [rows("async_waits", task) for task in tasks]
    servers = list(dict.fromkeys(server for each in found for server in each))
    cells = lambda row: (  # noqa: E731
        f"{middle(row, 'rate') or 0:,.0f}/s, {microseconds(row)} µs, {middle(row, 'p99_ms') or 0:.0f} ms" if row else ""
    )
    return table(
        ("requests per second, processor time of one, p99", *tasks),
        ([server, *(cells(each.get(server)) for each in found)] for server in servers),
    )


def dev_reload() -> str:
    """Return how long development servers take to serve what was saved, and what fails meanwhile."""
    lines = [
        [
            _with_command(row["server"]),
            *(f"{row['seconds'][each] * 1000:.0f}" for each in ("median", "min", "max")),
            str(row["failed"]),
        ]
        for row in result("reload")["results"]
        if not row["server"].startswith("before")
    ]
    return table(("", "median", "least", "most", "failed requests"), lines)


def inspector() -> str:
    """Return what the development server costs beside the one for production."""
    lines = []
    for page in result("inspector")["results"]:
        found = rows("inspector", page)
        run, dev = found.get("fanlight run"), found.get("fanlight dev")
        shown = [f"{middle(row, 'rate') or 0:,.0f}/s, {microseconds(row)} µs" if row else "" for row in (run, dev)]
        lines.append([page, *shown, of(dev, run)])
    return table(("page", "`fanlight run`", "`fanlight dev`", "processor time, dev / run"), lines)


def over(name: str, base: str) -> Callable[[], str]:
    """Return a block with the processor time of each task of a part, and how many times the base's it is."""

    def block() -> str:
        tasks = list(result(name)["results"])
        found = [rows(name, task) for task in tasks]
        servers = list(dict.fromkeys(server for each in found for server in each))
        cells = lambda server: [  # noqa: E731
            f"{microseconds(each.get(server))} ({of(each.get(server), each.get(base))})" if server in each else ""
            for each in found
        ]
        return table((f"processor time, µs (x {base})", *tasks), ([server, *cells(server)] for server in servers))

    return block


def idle() -> str:
    """Return what a connection that idles costs."""
    lines = [
        [
            row["server"],
            f"{row['connections']:,} {row['kind']}",
            f"{row['pss_each']:.2f}",
            f"{row['wake_ups']:.1f}",
            f"{row['p50_us']:.0f}",
        ]
        for row in result("idle")["results"]
        if "failure" not in row and row["connections"] > 10
    ]
    return table(("", "connections", "memory for one, KiB", "wake-ups a second", "a request on one, median µs"), lines)


def sockets() -> str:
    """Return what WebSockets cost: messages that come back, connections that idle, a message to all of them."""
    lines = [
        [
            row["server"],
            *(f"{rate:,.0f} ({spent:.1f})" for rate, spent in zip(row["rates"], row["cpu_us"], strict=True)),
            f"{row['kib_each']:.1f}",
            f"{row['broadcast_ms']:.0f}",
        ]
        for row in result("sockets")["results"]
    ]
    echo = "echo of {}: messages per second (processor time, µs)"
    heads = (
        "",
        echo.format("20 bytes"),
        echo.format("1 KiB"),
        "memory of an idle one, KiB",
        "one message to 5,000, ms",
    )
    return table(heads, lines)


def lanes() -> str:
    """Return what a fast view keeps beside a slow one."""
    row = next((each for each in result("lanes")["results"] if each["server"] == FANLIGHT_OFF), None)
    if row is None or "failure" in row:
        raise MissingError("lanes")
    beside = [each["beside"] for each in row["rounds"]]
    rate = sorted(each["alone"]["rate"] for each in row["rounds"])[len(beside) // 2]
    p99 = sorted(each["p99_ms"] for each in beside)[len(beside) // 2]
    return (
        "While 20 connections wait for a view that sleeps 200 ms, a fast view on 32 other connections keeps"
        f" {row['kept']['median']:.0%} of its\n{rate / 1000:.0f} thousand requests per second, with {p99:.1f} ms at the"
        " 99th percentile.\n"
    )


def instructions() -> str:
    """Return thousands of instructions for one request."""
    counted = result("instructions")["results"]["counted"]
    heads = (*SHAPES, "16 requests at a time")
    lines = [
        [NAMES.get(name, name), *(f"{found[head] / 1000:.1f}" if head in found else "" for head in heads)]
        for name, found in counted.items()
        if "failure" not in found
    ]
    return table(("thousands of instructions", *heads), lines)


def revisions() -> str:
    """Return the processor time of each task before and after."""
    lines = []
    for task in result("revisions")["results"]:
        found = rows("revisions", task)
        cells = [task.partition(":")[0]]
        for kind in ("access log off", "access log"):
            before, after = found.get(f"before, {kind}"), found.get(kind)
            fast = found.get(f"{kind.partition(',')[0]}[speed]")
            cells += [microseconds(before), microseconds(after), of(after, before), of(fast, before)]
        lines.append(cells)
    ratios = ("after / before", "with `[speed]`")
    return table(("", "before, µs", "after, µs", *ratios, "with the log: before", "after", *ratios), lines)


def steps() -> str:
    """Return where the time of one request goes."""
    found, before = result("stages")["results"], result("stages")["results"].get("ns_a_step_before", {})
    now, spent = found["ns_a_step"], found["us_a_request"]
    lines = []
    for step in next(iter(now.values())):
        line = [step]
        for shape in now:
            old = before.get(shape, {}).get(step)
            line += [f"{old / 1000:.1f}" if old else "", f"{now[shape][step] / 1000:.1f}"]
        lines.append(line)
    lines += [
        [f"*{name}*", *(cell for shape in now for cell in _spent(spent, server, shape))]
        for name, server in (
            ("the whole server, access log off", FANLIGHT_OFF),
            ("the whole server, access log on", FANLIGHT),
            *((NAMES[name], name) for name in ("Fanlight[speed]", "Fanlight[speed], access log") if name in spent),
        )
    ]
    return table(("µs", *(f"{shape}: {when}" for shape in now for when in ("before", "after"))), lines)


def _spent(spent: Row, server: str, shape: str) -> list[str]:
    cells = []
    for name in (f"before, {server}", server):
        seen = spent.get(name, {})
        cells.append(f"*{sum(seen[shape].values()):.1f}*" if isinstance(seen, Mapping) and shape in seen else "")
    return cells


TABLES: dict[str, Callable[[], str]] = {
    "facts": facts,
    "throughput": throughput,
    "work": work,
    "lanes": lanes,
    "logs": logs,
    "pipelined": pipelined,
    "behind": behind,
    "interpreters": interpreters,
    "balance": balance,
    "start": start,
    "reload": reload,
    "dev-reload": dev_reload,
    "inspector": inspector,
    "tls": over("tls", "nginx"),
    "static": over("static", "nginx"),
    "idle": idle,
    "sockets": sockets,
    "guests": over("guests", "FastAPI, uvicorn"),
    "waits": waits,
    "async-waits": async_waits,
    "instructions": instructions,
    "revisions": revisions,
    "steps": steps,
}
