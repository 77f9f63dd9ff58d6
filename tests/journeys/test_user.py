"""`--user`: the parent that root has started opens the port, and everything of the site runs as somebody else.

The interpreter may lie where only root comes, so it is bound to a place that all can see, in a mount namespace of the
test's own. Who is not root sees the refusal instead.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.speed import PATIENCE

import fanlight

NOBODY = pwd.getpwnam("nobody")
SITE = (
    'import os\n\ndef who():\n    return f"{os.getuid()} {os.getgid()} {VERSION}"\n\nVERSION = 1\nURLS = {"/": who}\n'
)
BINDS = {"base": sys.base_prefix, "packages": sysconfig.get_path("purelib"), "source": fanlight.__path__[0] + "/.."}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that everybody may see, unlike those of pytest."""
    made = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    made.chmod(0o755)
    for name in (*BINDS, "site"):
        (made / name).mkdir()
    (made / "site" / "main.py").write_text(SITE)
    yield made
    subprocess.run(["rm", "-rf", str(made)], check=True)


def command(folder: Path) -> list[str]:
    """Return what serves the site as nobody, in a namespace where nobody can see the interpreter."""
    mounts = " && ".join(f"mount --bind '{Path(path).resolve()}' '{folder / name}'" for name, path in BINDS.items())
    python = f"{folder}/base/bin/python3 -m fanlight run --workers 1 --user nobody"
    run = f"cd {folder}/site && exec {python} --bind unix:{folder}/site.sock --socket-mode 660"
    return ["unshare", "--mount", "sh", "-c", f"{mounts} && {run}"]


def ask(folder: Path) -> str:
    asked = ["curl", "-sS", "--unix-socket", str(folder / "site.sock"), "http://localhost/"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else; the refusal is tested instead")
def test_the_site_runs_as_somebody_else(folder: Path) -> None:
    """Workers, those of new code too, are nobody's; the socket belongs to nobody, with the mode that was asked for."""
    environment = os.environ | {
        "PYTHONPATH": f"{folder}/source:{folder}/packages",
        "LD_LIBRARY_PATH": f"{folder}/base/lib",  # of an interpreter that is a shared library
    }
    with subprocess.Popen(
        command(folder), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            printed = ""
            while "Ctrl+C stops it" not in printed:
                line = process.stdout.readline()
                assert line, printed
                printed += line
            assert "1 worker, as nobody" in printed
            assert ask(folder) == f"{NOBODY.pw_uid} {NOBODY.pw_gid} 1"
            status = (folder / "site.sock").stat()
            assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (NOBODY.pw_uid, NOBODY.pw_gid, 0o660)
            (folder / "site" / "main.py").write_text(SITE.replace("VERSION = 1", "VERSION = 2"))
            process.send_signal(signal.SIGHUP)
            until = time.monotonic() + PATIENCE
            while ask(folder) != f"{NOBODY.pw_uid} {NOBODY.pw_gid} 2":
                assert time.monotonic() < until
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_who_is_not_root_is_refused(tmp_path: Path) -> None:
    """Who can't become somebody else is told so before anything is opened."""
    (tmp_path / "main.py").write_text(SITE)
    words = ["run", "--workers", "1", "--user", "daemon", "--port", "0"]
    command = [sys.executable, "-m", "fanlight", *words]
    # Root is nobody in a namespace that knows no users, and reads what is root's all the same.
    become = ["unshare", "--user"] if os.geteuid() == 0 else []
    done = subprocess.run([*become, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "root" in done.stderr
