"""Where a server is started: closed descriptors, odd folders, a read-only disk, environment variables of others."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.faults.conftest import Served
from tests.shown_exceptions import shows_exception
from tests.sockets import received_next
from tests.speed import PATIENCE

Serve = Callable[..., Served]
SITE = """
import os
def index():
    return f"{os.getpid()} {VERSION}"
VERSION = 1
URLS = {"/": index}
"""
WORKERS = pytest.mark.parametrize("words", [(), ("--workers", "1")], ids=["alone", "workers"])


class Server:
    """A site on a Unix socket, whatever it can print."""

    def __init__(
        self, file: Path, *words: str, path: Path, folder: Path, wrapper: Sequence[str] = (), **env: str
    ) -> None:
        """Start it."""
        self.path, self.log = path, path.with_suffix(".log")
        command = [*wrapper, sys.executable, "-m", "fanlight", "run", str(file), "--bind", f"unix:{path}", *words]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=os.environ | env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def fetch(self) -> str:
        """Return the content of the response, waiting for the server to listen."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.settimeout(PATIENCE)
                    sock.connect(str(self.path))
                    sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    return b"".join(iter(lambda: sock.recv(4096), b"")).partition(b"\r\n\r\n")[2].decode()
            except OSError:
                assert self.process.poll() is None, self.log.read_text(errors="replace")
                assert time.monotonic() < until, self.log.read_text(errors="replace")
                time.sleep(0.05)

    def stop(self) -> int:
        """Stop it; return its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a site on a Unix socket."""
    running: list[Server] = []

    def run(file: Path, *words: str, folder: Path = tmp_path, name: str = "s", **more: object) -> Server:
        running.append(Server(file, *words, path=tmp_path / name, folder=folder, **more))  # type: ignore[arg-type]  # texts
        return running[-1]

    yield run
    for each in running:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """Return the file of a site."""
    (tmp_path / "main.py").write_text(SITE)
    return tmp_path / "main.py"


@WORKERS
@pytest.mark.parametrize(
    "closed", [each for size in (1, 2, 3) for each in itertools.combinations("012", size)], ids="".join
)
def test_closed_standard_streams_are_harmless(start: Start, main: Path, words: tuple[str, ...], closed: str) -> None:
    """Whichever standard streams are closed at the start, it serves, and no client's socket takes their numbers."""
    closing = " ".join(f"{number}>&-" for number in closed)
    site = start(main, *words, wrapper=["sh", "-c", f'exec "$@" {closing}', "sh"])
    pid = site.fetch().split()[0]
    for process in {pid, str(site.process.pid)}:
        assert [str((Path("/proc") / process / "fd" / each).readlink()) for each in closed] == ["/dev/null"] * len(
            closed
        )
    assert site.stop() == 0


@WORKERS
def test_variables_of_kubernetes_and_empty_ones_are_ignored(serve: Serve, words: tuple[str, ...]) -> None:
    """Variables of services called fanlight and fanlight-db, and variables that are empty, change nothing."""
    found = {
        "FANLIGHT_PORT": "tcp://10.96.0.20:8000",
        "FANLIGHT_PORT_8000_TCP": "tcp://10.96.0.20:8000",
        "FANLIGHT_PORT_8000_TCP_PROTO": "tcp",
        "FANLIGHT_SERVICE_HOST": "10.96.0.20",
        "FANLIGHT_SERVICE_PORT": "8000",
        "FANLIGHT_SERVICE_PORT_HTTP": "8000",
        "FANLIGHT_DB_PORT": "tcp://10.96.0.21:5432",
        "FANLIGHT_DB_SERVICE_HOST": "10.96.0.21",
        "FANLIGHT_THREADS": "",
        "FANLIGHT_CERT": " ",
    }
    assert serve(*words, environment=found).request() == (200, b"hello")


@WORKERS
@pytest.mark.parametrize("is_removed", [False, True], ids=["drains", "removed"])
def test_the_socket_of_a_successor_is_not_removed(
    start: Start, main: Path, tmp_path: Path, words: tuple[str, ...], is_removed: bool
) -> None:
    """A server that stops removes the file of its own socket, not that of its successor."""
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    main.write_text(
        "import os, time\n"
        "def index():\n    return str(os.getpid())\n"
        f"def slow():\n    open({str(begun)!r}, 'w').close()\n"
        f"    while not os.path.exists({str(gate)!r}):\n        time.sleep(0.01)\n    return 'x'\n"
        "URLS = {'/': index, '/slow': slow}\n"
    )
    old = start(main, *words)
    old.fetch()
    if is_removed:
        old.path.unlink()
        new = start(main, *words)
        new.fetch()
        assert old.stop() == 0
    else:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(old.path))
            sock.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
            wait_until(begun.exists)
            old.process.terminate()
            wait_until(lambda: not old.path.exists())
            new = start(main, *words)
            new.fetch()
            gate.touch()
            assert old.process.wait(PATIENCE) == 0
    assert new.fetch().isdigit()
    assert new.stop() == 0
    assert not new.path.exists()


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


@WORKERS
def test_the_ipv6_wildcard_serves_both_families(serve: Serve, words: tuple[str, ...]) -> None:
    """`--host ::`, which is `--bind [::]:0`, serves clients of IPv4 and of IPv6."""
    served = serve("--host", "::", *words)
    for host in ("127.0.0.1", "::1"):
        with socket.create_connection((host, served.port), PATIENCE) as sock:
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/stderr", "/proc/self/fd/1"])
def test_the_access_log_may_be_a_standard_stream_that_is_a_socket(tmp_path: Path, main: Path, name: str) -> None:
    """As under systemd, where the stream can't be opened again by a path; no file called - is created."""
    ours, theirs = socket.socketpair()
    path = tmp_path / "s"
    command = [sys.executable, "-m", "fanlight", "run", str(main), "--bind", f"unix:{path}", "--access-file", name]
    output = theirs.fileno()
    with ours, theirs, subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output) as process:
        ours.settimeout(PATIENCE)
        seen = b""
        while b"Ctrl+C" not in seen:
            seen += received_next(ours)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(b"GET /?logged HTTP/1.0\r\n\r\n")
            while b"logged" not in seen:
                seen += received_next(ours)
        process.terminate()
    assert not (tmp_path / "-").exists()


READ_ONLY = ["unshare", "--mount", "sh", "-c", 'mount -o remount,bind,ro / && exec "$@"', "sh"]


@pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run([*READ_ONLY, "true"], capture_output=True, check=False).returncode != 0,
    reason="a read-only mount is not possible here",
)
@WORKERS
def test_a_read_only_disk_can_be_served_from(main: Path, words: tuple[str, ...]) -> None:
    """Without any writable folder it serves; `check --deploy` and `status` report what is missing."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = str(sock.getsockname()[1])
    fanlight = [*READ_ONLY, sys.executable, "-B", "-m", "fanlight"]
    env = {name: value for name, value in os.environ.items() if name not in ("XDG_RUNTIME_DIR", "TMPDIR")}
    if any(Path(each).stat().st_dev != Path("/").stat().st_dev for each in ("/tmp", "/var/tmp")):
        pytest.skip("temporary files have a disk of their own here")
    with subprocess.Popen([*fanlight, "run", str(main), "--port", port, *words], env=env, cwd="/") as process:
        fetch = [
            "curl",
            "-sS",
            "--retry",
            "30",
            "--retry-delay",
            "1",
            "--retry-connrefused",
            f"http://127.0.0.1:{port}/",
        ]
        assert subprocess.run(fetch, capture_output=True, check=True).stdout.endswith(b" 1")
        process.terminate()
    check, status = (
        subprocess.run([*fanlight, *each], env=env, cwd="/", capture_output=True, text=True, check=False)
        for each in (("check", "--deploy", str(main)), ("status",))
    )
    assert "temporary" in check.stdout
    for each in (check, status):
        assert (each.returncode, shows_exception(each.stderr)) == (1, False)
    assert "control" in status.stderr


@WORKERS
@pytest.mark.parametrize(
    ("name", "env"),
    [
        (b"latin\xe9", {}),
        ("grün".encode(), {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
        ("grün".encode(), {"PYTHONIOENCODING": "ascii"}),
    ],
)
def test_a_folder_may_have_any_name(
    start: Start, tmp_path: Path, words: tuple[str, ...], name: bytes, env: dict[str, str]
) -> None:
    """A folder name that is not UTF-8, or not encodable for the terminal, works like any other."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    folder.mkdir()
    (folder / "main.py").write_text(SITE)
    site = start(folder / "main.py", *words, folder=folder, **env)
    assert site.fetch().endswith(" 1")
    assert site.stop() == 0
    assert "Ctrl+C" in site.log.read_text()  # the banner was printed


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2])
def test_a_link_to_the_release_is_followed(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    """Started in a symlink `current`, a reload loads the code it points to by then, also if the old release is gone."""
    for release in (1, 2):
        folder = tmp_path / "releases" / str(release)
        folder.mkdir(parents=True)
        (folder / "main.py").write_text(SITE.replace("VERSION = 1", f"VERSION = {release}"))
    current = tmp_path / "current"
    current.symlink_to("releases/1")
    site = start(Path("main.py"), "--workers", "1", folder=current, PWD=str(current))
    assert site.fetch().endswith(" 1")
    current.unlink()
    current.symlink_to("releases/2")
    shutil.rmtree(tmp_path / "releases" / "1")
    site.process.send_signal(number)
    until = time.monotonic() + PATIENCE
    while not site.fetch().endswith(" 2"):
        assert time.monotonic() < until, site.log.read_text()
        time.sleep(0.1)
    assert site.stop() == 0


@WORKERS
def test_the_working_folder_may_be_removed(start: Start, main: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A site named by its absolute path is served from a working folder that was removed."""
    gone = tmp_path / "gone"
    gone.mkdir()
    site = start(main, *words, folder=gone, wrapper=["sh", "-c", 'rmdir ../gone && exec "$@"', "sh"])
    assert site.fetch().endswith(" 1")
    assert site.stop() == 0
    assert not shows_exception(site.log.read_text())
