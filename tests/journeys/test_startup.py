"""The port opens when the site can serve, and not before."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.speed import PATIENCE

SITE = """
import os, time

def LIFESPAN():
    open("begun", "w").close()
    while not os.path.exists("gate"):
        time.sleep(0.02)
    yield

URLS = {"/": "Hello"}
"""
WORKERS = pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["alone", "workers"])


@WORKERS
def test_the_port_opens_when_the_lifespan_has_started(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Until the lifespan has started, no client can connect, so that a balancer that only connects waits."""
    (tmp_path / "main.py").write_text(SITE)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    command = [sys.executable, "-m", "fanlight", "run", "--port", str(port), *words]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            until = time.monotonic() + PATIENCE
            while not (tmp_path / "begun").exists():
                assert time.monotonic() < until
                time.sleep(0.02)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), PATIENCE)
            (tmp_path / "gate").touch()
            assert process.stdout is not None
            while "Ctrl+C" not in process.stdout.readline():
                pass
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert sock.recv(100).startswith(b"HTTP/1.1 200")
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


@WORKERS
def test_a_taken_port_is_reported_before_the_lifespan(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A port that another program has is refused before the lifespan of the site runs."""
    (tmp_path / "main.py").write_text(SITE)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        command = [sys.executable, "-m", "fanlight", "run", "--port", str(sock.getsockname()[1]), *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, "is in use" in done.stderr) == (1, True)
    assert not (tmp_path / "begun").exists()


@pytest.mark.parametrize("more", [(), ("--traceback", "full")], ids=["site", "full"])
@WORKERS
def test_an_exception_of_the_lifespan_is_shown_with_the_site_s_line_first(
    tmp_path: Path, words: tuple[str, ...], more: tuple[str, ...]
) -> None:
    """A lifespan that raises ends the server; its line stands below the message, or with "full" in all of them."""
    (tmp_path / "main.py").write_text("def LIFESPAN():\n    {}['db']\n    yield\n\nURLS = {'/': 'Hello'}\n")
    command = [sys.executable, "-m", "fanlight", "run", "--port", "0", *words, *more]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert ("KeyError: 'db'\n  main.py:2 in LIFESPAN\n      {}['db']\n" in done.stderr) == (not more), done.stderr
    assert ("Traceback (most recent call last):" in done.stderr) == bool(more)
