"""Serving TLS without a proxy: the page's command with a certificate, and the hook that certbot runs on renewal."""

import hashlib
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.conftest import make_certificate
from tests.speed import PATIENCE

Config = Callable[..., str]


def run_hook(config: Config, folder: Path, lineage: Path) -> None:
    """Run the hook of certbot, with the folders of the test."""
    script = config("/etc/letsencrypt/renewal-hooks/deploy/site", {"/etc/site": str(folder), " -o root -g site": ""})
    done = subprocess.run(
        ["sh", "-c", script], env=os.environ | {"RENEWED_LINEAGE": str(lineage)}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def served_fingerprint(port: int) -> str:
    """Return the fingerprint of the certificate that a port serves."""
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def fingerprint_in(folder: Path) -> str:
    """Return the fingerprint of the certificate in a folder."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert((folder / "fullchain.pem").read_text())).hexdigest()


@dataclass(frozen=True)
class Site:
    """A site served by the page's command, and the folder where certbot keeps its certificate."""

    https: int
    http: int
    lineage: Path
    renew: Callable[[], None]


@pytest.fixture
def site(
    config: Config, serve: Callable[..., Any], free_port: Callable[[], int], certificate: Path, tmp_path: Path
) -> Site:
    lineage, folder = tmp_path / "live", tmp_path / "etc"
    shutil.copytree(certificate, lineage)
    run_hook(config, folder, lineage)
    https, http, admin = free_port(), free_port(), free_port()
    line = config(
        "/etc/systemd/system/site.service, for TLS",
        {
            "/etc/site": str(folder),
            ":443": f"localhost:{https}",
            ":80": f"localhost:{http}",
            "localhost:9000": f"localhost:{admin}",
        },
    )
    found = re.search(r"fanlight run (.*?)\nAmbient", line, re.DOTALL)
    assert found
    serve(https, *found[1].replace("\\\n", "").split())
    return Site(https, http, lineage, lambda: run_hook(config, folder, lineage))


def test_a_site_serves_the_certificate_of_certbot(site: Site) -> None:
    """The served certificate is that in the folder of certbot."""
    assert served_fingerprint(site.https) == fingerprint_in(site.lineage)


def test_plain_http_is_redirected(site: Site) -> None:
    """A 308 leads to https, with path and query."""
    plain = [
        "curl",
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %header{location}",
        f"http://localhost:{site.http}/a?b",
    ]
    said = subprocess.run(plain, capture_output=True, text=True, check=True).stdout
    assert said == f"308 https://localhost:{site.https}/a?b"


def test_a_renewed_certificate_is_loaded(site: Site) -> None:
    """After the hook of a renewal, the new certificate is served without a restart."""
    before = served_fingerprint(site.https)
    make_certificate(site.lineage)
    assert fingerprint_in(site.lineage) != before
    site.renew()
    until = time.monotonic() + PATIENCE
    while served_fingerprint(site.https) != fingerprint_in(site.lineage):
        assert time.monotonic() < until, "the old certificate is still shown"
        time.sleep(0.2)
