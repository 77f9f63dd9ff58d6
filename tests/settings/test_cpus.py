"""The number of usable CPUs, from the files of the system."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanlight.settings.cpus import usable_cpus


def machine(root: Path, **files: str) -> Path:
    """Write files of /proc and /sys; in their names `__` is a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".").replace("_comma_", ",")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("cpu_max", "count"),
    [
        ("200000 100000", 2),
        ("150000 100000", 1),
        ("50000 100000", 1),
        ("1600000 100000", 8),
        ("max 100000", 8),
        ("0 0", 8),
        ("", 8),
        ("nonsense", 8),
    ],
)
def test_the_quota_of_a_cgroup_is_the_limit(tmp_path: Path, cpu_max: str, count: int) -> None:
    """Version 2: cpu.max is quota and period; whole processors count, at least one, at most those there are."""
    root = machine(tmp_path, proc__self__cgroup="0::/", sys__fs__cgroup__cpu_dot_max=cpu_max)
    assert usable_cpus(root, 8) == count


def test_the_smallest_quota_above_us_is_the_limit(tmp_path: Path) -> None:
    """A cgroup has what the ones above it have left it."""
    root = machine(
        tmp_path,
        proc__self__cgroup="0::/system.slice/site.service",
        sys__fs__cgroup__system_dot_slice__cpu_dot_max="300000 100000",
        sys__fs__cgroup__system_dot_slice__site_dot_service__cpu_dot_max="max 100000",
    )
    assert usable_cpus(root, 8) == 3


def test_a_container_sees_its_own_folder_only(tmp_path: Path) -> None:
    """Where the path is the host's, the mounted folder itself is ours."""
    root = machine(tmp_path, proc__self__cgroup="0::/docker/abc", sys__fs__cgroup__cpu_dot_max="400000 100000")
    assert usable_cpus(root, 8) == 4


@pytest.mark.parametrize(("quota", "count"), [("250000", 2), ("-1", 8)])
@pytest.mark.parametrize("mount", ["cpu", "cpu_comma_cpuacct"])
def test_version_1_has_two_files(tmp_path: Path, quota: str, count: int, mount: str) -> None:
    """cpu.cfs_quota_us over cpu.cfs_period_us, and -1 for no limit."""
    files = {
        "proc__self__cgroup": "5:memory:/x\n4:cpu,cpuacct:/site\n0::/elsewhere",
        f"sys__fs__cgroup__{mount}__site__cpu_dot_cfs_quota_us": quota,
        f"sys__fs__cgroup__{mount}__site__cpu_dot_cfs_period_us": "100000",
    }
    assert usable_cpus(machine(tmp_path, **files), 8) == count


def test_a_path_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    """A cgroup outside of what we can see has a path with dots; it is not looked for."""
    root = machine(tmp_path, proc__self__cgroup="0::/../../other", other__cpu_dot_max="100000 100000")
    assert usable_cpus(root, 8) == 8


def test_without_any_file_what_there_is_counts(tmp_path: Path) -> None:
    """Without cgroups it is the number of CPUs, at least one."""
    assert usable_cpus(tmp_path, 3) == 3
    assert usable_cpus() >= 1
