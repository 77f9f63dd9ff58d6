"""What can't be served is reported before the port opens: what is wrong, and what would be right."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.shown_exceptions import shows_exception

Refused = Callable[..., tuple[int, str]]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Return a certificate and its key, as files."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "a parent"])
def test_a_taken_address_is_refused(run_refused: Refused, words: tuple[str, ...]) -> None:
    """The message names the process that has the port, and what to do; the exit code is 1."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, errors = run_refused("--bind", f"127.0.0.1:{port}", *words)
    assert code == 1
    assert f"127.0.0.1:{port} is in use" in errors
    assert f"(process {os.getpid()})" in errors
    assert not shows_exception(errors)


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "a parent"])
@pytest.mark.parametrize("damage", ["missing", "rubbish", "cut off", "key of another"])
def test_an_unusable_certificate_is_refused(
    run_refused: Refused, certificate: tuple[Path, Path], damage: str, words: tuple[str, ...]
) -> None:
    """A certificate that can't be used is reported with its path, before the port opens."""
    cert, key = certificate
    if damage == "missing":
        cert.unlink()
    elif damage == "rubbish":
        cert.write_bytes(os.urandom(1000))
    elif damage == "cut off":
        cert.write_bytes(cert.read_bytes()[:200])
    else:
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True)
    code, errors = run_refused("--bind", "127.0.0.1:0", "--cert", str(cert), "--key", str(key), *words)
    assert code == 1
    assert str(cert) in errors
    assert not shows_exception(errors)


def test_an_unreadable_key_is_refused(run_refused: Refused, certificate: tuple[Path, Path]) -> None:
    """A key file that is a folder, or can't be read, is reported with its path."""
    cert, key = certificate
    key.unlink()
    key.mkdir()
    code, errors = run_refused("--port", "0", "--cert", str(cert), "--key", str(key))
    assert code == 1
    assert str(key) in errors
    assert not shows_exception(errors)
