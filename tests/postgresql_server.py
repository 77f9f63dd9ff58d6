"""A real PostgreSQL of a test's own: in a folder of its own, on a unix socket only, as a user without privileges."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from tests.speed import PATIENCE

USER = "postgres"  # of Debian's package; PostgreSQL refuses to run as root


def program(name: str) -> str:
    """Return the path of one of its programs, which Debian keeps beside the path of all users."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda each: float(each.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    assert found, f"{name} is not installed: scripts/install-system-packages"
    return found


class PostgreSQLServer:
    """A server with one database; its files are removed by `stop`."""

    def __init__(self, folder: Path) -> None:
        """Make its files in a folder that all users can reach, and start it."""
        folder.mkdir()
        self._user = USER if os.getuid() == 0 else None
        if self._user:
            account = pwd.getpwnam(USER)
            os.chown(folder, account.pw_uid, account.pw_gid)
        self.folder = folder
        files = folder / "files"
        self._control = [program("pg_ctl"), "--pgdata", str(files), "--silent"]
        self._run(
            program("initdb"),
            "--pgdata",
            str(files),
            "--auth",
            "trust",
            "--no-sync",
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
            "-U",
            "book",
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=40"
        self._run(*self._control, "--wait", "--log", str(folder / "log"), "--options", options, "start")

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            words,
            user=self._user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()

    @property
    def url(self) -> str:
        """The URL of its database."""
        return f"postgresql://book@/postgres?host={self.folder}"

    def stop(self) -> None:
        """End it, and remove its files."""
        self._run(*self._control, "--mode", "immediate", "stop")
        shutil.rmtree(self.folder)
