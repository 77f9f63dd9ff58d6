"""Static files: 1 KiB to 100 MiB, files that have not changed, and small ones by the thousand.

In: settings. Out: a table for each, and results/static.json. All servers give the same files of one folder, of
media types that no one compresses. Small ones are many and are asked for by wrk, each in turn; big ones are
downloaded by downloading.py, and counted in MiB.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import downloading
from downloading import MIB
from load import Shape
from peers import STATIC_FOLDER, STATIC_PEERS
from sampling import Sample, quietest, watched
from serving import CannotRunError, Serving
from tasks import Task, compare

if TYPE_CHECKING:
    from settings import Settings

SMALLEST = [f"/dot-{number:03}.png" for number in range(200)]
RARE = [f"/thumb-{number:04}.png" for number in range(6000)]  # each is asked for once in a while
SMALL = [f"/icon-{number:03}.png" for number in range(200)]
MIDDLE = [f"/photo-{number}.jpg" for number in range(8)]
BIG = ["/film.mp4"]
BYTES = {1024: SMALLEST + RARE, 10 * 1024: SMALL, MIB: MIDDLE, 100 * MIB: BIG}


def main(settings: Settings) -> None:
    """Measure, print and save."""
    _write_files()
    try:
        compare(settings, STATIC_PEERS, _tasks(), "static")
    finally:
        shutil.rmtree(STATIC_FOLDER)


def _tasks() -> list[Task]:
    return [
        _small("1 KiB, 200 files in turn", SMALLEST),
        _small("10 KiB, 200 files in turn", SMALL),
        Task(name="the same, not changed since: 304", shape=_asking_unchanged, check=_check_unchanged),
        _small("1 KiB, 6,000 files in turn", RARE),
        _download("1 MiB, 8 files in turn", MIDDLE, MIB, 16),
        _download("100 MiB", BIG, 100 * MIB, 4),
    ]


def _small(name: str, paths: list[str]) -> Task:
    def asking(server: Serving) -> Shape:
        return _listed(server, "tiny.txt", [f"{path}\t\n" for path in paths])

    return Task(name=name, shape=asking, check=partial(_check, paths=paths[:3]))


def _download(name: str, paths: list[str], size: int, connections: int) -> Task:
    def sample(server: Serving, settings: Settings) -> Sample:
        asked = [f"{server.peer.path}{each}" for each in paths]
        load = partial(downloading.run, server.port, asked, size, connections=connections)
        load(seconds=settings.warm_up / 2)
        return quietest(lambda: watched(server, lambda: load(seconds=settings.seconds)), settings.tries)

    return Task(name=name, sample=sample, check=partial(_check, paths=paths[:1]), connections=connections, unit="MiB")


def _write_files() -> None:
    STATIC_FOLDER.mkdir(exist_ok=True)
    pick = random.Random(1)
    for size, paths in BYTES.items():
        for path in paths:
            _file(path).write_bytes(pick.randbytes(size))


def _file(path: str) -> Path:
    return STATIC_FOLDER / path.removeprefix("/")


def _asking_unchanged(server: Serving) -> Shape:
    return _listed(server, "unchanged.txt", [f"{path}\t{_etag(server, path)}\n" for path in SMALL])


def _listed(server: Serving, head: str, lines: list[str]) -> Shape:
    file = Path(server.folder.name) / f"list-{head}"
    file.write_text("".join(lines))
    return Shape(name=head, script="listed.lua", head=head, list=str(file))


def _etag(server: Serving, path: str) -> str:
    _, fields, _ = downloading.answer_to(server.port, server.peer.path + path)
    if "etag" not in fields:
        raise CannotRunError("it sends no etag")
    return str(fields["etag"])


def _check(server: Serving, paths: list[str]) -> None:
    for path in paths:
        status, fields, digest = downloading.answer_to(server.port, server.peer.path + path)
        if status != 200 or digest != hashlib.sha256(_file(path).read_bytes()).hexdigest():
            raise CannotRunError(f"wrong answer to {path}: {status} {fields}")
        if not fields.get("content-type", "").startswith(("image/", "video/")):
            raise CannotRunError(f"wrong answer: content-type {fields.get('content-type')!r}")


def _check_unchanged(server: Serving) -> None:
    for path in SMALL[:3]:
        for etag, wanted in ((_etag(server, path), 304), ('"another"', 200)):
            status, _, _ = downloading.answer_to(server.port, server.peer.path + path, {"if-none-match": etag})
            if status != wanted:
                raise CannotRunError(f"wrong answer to {etag}: {status}, wanted {wanted}")
