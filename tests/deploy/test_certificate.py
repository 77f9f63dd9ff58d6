"""The way without a proxy: the page's command with a certificate, and what certbot runs when it is renewed."""

import hashlib
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def test_a_renewed_certificate_is_noticed(
    config: Config, serve: Callable[..., Any], free_port: Callable[[], int], certificate: Path, tmp_path: Path
) -> None:
    """The site serves with the certificate, sends plain http over, and shows the new certificate after a renewal."""
    from tests.deploy.conftest import make_certificate

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
    assert shown(https) == of(lineage)
    plain = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %header{location}", f"http://localhost:{http}/a?b"]
    said = subprocess.run(plain, capture_output=True, text=True, check=True).stdout
    assert said == f"308 https://localhost:{https}/a?b"
    make_certificate(lineage)
    renewed(config, folder, lineage)
    until = time.monotonic() + PATIENCE
    while shown(https) != of(lineage):
        assert time.monotonic() < until, "the old certificate is still shown"
        time.sleep(0.2)
