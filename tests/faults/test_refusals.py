"""What can't be served is told before the port opens: what is wrong, and what would be right."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., tuple[int, str]]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Give a certificate and its key, as files."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "a parent"])
def test_an_address_that_is_taken(refused: Refused, words: tuple[str, ...]) -> None:
    """A port that somebody has is told with who has it, and what to do; the exit code is 1."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, said = refused("--bind", f"127.0.0.1:{port}", *words)
    assert code == 1
    assert f"127.0.0.1:{port} is in use" in said
    assert f"(process {os.getpid()})" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "a parent"])
@pytest.mark.parametrize("damage", ["missing", "rubbish", "cut off", "key of another"])
def test_a_certificate_that_is_no_use(
    refused: Refused, certificate: tuple[Path, Path], damage: str, words: tuple[str, ...]
) -> None:
    """A certificate that can't be used is told with its path, before the port opens."""
    cert, key = certificate
    if damage == "missing":
        cert.unlink()
    elif damage == "rubbish":
        cert.write_bytes(os.urandom(1000))
    elif damage == "cut off":
        cert.write_bytes(cert.read_bytes()[:200])
    else:
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True)
    code, said = refused("--bind", "127.0.0.1:0", "--cert", str(cert), "--key", str(key), *words)
    assert code == 1
    assert str(cert) in said
    assert "Traceback" not in said


def test_a_key_that_may_not_be_read(refused: Refused, certificate: tuple[Path, Path]) -> None:
    """A key file that is a folder, or belongs to somebody else, is told with its path."""
    cert, key = certificate
    key.unlink()
    key.mkdir()
    code, said = refused("--port", "0", "--cert", str(cert), "--key", str(key))
    assert code == 1
    assert str(key) in said
    assert "Traceback" not in said
