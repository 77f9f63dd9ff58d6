"""`--user`: the supervisor, started by root, opens the port, and everything of the site runs as another user.

The interpreter may lie where only root can read, so it is bind-mounted to a readable place, in a mount namespace of
the test's own. Run by another user than root, the test checks the refusal instead.
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
    """Return a folder that all users can read, unlike those of pytest."""
    made = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    made.chmod(0o755)
    for name in (*BINDS, "site"):
        (made / name).mkdir()
    (made / "site" / "main.py").write_text(SITE)
    yield made
    subprocess.run(["rm", "-rf", str(made)], check=True)


def command(folder: Path) -> list[str]:
    """Return the command that serves the site as nobody, in a namespace where nobody can read the interpreter."""
    mounts = " && ".join(f"mount --bind '{Path(path).resolve()}' '{folder / name}'" for name, path in BINDS.items())
    python = f"{folder}/base/bin/python3 -m fanlight run --workers 1 --user nobody"
    run = f"cd {folder}/site && exec {python} --bind unix:{folder}/site.sock --socket-mode 660"
    return ["unshare", "--mount", "sh", "-c", f"{mounts} && {run}"]


def fetch(folder: Path) -> str:
    command_line = ["curl", "-sS", "--unix-socket", str(folder / "site.sock"), "http://localhost/"]
    return subprocess.run(command_line, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; otherwise the refusal is tested")
def test_the_site_runs_as_another_user(folder: Path) -> None:
    """Workers, those of new code too, run as nobody; the socket belongs to nobody, with the mode that was given."""
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
            assert fetch(folder) == f"{NOBODY.pw_uid} {NOBODY.pw_gid} 1"
            status = (folder / "site.sock").stat()
            assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (NOBODY.pw_uid, NOBODY.pw_gid, 0o660)
            (folder / "site" / "main.py").write_text(SITE.replace("VERSION = 1", "VERSION = 2"))
            process.send_signal(signal.SIGHUP)
            until = time.monotonic() + PATIENCE
            while fetch(folder) != f"{NOBODY.pw_uid} {NOBODY.pw_gid} 2":
                assert time.monotonic() < until
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_a_user_other_than_root_is_refused(tmp_path: Path) -> None:
    """A process that can't change its user reports it before anything is opened."""
    (tmp_path / "main.py").write_text(SITE)
    words = ["run", "--workers", "1", "--user", "daemon", "--port", "0"]
    command = [sys.executable, "-m", "fanlight", *words]
    # In a namespace without a user map root appears as nobody, and still reads the files of root.
    become = ["unshare", "--user"] if os.geteuid() == 0 else []
    done = subprocess.run([*become, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "root" in done.stderr
