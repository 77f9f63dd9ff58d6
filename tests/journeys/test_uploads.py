"""Large uploads to a site served by the command: memory, files, and early responses."""

import http.client
import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.speed import PATIENCE

MIB = 1024 * 1024
Run = Callable[..., str]
MAIN = """
import os
from pathlib import Path

from fanlight import ContentStream, Request, Upload, limits

HERE = Path(__file__).parent

def memory():
    status = Path("/proc/self/status").read_text()
    return {"now": int(status.partition("VmRSS:")[2].split()[0]), "most": int(status.partition("VmHWM:")[2].split()[0])}

@limits(content_bytes=1024**3)
def keep(file: Upload):
    saved = file.save_to(HERE / "saved", overwrite=True)
    return {"size": saved.stat().st_size, "inode": saved.stat().st_ino == os.fstat(file.file.fileno()).st_ino}

@limits(content_bytes=1024**3)
def later(request: Request):
    return {"size": request.form["file"].size}

@limits(content_bytes=1024**3)
async def stream(stream: ContentStream):
    size = 0
    async for piece in stream:
        size += len(piece)
    return {"size": size}

def number(count: int):
    return str(count)

@limits(files=1, content_bytes=1024**3)
def one(file: Upload, text: str = ""):
    return file.filename

URLS = {
    "/memory": memory,
    "POST /keep": keep,
    "POST /later": later,
    "POST /stream": stream,
    "POST /number": number,
    "POST /one": one,
}
"""


@pytest.fixture
def site(serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Serve the site; its temporary files are on the file system of its folder."""
    waiting = tmp_path / "waiting"
    waiting.mkdir()
    monkeypatch.setenv("TMPDIR", str(waiting))
    (tmp_path / "main.py").write_text(MAIN)
    return serve(tmp_path)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """Create a sparse file of 200 MiB."""
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(200 * MIB)
    return path


def run_curl(site: Any, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", int(site.port), timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/keep", ("-F", "file=@{}")),
        ("/later", ("-F", "file=@{}")),
        ("/stream", ("-X", "POST", "-T", "{}")),
        ("/stream", ("-X", "POST", "-T", "{}", "-H", "transfer-encoding: chunked")),
    ],
    ids=["read while it comes", "read when it is whole", "as a stream", "as a stream of chunks"],
)
def test_memory_stays_flat(site: Any, run: Run, big: Path, path: str, words: tuple[str, ...]) -> None:
    """200 MiB pass through the server with no more than a few MiB of memory."""
    before = run_curl(site, "/memory")["now"]
    printed = run("curl", "-s", *(word.format(big) for word in words), f"{site.url}{path}")
    assert json.loads(printed)["size"] == 200 * MIB
    assert run_curl(site, "/memory")["most"] - before < 16 * 1024  # KiB


def test_a_saved_upload_is_moved(site: Any, run: Run, big: Path, tmp_path: Path) -> None:
    """The file written while the upload came is the one that is saved; no temporary file is left."""
    said = json.loads(run("curl", "-s", "-F", f"file=@{big}", f"{site.url}/keep"))
    assert said == {"size": 200 * MIB, "inode": True}
    assert (tmp_path / "saved").stat().st_size == 200 * MIB
    assert not [each for each in (tmp_path / "waiting").iterdir() if each.is_file()]


def test_an_upload_that_is_cut_off_leaves_nothing(site: Any, tmp_path: Path) -> None:
    """A client that disconnects half-way leaves no file, and no space taken."""
    head = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    request = (
        b"POST /keep HTTP/1.1\r\nhost: a\r\ncontent-type: multipart/form-data; boundary=x\r\n"
        b"content-length: 100000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(site.port))) as sock:
        sock.sendall(request + head + b"a" * 30_000_000)
        wait_for_open_files(1, site, tmp_path)
    wait_for_open_files(0, site, tmp_path)
    assert not (tmp_path / "saved").exists()
    assert not [each for each in (tmp_path / "waiting").iterdir() if each.is_file()]


def wait_for_open_files(count: int, site: Any, folder: Path) -> None:
    """Return once the site has this many unlinked files open in a folder."""
    until = time.monotonic() + PATIENCE
    while (seen := open_files(site, folder)) != count:
        assert time.monotonic() < until, f"{seen} files are open"
        time.sleep(0.02)  # another process opens and closes them: there is nothing to wait on


def open_files(site: Any, folder: Path) -> int:
    run_curl(site, "/memory")
    links = [str(each.readlink()) for each in Path(f"/proc/{site.process.pid}/fd").iterdir() if each.is_symlink()]
    return sum(link.startswith(f"{folder}/waiting/#") for link in links)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/number", 413, "the content is over"),
        ("/nowhere", 404, "not found"),
        ("/memory", 405, "GET"),
    ],
)
def test_curl_reads_an_early_response(site: Any, run: Run, big: Path, path: str, status: int, said: str) -> None:
    """Curl stops sending 200 MiB when the response comes, and reads it; with and without `Expect`."""
    for expect in ("Expect:", "Expect: 100-continue"):
        words = ("-H", expect, "--data-binary", f"@{big}", "-w", "\n%{http_code}")
        printed = run("curl", "-s", *words, f"{site.url}{path}")
        assert printed.endswith(f"\n{status}")
        assert re.search(re.escape(said), printed, re.IGNORECASE)


def test_a_form_over_its_limits_is_refused_while_it_is_sent(site: Any, run: Run, big: Path, tmp_path: Path) -> None:
    """The second of two files, where one is allowed, is not waited for; curl gets a page or JSON that says why."""
    (tmp_path / "small").write_text("x")
    files = ("-F", f"file=@{tmp_path}/small", "-F", f"file=@{big}")
    printed = run("curl", "-s", "-H", "accept: application/json", *files, f"{site.url}/one")
    assert json.loads(printed)["status"] == 413
    assert json.loads(printed)["detail"] == "there are over 1 files in the form"


def test_a_client_that_sends_everything_before_it_reads(site: Any) -> None:
    """A client that reads only after it has sent everything, or has failed to, gets the response."""
    connection = http.client.HTTPConnection("127.0.0.1", int(site.port), timeout=PATIENCE)
    try:
        connection.request("POST", "/number", b"a" * (32 * MIB), {"content-type": "application/json"})
        response = connection.getresponse()
        assert response.status == 413
        assert b"content is over" in response.read()
    finally:
        connection.close()
