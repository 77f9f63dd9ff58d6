"""The number of CPUs this process may use, from its affinity and the limits of its cgroup.

In: the files of /proc and /sys/fs/cgroup. Out: a whole number, at least 1. Fractions are rounded down: a worker for a
part of a CPU would be throttled in the middle of a request. A missing or malformed file sets no limit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from fanlight.lazy_pattern import lazy_pattern

_NUMBER = lazy_pattern(r"[0-9]{1,18}")  # microseconds


def usable_cpus(root: Path = Path("/"), available: int | None = None) -> int:
    """Return how many workers can run in parallel; `root` is the folder of /proc and /sys."""
    if available is None:
        available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([available, *_limits(root)])))


def _limits(root: Path) -> Iterator[float]:
    """Yield the limits of our cgroup and its ancestors, in CPUs.

    Version 2 has them in cpu.max, as "quota period"; version 1 in two files, where a quota of -1 is no limit.
    """
    for folder in _folders(root, "", root / "sys/fs/cgroup"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        yield from _ratio(quota, period)
    for mount in ("cpu", "cpu,cpuacct", "cpuacct,cpu"):
        for folder in _folders(root, "cpu", root / "sys/fs/cgroup" / mount):
            yield from _ratio(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _folders(root: Path, controller: str, mount: Path) -> Iterator[Path]:
    """Yield the folders of our cgroup and of its ancestors, as far as they are visible.

    Lines of /proc/self/cgroup are "number:controllers:path"; version 2 is the one without controllers. In
    a container the path may be the host's: then only the mount point exists, and it is our cgroup.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            ours = PurePosixPath(path.lstrip("/"))
            if ".." not in ours.parts:
                yield from (mount / each for each in (ours, *ours.parents))
            return
    yield mount


def _ratio(quota: str, period: str) -> Iterator[float]:
    if _NUMBER.fullmatch(quota) and _NUMBER.fullmatch(period) and int(quota) and int(period):
        yield int(quota) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
