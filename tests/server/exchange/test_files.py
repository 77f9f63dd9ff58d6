"""Files through real sockets: whole, in parts, or not at all."""

import hashlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Annotated, Any

import pytest
from tests.speed import PATIENCE

from fanlight import App, Request, Response
from fanlight.message.conditional import check_preconditions
from fanlight.message.file_response import file_response
from fanlight.settings.options import Options
from fanlight.testing import Client, LiveServer

SMALL, BIG = b"0123456789" * 100, os.urandom(3_000_000)
LONG_AGO = 1_000_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small file, a big one, and an empty one."""
    made = tmp_path_factory.mktemp("files")
    for name, content in (("small.txt", SMALL), ("big.bin", BIG), ("empty.txt", b"")):
        (made / name).write_bytes(content)
        os.utime(made / name, (LONG_AGO, LONG_AGO))
    return made


@pytest.fixture(scope="module")
def app(folder: Path) -> App:
    """Return an app whose views return files."""

    def plain(name: str) -> Path:
        return folder / name

    def named(name: str, download_as: str) -> Response:
        return file_response(folder / name, download_as=download_as)

    def with_status(name: str) -> tuple[Path, int, dict[str, str]]:
        return folder / name, 200, {"x-more": "yes"}

    async def later(name: str) -> Path:
        return folder / name

    def page() -> Response:
        return Response("a page", headers={"etag": '"page"'})

    def change(request: Request) -> str:
        check_preconditions(request, '"page"')
        return "changed"

    urls = {
        "/plain/{name}": plain, "/named/{name}": named, "/more/{name}": with_status, "/later/{name}": later,
        "/page": page, "PUT /page": change,
    }  # fmt: skip
    return App(urls, compression=None)


@pytest.fixture(scope="module")
def client(app: App) -> Iterator[Client]:
    """Yield a client of the app."""
    with Client(app) as made:
        yield made


@pytest.fixture(scope="module")
def url(app: App) -> Iterator[str]:
    """Yield the address of a server on a real port."""
    with LiveServer(app) as server:
        yield server.url


@pytest.mark.parametrize("way", ["plain", "more", "later"])
@pytest.mark.parametrize(("name", "content"), [("small.txt", SMALL), ("big.bin", BIG), ("empty.txt", b"")])
def test_a_file_arrives_whole(client: Client, way: str, name: str, content: bytes) -> None:
    """Whatever its size and the lane of its view, every byte arrives, and the connection stays open."""
    for _ in range(2):
        answer = client.get(f"/{way}/{name}")
        assert (answer.status, answer.headers["content-length"]) == (200, str(len(content)))
        assert answer.content == content


def test_a_file_has_validators(client: Client) -> None:
    """A file has a strong ETag, its date, and `accept-ranges`."""
    headers = client.get("/plain/small.txt").headers
    assert re.fullmatch(r'"[0-9a-f]+-3e8"', headers["etag"])
    assert headers["last-modified"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-type"] == "text/plain; charset=utf-8"


def test_head_has_the_fields_of_get(client: Client) -> None:
    """HEAD has the fields of GET."""
    got, head = client.get("/plain/big.bin").headers, client.head("/plain/big.bin")
    assert head.content == b""
    assert {name: head.headers[name] for name in got if name != "date"} == {
        name: got[name] for name in got if name != "date"
    }


def test_a_current_copy_gets_304(client: Client) -> None:
    """A version that the client has is not sent again; the 304 has its validators."""
    first = client.get("/plain/big.bin").headers
    for field, value in (("if-none-match", first["etag"]), ("if-modified-since", first["last-modified"])):
        answer = client.get("/plain/big.bin", headers={field: value})
        assert (answer.status, answer.content) == (304, b"")
        assert (answer.headers["etag"], answer.headers["last-modified"]) == (first["etag"], first["last-modified"])
        assert "content-type" not in answer.headers
    assert client.get("/plain/big.bin", headers={"if-none-match": '"other"'}).content == BIG


def test_if_match_of_another_version_gets_412(client: Client) -> None:
    """If-Match with an outdated ETag gets 412."""
    assert client.get("/plain/big.bin", headers={"if-match": '"other"'}).status == 412


def test_a_page_with_an_etag_is_conditional_too(client: Client) -> None:
    """Any response with an ETag can be 304."""
    assert client.get("/page", headers={"if-none-match": '"page"'}).status == 304
    assert client.get("/page").text == "a page"


def test_a_change_to_another_version_is_refused(client: Client) -> None:
    """PUT with If-Match changes only the version that the client has seen."""
    assert client.put("/page", headers={"if-match": '"page"'}).text == "changed"
    assert client.put("/page", headers={"if-match": '"old"'}).status == 412
    assert client.put("/page", headers={"if-none-match": "*"}).status == 412


@pytest.mark.parametrize(
    ("wanted", "line", "part"),
    [
        ("bytes=0-9", "bytes 0-9/3000000", slice(0, 10)),
        ("bytes=-7", "bytes 2999993-2999999/3000000", slice(2999993, None)),
        ("bytes=100000-2000000", "bytes 100000-2000000/3000000", slice(100000, 2000001)),
        ("bytes=0-", "bytes 0-2999999/3000000", slice(0, None)),
    ],
)
def test_a_part(client: Client, wanted: str, line: str, part: slice) -> None:
    """A range gives 206 with just these bytes."""
    answer = client.get("/plain/big.bin", headers={"range": wanted})
    assert (answer.status, answer.headers["content-range"]) == (206, line)
    assert answer.content == BIG[part]


def test_several_parts(client: Client) -> None:
    """Several ranges are sent as multipart/byteranges, each with its range and media type."""
    answer = client.get("/plain/big.bin", headers={"range": "bytes=5-9,0-1,100000-300000"})
    assert answer.status == 206
    head = f"content-type: {answer.headers['content-type']}\r\n\r\n".encode()
    message: Message = BytesParser().parsebytes(head + answer.content)
    parts = [each for each in message.walk() if not each.is_multipart()]
    assert [each["content-range"] for each in parts] == [
        "bytes 5-9/3000000", "bytes 0-1/3000000", "bytes 100000-300000/3000000",
    ]  # fmt: skip
    assert {each["content-type"] for each in parts} == {"application/octet-stream"}
    for content in (BIG[5:10], BIG[0:2], BIG[100000:300001]):
        assert b"\r\n\r\n" + content + b"\r\n--" in answer.content
    assert len(answer.content) == int(answer.headers["content-length"])


def test_ranges_beyond_the_end(client: Client) -> None:
    """A range beyond the end gets 416, with the length of the file."""
    answer = client.get("/plain/small.txt", headers={"range": "bytes=1000-"})
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */1000")
    assert client.get("/plain/empty.txt", headers={"range": "bytes=0-"}).status == 416


def test_head_has_no_ranges(client: Client) -> None:
    """Range is for GET only (RFC 9110 section 14.2)."""
    assert client.head("/plain/small.txt", headers={"range": "bytes=0-9"}).status == 200


def test_ranges_of_a_known_version(client: Client) -> None:
    """If-Range gets the range of the same version, and the whole of another one."""
    headers = client.get("/plain/small.txt").headers
    for known in (headers["etag"], headers["last-modified"]):
        answer = client.get("/plain/small.txt", headers={"range": "bytes=0-9", "if-range": known})
        assert (answer.status, answer.content) == (206, SMALL[:10])
    for other in ('"other"', f"W/{headers['etag']}", "Sun, 09 Sep 2001 01:46:41 GMT", "nonsense"):
        answer = client.get("/plain/small.txt", headers={"range": "bytes=0-9", "if-range": other})
        assert (answer.status, answer.content) == (200, SMALL)


def test_a_file_modified_just_now_has_a_weak_etag(client: Client, folder: Path) -> None:
    """A file that may change again within one tick of its clock has a weak ETag, so If-Range gets no range."""
    (folder / "now.txt").write_bytes(SMALL)
    tag = client.get("/plain/now.txt").headers["etag"]
    assert tag.startswith('W/"')
    assert client.get("/plain/now.txt", headers={"if-none-match": tag}).status == 304
    assert client.get("/plain/now.txt", headers={"range": "bytes=0-9", "if-range": tag}).status == 200


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("a b.pdf", 'attachment; filename="a b.pdf"'),
        ("Größe €.pdf", "attachment; filename=\"Gr__e _.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%E2%82%AC.pdf"),
        ('a"b%41.pdf', "attachment; filename=\"a_b_41.pdf\"; filename*=UTF-8''a%22b%2541.pdf"),
        ("../../etc/passwd", 'attachment; filename=".._.._etc_passwd"'),
    ],
)
def test_a_name_for_the_download(client: Client, name: str, line: str) -> None:
    """Every name reaches the browser whole, and can't escape its parameter (RFC 6266, RFC 8187)."""
    answer = client.get("/named/small.txt", query={"download_as": name})
    assert answer.headers["content-disposition"] == line


@pytest.mark.parametrize("name", ["a\r\nset-cookie: x", "a\0b", " "])
def test_an_invalid_name_for_the_download(client: Client, name: str) -> None:
    """Control characters in a name are a 500."""
    answer = client.get("/named/small.txt", query={"download_as": name})
    assert (answer.status, "set-cookie" in answer.headers) == (500, False)


def test_what_is_no_file_is_404(client: Client, folder: Path) -> None:
    """Neither a folder nor a pipe is sent, and a pipe does not block."""
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    for name in ("folder", "pipe", "missing"):
        assert client.get(f"/plain/{name}").status == 404


def test_curl_resumes_a_download(url: str, tmp_path: Path) -> None:
    """`curl -C -` resumes a download."""
    target = tmp_path / "got"
    target.write_bytes(BIG[:1_000_000])
    subprocess.run(["curl", "-sS", "-f", "-C", "-", "-o", str(target), f"{url}/plain/big.bin"], check=True)
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(BIG).digest()


def ask(port: int, lines: str) -> socket.socket:
    """Send a request, and return the socket."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.settimeout(PATIENCE)
    sock.sendall(f"{lines}\r\nhost: a\r\n\r\n".encode())
    return sock


def test_requests_behind_a_file_are_served(app: App) -> None:
    """Pipelined requests behind one for a file are served after it."""
    with LiveServer(app) as server, ask(server.port, "GET /plain/big.bin HTTP/1.1") as sock:
        sock.sendall(b"GET /page HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        received = bytearray()
        while data := sock.recv(1 << 16):
            received += data
    assert BIG in received
    assert received.endswith(b"a page")


def test_a_file_over_tls(app: App, localhost: Any) -> None:
    """Over TLS every byte arrives too, also at a slow reader, and so do ranges."""
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(localhost.cert,), key=(localhost.key,))
    with LiveServer(app, options=options) as server:
        command = ["curl", "-sS", "-k", "--limit-rate", "4M", "-o", "-", f"{server.url}/plain/big.bin"]
        assert subprocess.run(command, check=True, capture_output=True).stdout == BIG
        part = subprocess.run([*command, "-r", "100000-400000"], check=True, capture_output=True).stdout
    assert part == BIG[100000:400001]


def test_a_file_from_a_view_with_dependencies(folder: Path) -> None:
    """Dependencies are closed before the file is sent: it does not need them."""
    events = []

    def database() -> Iterator[str]:
        events.append("open")
        yield "connection"
        events.append("close")

    def show(connection: Annotated[str, database]) -> Path:
        events.append(connection)
        return folder / "big.bin"

    with Client(App({"/": show}, compression=None)) as client:
        assert client.get("/").content == BIG
    assert events == ["open", "connection", "close"]


def test_the_files_of_disconnected_clients_are_closed(app: App) -> None:
    """When a client disconnects in the middle, the file is closed."""
    with LiveServer(app) as server:
        before = open_files()
        for _ in range(20):
            with ask(server.port, "GET /plain/big.bin HTTP/1.1") as sock:
                sock.recv(10)
        until = time.monotonic() + 30
        while open_files() > before:
            assert time.monotonic() < until
            time.sleep(0.01)  # the server's thread sees them leave


def open_files() -> int:
    """Return the number of open descriptors of this process."""
    return len([*Path("/proc/self/fd").iterdir()])


def test_a_file_that_becomes_shorter_is_cut_off(app: App, folder: Path) -> None:
    """The connection ends before the announced length, so the client notices that the file is incomplete."""
    path = folder / "shrinks.bin"
    path.write_bytes(bytes(50_000_000))
    with LiveServer(app) as server, ask(server.port, "GET /plain/shrinks.bin HTTP/1.1") as sock:
        received = len(sock.recv(1000))
        path.write_bytes(b"")
        while data := sock.recv(1 << 20):
            received += len(data)
    assert received < 50_000_000


def test_old_clients_get_files_too(app: App) -> None:
    """An HTTP/1.0 client gets the length, and the connection is closed."""
    with LiveServer(app) as server, ask(server.port, "GET /plain/big.bin HTTP/1.0") as sock:
        received = bytearray()
        while data := sock.recv(1 << 16):
            received += data
    assert received.endswith(BIG)
    assert b"content-length: 3000000" in received
