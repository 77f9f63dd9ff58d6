"""The virtual environments of the benchmarks: one for each interpreter that is measured, in benchmarks/.venv.

In: the path of an interpreter (none: the first optimised one there is). Out: an interpreter with the peers and Fanlight
installed, and how it was built. Refuses, by SystemExit, what can't be installed. Run by itself it brings the
environments up to date: `benchmarks/setup [--python /usr/bin/python3.11 ...]`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE / ".venv"
SPEED = HERE.parent / "speed"  # the compiled reader of heads, an extra
USUAL = ("python3", "/usr/bin/python3")  # the person's own first
LEAST_VERSION = (3, 11)
# Debian and Ubuntu optimise with a profile by a rule of the package, which the interpreter itself does not record:
# `make profile-opt`, and -flto, on all the machines that people have (debian/rules of python3.x).
BY_PACKAGE = "/usr/share/python-wheels"
DESCRIBE = """
import json, platform, sys, sysconfig
read = sysconfig.get_config_var
print(json.dumps({
    "implementation": platform.python_implementation(), "version": platform.python_version(),
    "prefix": sys.base_prefix, "arguments": read("CONFIG_ARGS") or "", "flags": read("PY_CORE_CFLAGS") or "",
    "compiler": platform.python_compiler(), "profile_task": read("PROFILE_TASK") or "",
    "has_gil": not read("Py_GIL_DISABLED"),
}))
"""


@dataclass(frozen=True, slots=True)
class Build:
    """How an interpreter was built; a fifth of its speed depends on it."""

    implementation: str
    version: str
    prefix: str
    arguments: str  # of configure
    flags: str  # of the compiler
    compiler: str
    profile_task: str  # what it was trained with, if it was
    has_gil: bool

    @property
    def is_optimised(self) -> bool:
        """Whether the compiler had a profile of a running interpreter (PGO)."""
        return "--enable-optimizations" in self.arguments or BY_PACKAGE in self.arguments

    @property
    def has_lto(self) -> bool:
        """Whether it was optimised across files at link time (LTO)."""
        return "--with-lto" in self.arguments or BY_PACKAGE in self.arguments

    @property
    def name(self) -> str:
        """Return a short name: CPython 3.11.2 (PGO, LTO)."""
        means = [name for name, has in (("PGO", self.is_optimised), ("LTO", self.has_lto)) if has]
        return f"{self.implementation} {self.version} ({', '.join(means) or 'no PGO'})"

    @property
    def folder(self) -> Path:
        """Return the environment of this interpreter."""
        kind = "pgo" if self.is_optimised else "plain"
        return FOLDER / f"{self.implementation}-{self.version}-{kind}".lower()

    def facts(self) -> dict[str, object]:
        """Return what a result file says of it."""
        return asdict(self) | {"name": self.name, "is_optimised": self.is_optimised, "has_lto": self.has_lto}


@cache
def build_of(python: str) -> Build:
    """Return how an interpreter was built; SystemExit if it is none, or too old."""
    path = shutil.which(python)
    done = path and subprocess.run([path, "-c", DESCRIBE], capture_output=True, text=True, check=False)
    if not done or done.returncode:
        sys.exit(f"benchmarks: {python} is no Python")
    build = Build(**json.loads(done.stdout))
    if tuple(map(int, build.version.split(".")[:2])) < LEAST_VERSION:
        sys.exit(f"benchmarks: {python} is {build.version}; Fanlight needs 3.11 or later")
    return build


def chosen(python: str | None) -> str:
    """Return the interpreter to measure with, and warn when it is one that was not optimised."""
    found = [each for each in ([python] if python else USUAL) if python or shutil.which(each)]
    best = next((each for each in found if build_of(each).is_optimised), found[0])
    if not build_of(best).is_optimised:
        print(
            f"benchmarks: WARNING: {build_of(best).name} was built without profile-guided optimisation, which costs"
            " about a fifth of the speed of everything in Python (docs/how-to/deploy.md); --python names another one",
            file=sys.stderr,
        )
    return best


def interpreter(python: str | None = None, *, is_fresh: bool = False) -> Path:
    """Return the interpreter of an environment; it is made when it is missing, or brought up to date."""
    base = chosen(python)
    folder = build_of(base).folder
    if is_fresh or not (folder / "bin" / "fanlight").exists():
        print(f"benchmarks: installing the peers in {folder}", file=sys.stderr, flush=True)
        _install(base, folder)
    return folder / "bin" / "python"


def _install(base: str, folder: Path) -> None:
    path = shutil.which(base)
    assert path is not None
    steps: list[list[str]] = [] if (folder / "bin" / "python").exists() else [[path, "-m", "venv", str(folder)]]
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    steps.append([*install, "--upgrade", "-r", str(HERE / "requirements.txt"), "-e", f"{HERE.parent}[dev,redis]"])
    for step in steps:
        if subprocess.run(step, check=False).returncode:
            sys.exit(f"benchmarks: failed: {' '.join(step)}")
    if SPEED.exists() and subprocess.run([*install, "--force-reinstall", "--no-deps", SPEED], check=False).returncode:
        print("benchmarks: the compiled reader can't be built (a C compiler?): it has no rows", file=sys.stderr)


def main() -> None:
    """Bring the environments of some interpreters up to date."""
    parser = argparse.ArgumentParser(description="Install the peers and Fanlight, as it is in this checkout.")
    parser.add_argument("--python", action="append", metavar="PATH", help="an interpreter; may be given several times")
    for each in parser.parse_args().python or [None]:
        print(interpreter(each, is_fresh=True))


if __name__ == "__main__":
    main()
