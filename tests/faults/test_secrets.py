"""The secret and the store of a served site: made once, shared by its workers, or refused before the port opens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faults.conftest import Served
from tests.speed import PATIENCE

from fanlight.signing.site_secrets import make_secret

SITE = """
import os
from fanlight import App, rate_limit
from fanlight.services import services_of

RELEASE = 1

@rate_limit("100000/minute")
def sign(request):
    return f"{os.getpid()} {services_of(request).keys.sign('test', b'x')}"

def read(request, text):
    return services_of(request).keys.read("test", text)

@rate_limit("7/day")
def counted():
    return "counted"

app = App({"/sign": sign, "/read/{text}": read, "/counted": counted, "/release": f"release {RELEASE}"})

if __name__ == "__main__":
    app.run(port=0)
"""
Start = Callable[..., Served]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a site that signs and counts."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "main.py").write_text(SITE)
    return folder


@pytest.fixture
def start(folder: Path, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a command of the site, with a state folder below the test's own."""
    running: list[Served] = []

    def run(*words: str, command: str = "run", cwd: Path = folder, **environment: str) -> Served:
        program = ["-m", "fanlight", command, "--port", "0"] if command != "python" else ["main.py"]
        environment = {"XDG_STATE_HOME": str(tmp_path / "state"), "PWD": str(cwd), "NO_COLOR": "1"} | environment
        running.append(Served([sys.executable, *program, *words], cwd, environment))
        return running[-1]

    yield run
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
        each.stop()


def fetch(site: Served, path: str) -> str:
    """Return the content of a page."""
    status, content = site.request(path)
    assert status == 200, content
    return content.decode()


def secret_files(tmp_path: Path) -> list[Path]:
    """Return the files of secrets below the state folder."""
    return list((tmp_path / "state" / "fanlight").glob("*/secret"))


def test_four_workers_sign_with_one_secret(start: Start, tmp_path: Path) -> None:
    """Each reads what another has signed; one of them has made the secret, and says once where."""
    site = start("--workers", "4")
    texts: dict[str, str] = {}
    until = time.monotonic() + PATIENCE
    while len(texts) < 4:
        assert time.monotonic() < until
        pid, text = fetch(site, "/sign").split()
        texts[pid] = text
    for text in texts.values():
        assert {fetch(site, f"/read/{text}") for _ in range(8)} == {"x"}
    (file,) = secret_files(tmp_path)
    assert file.parent.name.startswith("site-")
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    log = site.wait_for_log("made a secret")
    assert log.count("made a secret for signing") == 1
    assert str(file) in log
    assert file.read_text().strip() not in log
    assert site.stop() == 0


def test_a_secret_is_used_again(start: Start, tmp_path: Path) -> None:
    """After a restart, by another command too, the site signs with the same secret, counts on, and logs nothing."""
    first = start()
    text = fetch(first, "/sign").split()[1]
    statuses = [first.request("/counted")[0] for _ in range(3)]
    assert first.stop() == 0
    for command in ("dev", "python"):
        site = start(command=command)
        assert fetch(site, f"/read/{text}") == "x"
        statuses.append(site.request("/counted")[0])
        assert site.stop() == 0
        assert "made a secret" not in site.log.read_text()
    assert len(secret_files(tmp_path)) == 1
    site = start()
    statuses += [site.request("/counted")[0] for _ in range(4)]
    assert statuses == [200] * 7 + [429] * 2


def test_development_makes_the_secret_and_says_where(start: Start, tmp_path: Path) -> None:
    """`fanlight dev` needs no setting, and logs the path once, also when it loads the site again."""
    site = start(command="dev")
    fetch(site, "/sign")
    site.wait_for_log("made a secret for signing")
    (file,) = secret_files(tmp_path)
    assert str(file) in site.log.read_text()


@pytest.mark.parametrize("way", ["working folder", "typed path"])
def test_a_new_release_behind_a_link_has_the_same_secret(start: Start, tmp_path: Path, folder: Path, way: str) -> None:
    """No one is signed out by a release: the state folder is that of the link."""
    for number in (1, 2):
        release = tmp_path / "releases" / str(number)
        release.mkdir(parents=True)
        (release / "main.py").write_text(SITE.replace("RELEASE = 1", f"RELEASE = {number}"))
    current = tmp_path / "current"
    current.symlink_to("releases/1")
    if way == "working folder":
        site = start("--workers", "1", cwd=current)
    else:
        site = start(str(current / "main.py"), "--workers", "1")
    text = fetch(site, "/sign").split()[1]
    assert "release 1" in fetch(site, "/release")
    current.unlink()
    current.symlink_to("releases/2")
    shutil.rmtree(tmp_path / "releases" / "1")
    site.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + PATIENCE
    while "release 2" not in fetch(site, "/release"):
        assert time.monotonic() < until
        assert site.process.poll() is None, site.log.read_text()
        time.sleep(0.2)  # the workers are replaced: there is no event to wait for
    assert fetch(site, f"/read/{text}") == "x"
    (file,) = secret_files(tmp_path)
    assert file.parent.name.startswith("current-")
    assert site.stop() == 0


def test_a_secret_of_the_env_file_is_used(start: Start, tmp_path: Path, folder: Path) -> None:
    """No other one is made; the older of two is still read, and neither is logged."""
    old, new = make_secret(), make_secret()
    (folder / "secrets.env").write_text(f"FANLIGHT_SECRET={old}\n")
    site = start("--env-file", "secrets.env")
    text = fetch(site, "/sign").split()[1]
    assert site.stop() == 0
    (folder / "secrets.env").write_text(f"FANLIGHT_SECRET={new},{old}\n")
    site = start("--env-file", "secrets.env", "--workers", "2")
    assert fetch(site, f"/read/{text}") == "x"
    assert site.stop() == 0
    assert secret_files(tmp_path) == []
    assert not any(secret in site.log.read_text() for secret in (old, new))


GOOD = "q8Zr2LmV0xTn4WcKe7YbUd5Hs1JfAoPi"
REFUSED = {
    "weak": ([], {"FANLIGHT_SECRET": "hunter2"}, "FANLIGHT_SECRET has 7 characters, and needs 32; `fanlight secret`"),
    "shared store": (["--store", "redis://:hunter2@cache"], {}, "which need the same secret: set FANLIGHT_SECRET"),
    "no URL": (["--store", "postgres://:hunter2@cache"], {"FANLIGHT_SECRET": GOOD}, "has no scheme that is known"),
    "foreign file": (["--store", "sqlite:main.py"], {}, "main.py is damaged, or no SQLite file"),
    "no folder": (["--store", "sqlite:missing/x.sqlite"], {}, "missing/x.sqlite can't be opened"),
    "a file": (["--state-folder", "main.py"], {}, "main.py can't be made: File exists; --state-folder names another"),
    "flag": (["--secret", "hunter2"], {}, "secrets are read from FANLIGHT_SECRET, as flags are seen by every user"),
}


@pytest.mark.parametrize(
    ("case", "workers"),
    [(case, ()) for case in REFUSED] + [("weak", ("--workers", "2")), ("a file", ("--workers", "1"))],
)
def test_what_can_not_work_is_refused_before_the_port_opens(
    folder: Path, tmp_path: Path, case: str, workers: tuple[str, ...]
) -> None:
    """The command ends with a message that says what to do, without the secret and without a traceback."""
    words, environment, message = REFUSED[case]
    command = [sys.executable, "-m", "fanlight", "run", "--port", "0", *workers, *words]
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")} | environment
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode in (1, 2), done.stderr
    assert message in " ".join(done.stderr.split())
    assert "http://" not in done.stdout
    assert "hunter2" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_folder_that_can_not_be_written_is_refused_only_where_it_is_needed(folder: Path, tmp_path: Path) -> None:
    """A site that signs and counts nothing is served without a state folder; so is one that has all it needs."""
    (tmp_path / "state").write_text("no folder")
    (folder / "plain.py").write_text('URLS = {"/": "hello"}\n')
    environment = {"XDG_STATE_HOME": str(tmp_path / "state")}
    command = [sys.executable, "-m", "fanlight", "run", "--port", "0"]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 1
    assert "--state-folder names another" in done.stderr
    for words, more in ((["plain.py"], {}), (["--store", "sqlite:own.sqlite"], {"FANLIGHT_SECRET": GOOD})):
        site = Served([*command, *words], folder, environment | more)
        assert site.request("/" if "plain.py" in words else "/sign")[0] == 200
        assert site.stop() == 0
