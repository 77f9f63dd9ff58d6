"""A real redis-server of a test's own: on a free port, with its own folder, that can be killed and started again."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis
from tests.speed import PATIENCE

PROGRAM = os.environ.get("TEST_REDIS_SERVER", "redis-server")  # or valkey-server


class RedisServer:
    """A redis-server on this machine; what was written survives `kill` and `start`."""

    def __init__(self, folder: Path, *, password: str = "", words: Sequence[str] = (), program: str = PROGRAM) -> None:
        """Start it; with a password, its user "default" needs that one. `words` are more of its flags."""
        self.folder, self.password, self._words, self._program = folder, password, words, program
        folder.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.port: int = sock.getsockname()[1]
        self.tls_port = 0  # of a test that has set one
        self.unix_path = folder / "redis.sock"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its URL, with the password."""
        user = f":{self.password}@" if self.password else ""
        return f"redis://{user}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, if it does not run, and wait until it responds."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
        settings = {
            "bind": "127.0.0.1", "port": str(self.port), "dir": str(self.folder), "unixsocket": str(self.unix_path),
            "appendonly": "yes", "appendfsync": "no", "save": "", "daemonize": "no", "logfile": "redis.log",
            **({"requirepass": self.password} if self.password else {}),
        }  # fmt: skip
        command = [
            self._program,
            *(word for name, value in settings.items() for word in (f"--{name}", value)),
            *self._words,
        ]
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with self.client() as client:
                    client.ping()
            except redis.RedisError:
                assert self.process.poll() is None, (self.folder / "redis.log").read_text()
                assert time.monotonic() < until, (self.folder / "redis.log").read_text()
                time.sleep(0.01)  # another process starts: there is no event to wait for
            else:
                return

    def client(self) -> Any:
        """Return a client of the package, to look at what is there."""
        return redis.Redis(port=self.port, password=self.password or None, socket_timeout=PATIENCE, protocol=2)

    def kill(self) -> None:
        """Kill it at once, as a power failure would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self) -> None:
        """End it, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
