"""The plots of README and docs, each made of one result file.

In: results/*.json. Out: the texts of SVG files, and of the elements that show them. Refuses, as MissingError, what was
not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from figures import NAMES, MissingError, middle, result, rows, short
from plots import BEFORE, OTHERS, OURS, THEMES, Bar, Group, bars

MOST = 16.0  # times nginx: those that need more are in the table only, or the others could not be told apart


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn."""

    title: str
    groups: Sequence[Group]
    legend: Sequence[tuple[int, str]] = ()


def plot_peers() -> Drawing:
    """Return the bars of processor time with varied heads, relative to nginx."""
    found = rows("throughput", "varied heads")
    nginx = middle(found.get("nginx"), "cpu_us")
    if not nginx:
        raise MissingError("nginx")
    values = sorted((middle(row, "cpu_us") or 0, name) for name, row in found.items())
    groups = [
        Group(
            NAMES.get(name, name).replace("`", ""),
            [Bar(value / nginx, f"{short(value / nginx)} x", OURS if name.startswith("Fanlight") else OTHERS)],
        )
        for value, name in values
        if value / nginx <= MOST
    ]
    return Drawing("Processor time of a request, nginx = 1 (varied browsers' heads)", groups)


def plot_steps() -> Drawing:
    """Return the bars of each step of a request."""
    now = result("stages")["results"]["ns_a_step"]
    tiny, varied = now["tiny head"], now["varied heads"]
    groups = [
        Group(
            step,
            [
                Bar(found[step], f"{found[step] / 1000:.1f} µs", series)
                for found, series in ((tiny, OURS), (varied, BEFORE))
            ],
        )
        for step in tiny
    ]
    return Drawing("Steps of one request, µs", groups, [(OURS, "a small head"), (BEFORE, "varied browsers' heads")])


def plot_revisions() -> Drawing:
    """Return the bars of each task before and after, with the access log on."""
    groups = []
    for task in result("revisions")["results"]:
        found = rows("revisions", task)
        seen = [
            (middle(found.get(name), "cpu_us"), series)
            for name, series in (("before, access log", BEFORE), ("access log", OURS))
        ]
        groups.append(
            Group(task.partition(":")[0], [Bar(value, f"{value:.0f} µs", series) for value, series in seen if value])
        )
    return Drawing("Processor time of a request, access log on, µs", groups, [(BEFORE, "before"), (OURS, "after")])


PLOTS: dict[str, Callable[[], Drawing]] = {"peers": plot_peers, "steps": plot_steps, "revisions": plot_revisions}


def element(name: str) -> str:
    """Return what shows a plot, light or dark as the reader has it; {images} stands for the folder."""
    drawing = PLOTS[name]()
    return (
        f'<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="{{images}}/speed-{name}-dark.svg">\n'
        f'  <img src="{{images}}/speed-{name}.svg" alt="{drawing.title}; a table has the figures">\n'
        "</picture>\n"
    )


def images() -> dict[str, str]:
    """Return the text of every plot that can be drawn, by the name of its file."""
    drawn = {}
    for name, make in PLOTS.items():
        try:
            drawing = make()
        except MissingError:
            continue
        told = "; ".join(f"{group.label}: {', '.join(bar.shown for bar in group.bars)}" for group in drawing.groups)
        for suffix, theme in THEMES.items():
            drawn[f"speed-{name}{suffix}.svg"] = bars(drawing.title, told, drawing.groups, theme, drawing.legend)
    return drawn
