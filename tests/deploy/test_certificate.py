"""The way without a proxy: the page's command with a certificate, and what certbot runs when it is renewed."""

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


def renewed(config: Config, folder: Path, lineage: Path) -> None:
    """Run what certbot runs, with folders of the test's own."""
    script = config("/etc/letsencrypt/renewal-hooks/deploy/site", {"/etc/site": str(folder), " -o root -g site": ""})
    done = subprocess.run(
        ["sh", "-c", script], env=os.environ | {"RENEWED_LINEAGE": str(lineage)}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def shown(port: int) -> str:
    """Return the fingerprint of the certificate that a port shows."""
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def of(folder: Path) -> str:
    """Return the fingerprint of a certificate in a folder."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert((folder / "fullchain.pem").read_text())).hexdigest()


@dataclass(frozen=True)
class Site:
    """A site that is served by the page's command, and the folder where certbot keeps its certificate."""

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
    renewed(config, folder, lineage)
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
    return Site(https, http, lineage, lambda: renewed(config, folder, lineage))


def test_a_site_shows_its_certificate(site: Site) -> None:
    """The one that certbot has put there."""
    assert shown(site.https) == of(site.lineage)


def test_plain_http_is_sent_over(site: Site) -> None:
    """With path and query, by a 308."""
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


def test_a_renewed_certificate_is_noticed(site: Site) -> None:
    """Without a restart, by what certbot runs after a renewal."""
    before = shown(site.https)
    make_certificate(site.lineage)
    assert of(site.lineage) != before
    site.renew()
    until = time.monotonic() + PATIENCE
    while shown(site.https) != of(site.lineage):
        assert time.monotonic() < until, "the old certificate is still shown"
        time.sleep(0.2)
