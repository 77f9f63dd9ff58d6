"""`fanlight check --deploy` as a command: its output and exit code."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.speed import PATIENCE

SITE = 'URLS = {"/": "x"}\n'
# Settings that pass on any test machine.
SOUND = ["--connections", "50", "--content-bytes", "1k", "--idle-seconds", "75", "--workers", "auto"]


def check(folder: Path, *words: str, site: str = SITE, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "main.py").write_text(site)
    return subprocess.run(
        [sys.executable, "-m", "fanlight", "check", "--deploy", *words],
        cwd=folder,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_sound_site_has_no_problem(tmp_path: Path) -> None:
    """The site is checked, then its deployment; without a problem the exit code is 0, and no file is left."""
    (tmp_path / "run").mkdir(mode=0o700)
    done = check(tmp_path, *SOUND, "--bind", "unix:run/s", "--pid-file", "run/pid", "--log-file", "run/log")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "main.py: no errors (1 route, 0 templates)\n" in done.stdout
    assert "error " not in done.stdout
    assert f"ok       unix:{tmp_path}/run/s can be listened on" in done.stdout
    assert "0 errors, " in done.stdout
    assert list((tmp_path / "run").iterdir()) == []


def test_problems_are_listed_with_advice(tmp_path: Path) -> None:
    """Everything wrong with trust, addresses and files is reported at once, and the exit code is 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = check(
            tmp_path,
            *("--bind", f"127.0.0.1:{taken.getsockname()[1]}", "--trusted-proxies", "0.0.0.0/0,10.0.0.1"),
            *("--log-file", "nowhere/log"),
            PYTHONASYNCIODEBUG="1",
            FANLIGHT_PID_FILE="nowhere/pid",
        )
    assert done.returncode == 1
    for message in (
        "error    trusted_proxies includes 0.0.0.0/0: every client can forge its address",
        f"(process {os.getpid()})",
        "error    PYTHONASYNCIODEBUG",
        f"error    log_file: {tmp_path}/nowhere/log is not writable",
        f"error    pid_file: {tmp_path}/nowhere is not writable",
    ):
        assert message in done.stdout


WEAKENED = """from fanlight import CORS, App, Compression, Security, Static, Upload, cross_site, limits

@limits(content_bytes=1024**3)
def send(file: Upload):
    return ""

app = App(
    {
        "/": "home.html",
        "POST /send": send,
        "POST /hook": cross_site(send),
        "/api": CORS(origins=["*"])({
            "/a": "a",
            "/b": "b",
        }),
        "/uploads": Static("uploads"),
    },
    compression=Compression(padding_bytes=0),
    security=Security(
        frame=None,
    ),
)
"""


def test_each_default_that_was_weakened_is_named_with_its_place(tmp_path: Path) -> None:
    """In the code with file and line, in the settings with the flag or the variable; none of it is an error."""
    (tmp_path / "uploads").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "home.html").write_text("home")
    (tmp_path / "site.env").write_text("FANLIGHT_HEAD_BYTES=1MiB\n")
    done = check(
        tmp_path,
        *(
            "--bind",
            "unix:s",
            "--idle-seconds",
            "75",
            "--connections",
            "50",
            "--no-access-log",
            "--env-file",
            "site.env",
            "--hosts",
            "*",
        ),
        site=WEAKENED,
        FANLIGHT_STORE="rediss://localhost:1/0?ssl_cert_reqs=none",
        FANLIGHT_HEAD_SECONDS="60",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = [line.removeprefix("weakened ") for line in done.stdout.splitlines() if line.startswith("weakened ")]
    expected = (
        "@limits(content_bytes=1_073_741_824), main.py:3: one request may fill 1,024 MiB of the disk",
        "cross_site, main.py:11: pages of every site can send this",
        'CORS(origins=["*"]), main.py:12: scripts of every site can read',
        "Static('uploads'), main.py:16: a page or a script that a visitor uploads there runs",
        "there is no Content-Security-Policy: a script",
        "Security(frame=None), main.py:20: every site can put a page of this one into a frame",
        "Compression(padding_bytes=0), main.py:18: the lengths of pages reveal",
        f"head_bytes is 1 MiB (default: 16 KiB), FANLIGHT_HEAD_BYTES in {tmp_path}/site.env: each connection may",
        "head_seconds is 60 (default: 10), FANLIGHT_HEAD_SECONDS: clients that",
        "store has ssl_cert_reqs=none, FANLIGHT_STORE: an attacker in between can pose as",
        "access_log is off, --no-access-log: after an attack",
        "hosts includes *: a client can name hosts of others",
    )
    assert len(found) == len(expected), done.stdout
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)
    assert f"{len(expected)} weakened" in done.stdout


def test_invalid_settings_are_refused_before_any_check(tmp_path: Path) -> None:
    """What `run` would refuse, `check --deploy` refuses too; settings without --deploy are an error."""
    done = check(tmp_path, "--hsts-seconds", "1y")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--hsts-seconds is '1y'; it takes a time" in done.stderr
    done = check(tmp_path, "--hsts-seconds", "365d")
    assert "add --cert and --key, or --tls dev" in done.stderr
    command = [sys.executable, "-m", "fanlight", "check", "--bind", ":8000"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert "with --deploy only" in done.stderr


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a folder with two certificates of 20 days, and their keys."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("one", "two"):
        words = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 20 -subj /CN={name}"
        subprocess.run(
            ["openssl", *words.split(), "-keyout", f"{name}.key", "-out", f"{name}.pem"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        (folder / f"{name}.key").chmod(0o600)
    return folder


def test_a_certificate_is_checked(tmp_path: Path, certificates: Path) -> None:
    """Its expiry, whether its key matches, and which users can read the key."""
    one, two = certificates / "one.pem", certificates / "two.pem"
    done = check(tmp_path, "--cert", str(one), "--key", str(one.with_suffix(".key")), *SOUND)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"warning  {one} expires in 20 days" in done.stdout
    done = check(tmp_path, "--cert", str(one), "--key", str(two.with_suffix(".key")), *SOUND)
    assert done.returncode == 1
    assert str(one) in done.stdout
    done = check(tmp_path, "--cert", f"{tmp_path}/none.pem", *SOUND)
    assert f"{tmp_path}/none.pem" in done.stdout
    done = check(tmp_path, "--cert", str(one), "--key", str(one.with_suffix(".key")), *SOUND, "--user", "nobody")
    assert "can't be read by nobody, the user of the workers" in done.stdout
    open_key = tmp_path / "open.key"
    open_key.write_bytes(one.with_suffix(".key").read_bytes())
    open_key.chmod(0o644)
    done = check(tmp_path, "--cert", str(one), "--key", str(open_key), *SOUND)
    assert f"error    {open_key} is readable by every user of this machine (644)" in done.stdout
