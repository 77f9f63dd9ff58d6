"""Measure the most expensive JSON and forms that the limits of content allow.

    python -m tests.hostile.decoding

Prints the table of docs/reference/hostile.md. Each kind is posted as large as it may be by default, while another
client requests a page again and again: its longest wait is how long no request was served.
"""

from __future__ import annotations

import http.client
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.soak.served import Served

MIB = 1024 * 1024
FOLDER = Path(__file__).parent
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def _names() -> bytes:
    return b"{" + b",".join(b'"%d":1' % number for number in range(MIB // 11)) + b"}"


def _filled(before: bytes, piece: bytes, after: bytes) -> bytes:
    return before + b",".join([piece] * ((MIB - len(before) - len(after)) // (len(piece) + 1))) + after


KINDS: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "a hundred thousand names": ("/json", JSON, _names),
    "empty lists": ("/json", JSON, lambda: _filled(b"[", b"[]", b"]")),
    "empty objects": ("/json", JSON, lambda: _filled(b"[", b"{}", b"]")),
    "small numbers": ("/json", JSON, lambda: _filled(b"[", b"1.1", b"]")),
    "numbers of 128 digits": ("/json", JSON, lambda: _filled(b"[", b"1" * 128, b"]")),
    "numbers of 4,000 digits, refused": ("/json", JSON, lambda: _filled(b"[", b"1" * 4000, b"]")),
    "numbers like `1e300`, refused": ("/json", JSON, lambda: _filled(b"[", b"1e300", b"]")),
    "nested brackets, refused": ("/json", JSON, lambda: b"[" * (MIB // 2) + b"]" * (MIB // 2)),
    "lines of a dataclass": ("/order", JSON, lambda: _filled(b'{"email":"@","lines":[', b'{"name":""}', b"]}")),
    "lines of a dataclass, all invalid": (
        "/order",
        JSON,
        lambda: _filled(b'{"email":"@","lines":[', b'{"name":1}', b"]}"),
    ),
    "lines with a Decimal": ("/priced", JSON, lambda: _filled(b'{"lines":[', b'{"price":1}', b"]}")),
    "lists below `dict[str, Any]`": ("/any", JSON, lambda: _filled(b'{"a":[', b"[]", b"]}")),
    "a field of percent signs": ("/form", FORM, lambda: b"a=" + b"%41" * ((MIB - 2) // 3)),
    "a thousand fields of percent signs": ("/form", FORM, lambda: b"&".join([b"a=" + b"%41" * 340] * 1000)),
}


def post(port: int, path: str, kind: str, content: bytes) -> int:
    """Post content; return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, content, {"content-type": kind})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def measure_waits(port: int, stop: threading.Event, into: list[float]) -> None:
    """Request a page again and again, and record how long each response took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while not stop.is_set():
        start = time.perf_counter()
        connection.request("GET", "/")
        connection.getresponse().read()
        into.append(time.perf_counter() - start)
        time.sleep(0.002)
    connection.close()


def peak_memory(served: Served) -> int:
    """Return the peak memory of the server in KiB."""
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def processor_time(served: Served) -> float:
    """Return the processor time that the server has used, in seconds."""
    fields = Path(f"/proc/{served.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(name: str, folder: Path) -> str:
    """Return the row of one kind, posted to a server of its own: the shortest of three measurements."""
    path, kind, make = KINDS[name]
    content = make()
    served = Served(FOLDER, ["decoded_site.py", "--no-access-log"], folder / "log")
    try:
        post(served.port, path, kind, b"{}" if kind == JSON else b"")
        before = peak_memory(served)
        longest, spent = [], []
        for _ in range(3):
            stop, into = threading.Event(), list[float]()
            client = threading.Thread(target=measure_waits, args=(served.port, stop, into))
            client.start()
            time.sleep(0.2)
            used = processor_time(served)
            status = post(served.port, path, kind, content)
            time.sleep(0.1)
            spent.append(processor_time(served) - used)
            stop.set()
            client.join()
            longest.append(max(into))
        after = peak_memory(served)
    finally:
        served.stop()
    times = f"{min(longest) * 1000:.0f} ms | {min(spent) * 1000:.0f} ms"
    return f"| {name} | {len(content) / MIB:.2f} MiB | {status} | {times} | {(after - before) / 1024:.0f} MiB |"


def main() -> None:
    """Measure all of them."""
    print("| content | size | status | no request served for | processor time | memory at most |")  # noqa: T201 - the table
    print("|---|---|---|---|---|---|")  # noqa: T201 - same
    with tempfile.TemporaryDirectory(prefix="decoding-") as name:
        for kind in KINDS:
            print(row(kind, Path(name)), flush=True)  # noqa: T201 - same


if __name__ == "__main__":
    main()
