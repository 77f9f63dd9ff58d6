"""A site over https, served by the command and requested by curl."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.shown_exceptions import shows_exception
from tests.speed import PATIENCE

SITE = """\
def who(request):
    shown = request.client_cert
    if shown is None:
        return "nobody"
    return f"{shown.common_name} {' '.join(shown.names)} {shown.issuer['commonName']} {shown.fingerprint}"


URLS = {"/": who}
"""

Run = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a site that shows the client's certificate."""
    (tmp_path / "main.py").write_text(SITE)
    return tmp_path


def test_a_development_certificate_is_trusted_with_its_authority(
    folder: Path, serve: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first start says how to trust the authority; curl then trusts the certificate for each of its names."""
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    authority = folder / "data" / "fanlight" / "fanlight-ca.pem"
    first = serve(folder, "--tls", "dev")
    assert first.url.startswith("https://localhost:")
    assert f"to trust it: in the browser, import {authority}" in first.banner
    for host in ("localhost", "127.0.0.1"):
        assert run("curl", "-sS", "--cacert", str(authority), f"https://{host}:{first.port}/") == "nobody"
    again = serve(folder, "--tls", "dev")
    assert "believe it" not in again.banner
    assert run("curl", "-sS", "--cacert", str(authority), f"{again.url}/") == "nobody"


def test_a_client_without_the_authority_is_logged(folder: Path, serve: Any, localhost: Any) -> None:
    """Curl does not trust the certificate (exit code 60), and the log says why, once."""
    site = serve(folder, "--cert", localhost.cert, "--key", localhost.key)
    for _ in range(2):
        done = subprocess.run(["curl", "-sS", f"{site.url}/"], capture_output=True, check=False, timeout=PATIENCE)
        assert done.returncode == 60
    assert "refused: the client does not trust the issuer of the server's certificate (logged once)" in site.read_until(
        "logged once"
    )


def test_a_client_certificate_reaches_the_view(
    folder: Path, serve: Any, run: Run, certificates: Any, localhost: Any
) -> None:
    """The certificate of curl is `request.client_cert`; where it is optional, a client without one has None."""
    robot = certificates.make("robot.example", title="robot")
    site = serve(
        folder, "--cert", localhost.cert, "--key", localhost.key,
        "--client-ca", certificates.ca, "--client-cert", "optional",
    )  # fmt: skip
    curl = ("curl", "-sS", "--cacert", certificates.ca, f"{site.url}/")
    assert run(*curl) == "nobody"
    pin = run("openssl", "x509", "-in", robot.cert, "-noout", "-fingerprint", "-sha256")
    pin = pin.partition("=")[2].strip().replace(":", "").lower()
    assert run(*curl, "--cert", robot.cert, "--key", robot.key) == f"robot robot.example Test authority {pin}"


@pytest.mark.parametrize("is_stranger", [False, True])
def test_a_required_client_certificate_is_enforced(
    folder: Path, serve: Any, certificates: Any, other_certificates: Any, localhost: Any, *, is_stranger: bool
) -> None:
    """A client with no certificate, or one of another authority, is refused by a TLS alert that curl shows."""
    site = serve(
        folder, "--cert", localhost.cert, "--key", localhost.key,
        "--client-ca", certificates.ca, "--client-cert", "required",
    )  # fmt: skip
    curl = ["curl", "-sS", "--cacert", certificates.ca, f"{site.url}/"]
    if is_stranger:
        stranger = other_certificates.make("robot.example", title="robot")
        curl += ["--cert", stranger.cert, "--key", stranger.key]
    done = subprocess.run(curl, capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == 56  # something was wrong when it read
    assert ("alert unknown ca" if is_stranger else "alert certificate required") in done.stderr.decode()
    assert " refused: " in site.read_until("logged once")


def test_a_key_that_does_not_fit_is_reported_before_the_port_opens(
    folder: Path, localhost: Any, certificates: Any
) -> None:
    """The command ends with the exit code of a wrong setting, and one message without a traceback."""
    other = certificates.make("other.test")
    command = [sys.executable, "-m", "fanlight", "run", "--port", "0", "--cert", localhost.cert, "--key", other.key]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 1
    assert f"the key {other.key} does not match the certificate {localhost.cert}" in done.stderr
    assert not shows_exception(done.stderr)
    assert "https://" not in done.stdout
