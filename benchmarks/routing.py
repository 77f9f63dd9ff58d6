"""Time the routing: tables of 10 to 10,000 routes, every kind of path, and peers where they are installed.

    python benchmarks/routing.py [--json FILE] [--rounds 7]

Each figure is the best of several rounds, in microseconds for one `find`; the rounds of all sizes
take turns, so a busy machine slows all of them alike. Peers are asked for what they do for one
request: match a method and a path and give the parameters.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
import timeit
from pathlib import Path

from fanlight.routing.build import build
from fanlight.routing.table import Table

SIZES = (10, 100, 1_000, 10_000)
PATHS = {
    "static": ("GET", "/about"),
    "/user/{id:int}": ("GET", "/user/42"),
    "/post/{slug}": ("GET", "/post/hello-world"),
    "/post/{slug}, encoded": ("GET", "/post/caf%C3%A9"),
    "/file-{id:int}.txt": ("GET", "/file-42.txt"),
    "/team/{id}/member/{name}": ("GET", "/team/7/member/ada"),
    "/static/{rest...}": ("GET", "/static/css/site/app.css"),
    "a way back: /a/b, then /a/{x}/d": ("GET", "/a/b/d"),
    "404": ("GET", "/no-such-page"),
    "405": ("PUT", "/user/42"),
    "308, slash": ("GET", "/user/42/"),
}
RULES = {
    "/about": "about",
    "/user/{id:int}": "user",
    "/post/{slug}": "post",
    "/file-{id:int}.txt": "file",
    "/team/{id}/member/{name}": "member",
    "/static/{rest...}": "static",
    "/a/b": "ab",
    "/a/b/c": "abc",
    "/a/{x}/d": "axd",
}


def table_of(size: int) -> dict[str, object]:
    """Return URLS with this many routes, every third of them with a parameter; RULES stand in the middle."""
    others = [f"/section-{n}/{{id:int}}" if n % 3 == 2 else f"/page-{n}" for n in range(size - len(RULES))]
    half = len(others) // 2
    return {**dict.fromkeys(others[:half], "page"), **RULES, **dict.fromkeys(others[half:], "page")}


def microseconds(question: timeit.Timer) -> float:
    """Return the time of one question, from a round of about 20 ms."""
    count = 1
    while (taken := question.timeit(count)) < 0.005:
        count *= 4
    count = max(1, int(count * 0.02 / taken))
    return question.timeit(count) / count * 1e6


def asker(table: Table, method: str, path: str) -> timeit.Timer:
    return timeit.Timer("find(method, path)", globals={"find": table.find, "method": method, "path": path})


def werkzeug_asker(size: int, method: str, path: str) -> timeit.Timer | None:
    """Return the same question to Werkzeug's map, or None when it is not installed."""
    try:
        routing = importlib.import_module("werkzeug.routing")
    except ImportError:
        return None
    rules = []
    for pattern in table_of(size):
        rule = pattern.replace("{id:int}", "<int:id>").replace("{rest...}", "<path:rest>")
        rules.append(routing.Rule(rule.replace("{", "<").replace("}", ">"), endpoint=pattern, methods=["GET"]))
    adapter = routing.Map(rules).bind("localhost")
    return timeit.Timer(lambda: adapter.match(path, method))


def starlette_asker(size: int, method: str, path: str) -> timeit.Timer | None:
    """Return the same question to Starlette's routes, or None when it is not installed."""
    try:
        routing = importlib.import_module("starlette.routing")
    except ImportError:
        return None
    routes = [routing.Route(pattern.replace("...", ":path"), lambda request: request) for pattern in table_of(size)]
    scope = {"type": "http", "method": method, "path": path, "root_path": ""}

    def match() -> object:
        for route in routes:
            found, child = route.matches(scope)
            if found is routing.Match.FULL:
                return child
        return None

    return timeit.Timer(match)


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return the best time for each row and column."""
    askers: dict[str, dict[str, timeit.Timer]] = {}
    for size in SIZES:
        table = build(table_of(size))
        for name, (method, path) in PATHS.items():
            askers.setdefault(name, {})[f"{size:,}"] = asker(table, method, path)
    for name in ("static", "/user/{id:int}"):
        for peer, make in (("werkzeug", werkzeug_asker), ("starlette", starlette_asker)):
            for size in SIZES:
                if (ask := make(size, *PATHS[name])) is not None:
                    askers.setdefault(f"{peer}: {name}", {})[f"{size:,}"] = ask
    best: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for name, row in askers.items():
            for column, ask in row.items():
                times = best.setdefault(name, {})
                times[column] = min(times.get(column, 1e9), microseconds(ask))
    return best


def building() -> dict[str, float]:
    """Return the seconds it takes to build each table."""
    taken = {}
    for size in SIZES:
        urls = table_of(size)
        start = time.perf_counter()
        build(urls)
        taken[f"{size:,}"] = time.perf_counter() - start
    return taken


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="Time the routing.")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    built, figures = building(), measure(options.rounds)
    columns = [f"{size:,}" for size in SIZES]
    print(f"{'microseconds for one find':34}" + "".join(f"{column + ' routes':>15}" for column in columns))
    for name, row in figures.items():
        print(f"{name:34}" + "".join(f"{row[column]:15.2f}" for column in columns))
    print(f"{'seconds to build the table':34}" + "".join(f"{built[column]:15.3f}" for column in columns))
    if options.json:
        options.json.write_text(json.dumps({"find_us": figures, "build_s": built}, indent=2) + "\n")


if __name__ == "__main__":
    main()
