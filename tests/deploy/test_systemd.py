"""The units of the page about deployment, run by a systemd of the test's own.

It is a user manager (`systemd --user`), in a mount namespace with the files that it needs; so `User=` is left out, all
else is as on the page.
"""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.speed import PATIENCE

import fanlight

Config = Callable[..., str]
SOURCE = Path(fanlight.__file__).parents[1]  # it may be in a /tmp that is hidden from the unit
SITE = 'import os\n\ndef worker():\n    return f"{os.getpid()} {VERSION}"\n\nVERSION = 1\nURLS = {"/": worker}\n'


class Manager:
    """A systemd, and its units."""

    def __init__(self, home: Path) -> None:
        """Start it, with a home of its own."""
        self.units = home / ".config" / "systemd" / "user"
        self.units.mkdir(parents=True)
        self.output = home / "said"
        runtime = home / "run"
        runtime.mkdir(mode=0o700)
        self._environment = {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "PATH": os.environ["PATH"]}
        become = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec /lib/systemd/systemd --user"
        rights = [] if os.geteuid() == 0 else ["--map-root-user"]
        with (home / "systemd.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", *rights, "sh", "-c", f"{become} --unit=basic.target"],
                env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        self.wait_until((runtime / "systemd" / "private").exists, "systemd")

    def systemctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run systemctl."""
        command = ["systemctl", "--user", "--no-pager", *words]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def check_systemctl(self, *words: str) -> None:
        """Run systemctl, which must succeed."""
        done = self.systemctl(*words)
        assert done.returncode == 0, done.stderr + self.output.read_text()

    def property_of(self, name: str, unit: str = "site.service") -> str:
        """Return a property of a unit."""
        return self.systemctl("show", "-p", name, "--value", unit).stdout.strip()

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait for a condition."""
        until = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < until, f"not in time: {what}"
            time.sleep(0.05)  # another program causes it: there is no event to wait for

    def stop(self) -> None:
        """Stop it, and with it all that it has started."""
        self._process.terminate()
        self._process.wait(PATIENCE)


@pytest.fixture
def manager(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """Yield a systemd of the test's own; one at a time, because all would use the same control groups."""
    with (tmp_path_factory.getbasetemp().parent / "systemd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = Manager(tmp_path)
        yield made
        made.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a site."""
    made = tmp_path / "site"
    made.mkdir()
    (made / "main.py").write_text(SITE)
    return made


@pytest.fixture
def port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        number: int = sock.getsockname()[1]
    return number


def unit(config: Config, folder: Path, port: int, **more: str) -> str:
    """Return the unit of the page for a folder and a port."""
    words = {
        "User=site\n": "",
        "ProtectHome=yes\n": "",  # the Python in use may be there
        "PrivateTmp=yes\n": f"PrivateTmp=yes\nBindPaths={folder.parent}\nBindReadOnlyPaths={sys.prefix} {SOURCE}\n"
        f"StandardOutput=append:{folder.parent}/said\nStandardError=append:{folder.parent}/said\n",
        "ProtectKernelTunables=yes\n": "",  # not permitted in some containers
        "ProtectKernelLogs=yes\n": "",
        "/srv/site/.venv/bin/fanlight": f"{sys.executable} -m fanlight",
        "/srv/site": str(folder),
        "--bind :8000": f"--bind localhost:{port}",
        "--workers auto": "--workers 2",
        " --admin localhost:9000": "",
    }
    return config("/etc/systemd/system/site.service", words | more)


def fetch(port: int) -> tuple[int, int]:
    """Return the process id of the worker, and the version, of a response."""
    done = subprocess.run(["curl", "-sS", f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True)
    worker, version = done.stdout.split()
    return int(worker), int(version)


def test_the_units_are_valid(config: Config, tmp_path: Path) -> None:
    """`systemd-analyze verify` has no complaint, and rates the exposure of the service as ok."""
    service, opened = tmp_path / "site.service", tmp_path / "site.socket"
    service.write_text(
        config(
            "/etc/systemd/system/site.service",
            {"User=site": "User=daemon", "/srv/site/.venv/bin/fanlight": sys.executable, "/srv/site": str(tmp_path)},
        )
    )
    opened.write_text(config("/etc/systemd/system/site.socket", {}))
    verify = ["systemd-analyze", "verify", str(service), str(opened)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    secure = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(service)]
    output = subprocess.run(secure, capture_output=True, text=True, check=False).stdout
    level = re.search(r"exposure level for site.service: ([\d.]+) OK", output)
    assert level, output[-300:]
    assert float(level[1]) < 2.5


def test_a_site_as_a_service(manager: Manager, config: Config, folder: Path, port: int) -> None:
    """The service is up when systemd reports so, passes the watchdog, is restarted when it hangs, and stops."""
    (manager.units / "site.service").write_text(unit(config, folder, port, **{"WatchdogSec=30": "WatchdogSec=2"}))
    manager.check_systemctl("start", "site")
    assert fetch(port)[1] == 1
    parent = int(manager.property_of("MainPID"))
    time.sleep(5)  # more than twice WatchdogSec
    assert int(manager.property_of("MainPID")) == parent
    os.kill(parent, signal.SIGSTOP)
    manager.wait_until(
        lambda: manager.property_of("NRestarts") == "1" and manager.property_of("SubState") == "running", "restart"
    )
    assert fetch(port)[1] == 1
    manager.check_systemctl("stop", "site")
    assert (manager.property_of("SubState"), manager.property_of("Result")) == ("dead", "success")


def test_a_reload_loads_new_code(manager: Manager, config: Config, folder: Path, port: int) -> None:
    """After `systemctl reload` the same supervisor serves the new code; broken code changes nothing."""
    (manager.units / "site.service").write_text(unit(config, folder, port))
    manager.check_systemctl("start", "site")
    parent = manager.property_of("MainPID")
    (folder / "main.py").write_text(SITE.replace("VERSION = 1", "VERSION = 2"))
    manager.check_systemctl("reload", "--no-block", "site")
    manager.wait_until(lambda: {fetch(port)[1] for _ in range(20)} == {2}, "new code")
    manager.wait_until(lambda: manager.property_of("SubState") == "running", "the last worker with old code is gone")
    (folder / "main.py").write_text("1 / 0")
    os.kill(int(parent), signal.SIGHUP)
    for _ in range(20):
        assert fetch(port)[1] == 2
    assert manager.property_of("MainPID") == parent


def test_a_reload_ends_when_the_new_code_serves(manager: Manager, config: Config, folder: Path, port: int) -> None:
    """After a reload, systemd shows the service as running again."""
    (manager.units / "site.service").write_text(unit(config, folder, port))
    manager.check_systemctl("start", "site")
    (folder / "main.py").write_text(SITE.replace("VERSION = 1", "VERSION = 2"))
    manager.check_systemctl("reload", "--no-block", "site")
    manager.wait_until(lambda: manager.property_of("SubState") == "reload", "the reload has begun")
    # It is "running" for a moment, too, if `ExecReload` has ended before the server has said that it reloads.
    manager.wait_until(lambda: fetch(port)[1] == 2, "the new code serves")
    manager.wait_until(lambda: manager.property_of("SubState") == "running", "the reload is over")
    assert fetch(port)[1] == 2
    (folder / "main.py").write_text("1 / 0")
    manager.check_systemctl("reload", "--no-block", "site")
    manager.wait_until(lambda: manager.property_of("SubState") == "reload", "the reload of broken code has begun")
    manager.wait_until(lambda: manager.property_of("SubState") == "running", "that is over too")
    assert fetch(port)[1] == 2


def test_the_start_of_a_broken_site_fails(manager: Manager, config: Config, folder: Path, port: int) -> None:
    """`systemctl start` fails for a site with a mistake in it."""
    (folder / "main.py").write_text("1 / 0")
    text = unit(config, folder, port, **{"Restart=always": "Restart=no"})
    (manager.units / "site.service").write_text(text)
    assert manager.systemctl("start", "site").returncode != 0
    assert manager.property_of("Result") == "exit-code"


def test_socket_activation(manager: Manager, config: Config, folder: Path, port: int) -> None:
    """With the page's socket unit the first client starts the site, and no client is refused during a restart."""
    text = unit(config, folder, port).replace(f"--bind localhost:{port} ", "")
    (manager.units / "site.service").write_text(text)
    listen = {"ListenStream=8000": f"ListenStream=127.0.0.1:{port}"}
    (manager.units / "site.socket").write_text(config("/etc/systemd/system/site.socket", listen))
    manager.check_systemctl("start", "site.socket")
    assert manager.property_of("ActiveState") == "inactive"
    first, _ = fetch(port)
    manager.wait_until(lambda: manager.property_of("SubState") == "running", "all workers")
    manager.check_systemctl("restart", "--no-block", "site")
    seen = first
    for _ in range(200):
        seen, _ = fetch(port)
        if seen != first and manager.property_of("SubState") == "running":
            break
    assert seen != first
