"""Uploads of 100 MiB as a multipart form: time, processor time and memory.

In: settings. Out: a table for each task, and results/uploads.json. In each round every server is started afresh; one
client sends the file a few times, one after the other, and what has arrived is compared by its SHA-256. All servers
spool to the same disk. With --big, Fanlight alone takes 5 GB, and its memory is looked at on the way.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import report
from machine import facts
from peers import UPLOAD_PEERS, Peer
from serving import CannotRunError, Serving
from uploading import MIB, digest, upload

if TYPE_CHECKING:
    from settings import Settings

SIZE, SMALL, BIG = 100, 2, 5 * 1024  # MiB
TIMES, QUICK_TIMES = 10, 3  # a round
MOST_ROUNDS = 3
TASKS = {
    "/received": "100 MiB, and the view looks at its size",
    "/kept": "100 MiB, and the view keeps it as a file in a folder",
}
HEADS = (
    *("server", "s", "best", "worst", "MiB/s", "x Fanlight", "CPU s", "CPU x Fanlight"),
    *("before MiB", "peak MiB", "more MiB"),
)
LEGEND = """\
s: from the first byte sent to the last of the answer, median of all. x Fanlight: ratio of these times; CPU s: processor
time of the server's processes for one upload. before: memory of the server (resident, its processes together) after an
upload of 2 MiB; peak: the most it ever had while it took those of 100 MiB; more: the difference."""


@dataclass(slots=True)
class Row:
    """All measurements of one server at one task."""

    peer: Peer
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    before: list[float] = field(default_factory=list)  # MiB
    peaks: list[float] = field(default_factory=list)  # MiB
    failure: str = ""


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine = facts()
    peers = settings.chosen(UPLOAD_PEERS)
    rows = {path: {peer.name: Row(peer) for peer in peers} for path in TASKS}
    for number in settings.turns(MOST_ROUNDS):
        for peer in peers:
            settings.say(f"round {number + 1}: {peer.name}")
            for path, found in rows.items():
                try:
                    _measure(found[peer.name], path, times=QUICK_TIMES if settings.is_short else TIMES)
                except (CannotRunError, OSError) as error:
                    found[peer.name].failure = str(error)
    parts = [_table(TASKS[path], list(found.values())) for path, found in rows.items()]
    results: dict[str, object] = {
        TASKS[path]: [_as_json(row) for row in found.values()] for path, found in rows.items()
    }
    if settings.big:
        settings.say("Fanlight: 5 GB")
        text, results["big"] = _big()
        parts.append(text)
    text = "\n\n".join([*parts, LEGEND])
    print(text)
    report.save(settings.file("uploads"), machine, asdict(settings), results, text)


def _measure(row: Row, path: str, times: int) -> None:
    """Start a server, judge it by what has arrived, and take some samples."""
    with Serving(row.peer) as server:
        kept = Path(server.folder.name) / "kept"
        upload(server.port, path, SMALL)
        before = server.memory().rss / 1024
        server.forget_peak()
        spent = server.cpu_seconds()
        for _ in range(times):
            row.seconds.append(upload(server.port, path, SIZE).seconds)
            _check_kept(kept, path)
        row.cpu.append((server.cpu_seconds() - spent) / times)  # the clock of it ticks 100 times a second
        row.before.append(before)
        row.peaks.append(server.peak_kib() / 1024)
        if upload(server.port, "/digest", SIZE).answer["sha256"] != digest(SIZE):
            raise CannotRunError("what has arrived is not what was sent")


def _check_kept(kept: Path, path: str) -> None:
    if path == "/kept":
        with kept.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest(SIZE):
                raise CannotRunError("what is kept is not what was sent")
        kept.unlink()


def _big() -> tuple[str, object]:
    """Send Fanlight 5 GB, or what there is room for, and look at its memory on the way."""
    room = shutil.disk_usage(tempfile.gettempdir()).free // MIB
    mib = min(BIG, room // 2)
    looks: list[tuple[int, float]] = []
    with Serving(UPLOAD_PEERS[0]) as server:

        def watch(sent: int) -> None:
            if sent % (mib // 10) == 0:
                looks.append((sent, server.memory().rss / 1024))

        upload(server.port, "/kept", SMALL)
        before = server.memory().rss / 1024
        server.forget_peak()
        seen = upload(server.port, "/kept", mib, watch)
        peak = server.peak_kib() / 1024
        with (Path(server.folder.name) / "kept").open("rb") as file:
            is_right = hashlib.file_digest(file, "sha256").hexdigest() == digest(mib)
    lines = [["before", f"{before:.1f}"], *([str(sent), f"{rss:.1f}"] for sent, rss in looks), ["peak", f"{peak:.1f}"]]
    title = f"Fanlight: {mib} MiB kept in {seen.seconds:.1f} s, {'whole' if is_right else 'NOT what was sent'}"
    if mib < BIG:
        title += f"; not {BIG} MiB, as the disk has {room} MiB free"
    told = {"mib": mib, "seconds": seen.seconds, "is_right": is_right, "before_mib": before, "peak_mib": peak}
    return f"{title}\n\n" + report.table(("sent MiB", "memory MiB"), lines), told | {"looks": looks}


def _table(title: str, rows: list[Row]) -> str:
    good = sorted((row for row in rows if row.seconds and not row.failure), key=lambda row: median(row.seconds))
    ours = next((row for row in good if row.peer is UPLOAD_PEERS[0]), None)
    lines = [
        [
            row.peer.name,
            f"{median(row.seconds):.3f}",
            f"{min(row.seconds):.3f}",
            f"{max(row.seconds):.3f}",
            f"{SIZE / median(row.seconds):.0f}",
            report.ratio(median(row.seconds), ours and median(ours.seconds)),
            f"{median(row.cpu):.3f}",
            report.ratio(median(row.cpu), ours and median(ours.cpu)),
            f"{median(row.before):.1f}",
            f"{max(row.peaks):.1f}",
            f"{max(row.peaks) - median(row.before):.1f}",
        ]
        for row in good
    ]
    spoiled = [(row.peer.name, row.failure) for row in rows if row not in good]
    return f"{title}\n\n" + report.table(HEADS, lines) + report.failures(spoiled)


def _as_json(row: Row) -> dict[str, object]:
    told: dict[str, object] = {"server": row.peer.name, "setup": row.peer.note}
    if row.failure or not row.seconds:
        return told | {"failure": row.failure}
    figures = {"seconds": row.seconds, "cpu_s": row.cpu, "before_mib": row.before, "peak_mib": row.peaks}
    return told | {name: report.spread(values) for name, values in figures.items()}
