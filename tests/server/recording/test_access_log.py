"""The access log and the error log: where their lines go, and that they block nothing."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.speed import PATIENCE

from fanlight.errors import InvalidSetting
from fanlight.server.recording import access_log as logs
from fanlight.server.recording.access_log import AccessLog
from fanlight.server.recording.error_log import ErrorLog
from fanlight.server.recording.formats import Entry
from fanlight.server.recording.sink import PIPE_PIECE_BYTES, Sink


def entry(target: str = "/") -> Entry:
    return (
        time.perf_counter(),
        0.01,
        "GET",
        target,
        None,
        "127.0.0.1",
        "http",
        "GET /",
        200,
        9,
        b"x-request-id: abc-1\r\n",
        "",
    )


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


@contextlib.contextmanager
def pipe_as(descriptor: int) -> Iterator[int]:
    """Put a pipe in the place of a descriptor; gives the end to read from."""
    kept = os.dup(descriptor)
    read_end, write_end = os.pipe()
    os.dup2(write_end, descriptor)
    os.close(write_end)
    try:
        yield read_end
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
        with contextlib.suppress(OSError):
            os.close(read_end)


def read_all(read_end: int) -> bytes:
    data = b""
    while more := os.read(read_end, 1 << 20):
        data += more
    return data


# --- the access log -----------------------------------------------------------------------------


def test_the_log_keeps_every_line_in_order(tmp_path: Path) -> None:
    """What was added before the stop is written, each line with its time, behind what the file had."""
    file = tmp_path / "access.log"
    file.write_text("before\n")
    log = AccessLog(str(file))
    log.start()
    for number in range(1000):
        log.add(entry(f"/{number}"))
    log.stop()
    first, *lines = file.read_text().splitlines()
    assert first == "before"
    assert [re.findall(r"GET \S+", line)[0] for line in lines] == [f"GET /{number}" for number in range(1000)]
    assert all(re.match(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  ", line) for line in lines)


def test_a_log_that_is_moved_away_goes_on_in_a_new_file(tmp_path: Path) -> None:
    """Rotation loses no line and writes none twice; the new file is there at once."""
    file, old = tmp_path / "access.log", tmp_path / "access.log.1"
    log = AccessLog(str(file))
    log.start()
    log.add(entry("/first"))
    until(lambda: "/first" in file.read_text())
    file.rename(old)
    log.add(entry("/second"))
    log.reopen()
    until(file.exists)
    log.add(entry("/third"))
    log.stop()
    both = old.read_text() + file.read_text()
    assert [both.count(each) for each in ("/first", "/second", "/third")] == [1, 1, 1]
    assert "/third" in file.read_text()


def test_a_log_that_can_not_be_opened_is_refused(tmp_path: Path) -> None:
    """A path in a folder that is not there is refused before anything runs."""
    with pytest.raises(InvalidSetting, match="No such file"):
        AccessLog(str(tmp_path / "nowhere" / "access.log"))
    with pytest.raises(InvalidSetting, match="No such file"):
        ErrorLog(str(tmp_path / "nowhere" / "messages.log"))


def test_a_log_that_is_not_read_blocks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding to a log whose pipe is full returns at once; what can't be kept is counted, and reported later."""
    monkeypatch.setattr(logs, "KEPT_BYTES", 100_000)
    with pipe_as(1) as read_end:
        log = AccessLog()
        log.start()
        for _ in range(10_000):
            log.add(entry("/" + "x" * 100))
        until(lambda: log.lost > 0)
        collected: list[bytes] = []

        def read() -> None:
            while b"/last" not in (data := os.read(read_end, 1 << 20)):
                collected.append(data)
            collected.append(data)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        until(lambda: b"lines of this log are lost" in b"".join(collected))
        log.add(entry("/last"))
        log.stop()
        reader.join(PATIENCE)
    lines = b"".join(collected).splitlines()
    (told,) = [line for line in lines if b"lines of this log are lost" in line]
    assert int(told.split()[0]) == log.lost
    assert len(lines) - 2 + log.lost == 10_000


def test_a_full_disk_is_reported_and_survived(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While the disk is full lines wait; when there is room again they are written, and both is logged once."""
    file, good = tmp_path / "access.log", tmp_path / "good.log"
    file.symlink_to("/dev/full")
    log = AccessLog(str(file))
    with caplog.at_level(logging.INFO, "fanlight"):
        log.start()
        log.add(entry("/first"))
        until(lambda: "No space left" in caplog.text)
        log.add(entry("/second"))
        file.unlink()
        file.symlink_to(good)
        log.reopen()
        until(lambda: "is written again; 0 of its lines are lost" in caplog.text)
        log.stop()
    assert caplog.text.count("No space left") == 1
    assert [good.read_text().count(each) for each in ("/first", "/second")] == [1, 1]


def test_a_reader_that_is_gone_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A broken pipe is reported; the log goes on taking entries, and stops when it has to."""
    with pipe_as(1) as read_end, caplog.at_level(logging.INFO, "fanlight"):
        log = AccessLog()
        log.start()
        os.close(read_end)
        log.add(entry())
        until(lambda: "Broken pipe" in caplog.text)
        log.add(entry())
        assert log._thread._thread.is_alive()
        log._writer.discard()
        log.stop()
    assert not log._thread._thread.is_alive()


WRITERS = 3
WRITTEN = 2000  # lines of each


def test_the_lines_of_several_processes_never_mix(tmp_path: Path) -> None:
    """Workers that share a pipe, a socket or a file write whole lines, whatever their length, each in its order."""
    program, file = tmp_path / "writer.py", tmp_path / "access.log"
    program.write_text(
        "import sys, time\n"
        "from fanlight.server.recording.access_log import AccessLog\n"
        "logs = [AccessLog(), AccessLog('/dev/stderr'), AccessLog(sys.argv[2])]\n"
        "for log in logs:\n"
        "    log.start()\n"
        f"for number in range({WRITTEN}):\n"
        "    target = f'/{number}/{sys.argv[1] * (number % 1500)}'\n"
        "    asked = ('GET', target, None, '127.0.0.1', 'http', 'x', 200, 9, b'x-request-id: abc-1\\r\\n', '')\n"
        "    entry = (time.perf_counter(), 0.01, *asked)\n"
        "    for log in logs:\n"
        "        log.add(entry)\n"
        "for log in logs:\n"
        f"    log.stop({PATIENCE})\n"
    )
    read_end, write_end = os.pipe()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writers = [
            subprocess.Popen(
                [sys.executable, str(program), letter, str(file)], stdout=write_end, stderr=theirs.fileno()
            )
            for letter in "abc"
        ]
        os.close(write_end)
        theirs.close()
        with ThreadPoolExecutor(2) as pool:
            piped, sent = pool.map(read_all, [read_end, ours.fileno()])
    os.close(read_end)
    assert [each.wait(PATIENCE) for each in writers] == [0] * WRITERS
    for written in (piped, sent, file.read_bytes()):
        lines = [
            re.fullmatch(r"20[\d: -]+  127\.0\.0\.1        GET /(\d+)/(a*|b*|c*)  200  9 B  10\.0 ms  abc-1", line)
            for line in written.decode().splitlines()
        ]
        assert len(lines) == WRITERS * WRITTEN
        assert None not in lines
        for letter in "abc":
            numbers = [int(each[1]) for each in lines if each is not None and each[2][:1] == letter]
            assert numbers == [number for number in range(WRITTEN) if number % 1500]


def test_an_idle_log_sleeps(tmp_path: Path) -> None:
    """A log with nothing to write does not wake up."""
    log = AccessLog(str(tmp_path / "log"))
    log.start()
    log.add(entry())
    until(lambda: log._thread.is_asleep)
    spent = time.process_time()
    threading.Event().wait(0.3)
    assert log._thread.is_asleep
    assert time.process_time() - spent < 0.1
    log.stop()


HEAVY = ("/nope?1" + "&a=%25" * 1300)[:8000]  # as expensive to be masked as a target can be


def test_lines_are_written_while_others_come(tmp_path: Path) -> None:
    """Entries that come without end, each of them expensive, keep no line from the file: it is there soon."""
    file, is_over = tmp_path / "access.log", threading.Event()
    log = AccessLog(str(file))
    log.start()

    def flood() -> None:
        while not is_over.is_set():
            log.add(entry(HEAVY))
            time.sleep(0.001)

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        for number in range(5):
            log.add(entry(f"/honest/{number}"))
            until(lambda number=number: f"/honest/{number}" in file.read_text())  # type: ignore[misc]
    finally:
        is_over.set()
        flooding.join()
        log.stop()


def test_a_stop_writes_what_waits(tmp_path: Path) -> None:
    """All entries that wait when the log is stopped are written, also where there are many, and each is expensive."""
    file = tmp_path / "access.log"
    log = AccessLog(str(file))
    for number in range(1000):
        log.add(entry(f"/{number}{HEAVY}"))
    log.start()
    log.stop()
    assert file.read_text().count("\n") == 1000
    assert log.lost == 0


def test_what_waits_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of long targets are fewer than of short ones; what is too much is counted, and costs nothing to be made."""
    monkeypatch.setattr(logs, "KEPT_BYTES", 300_000)
    log = AccessLog(str(tmp_path / "access.log"))
    for _ in range(1000):
        log.add(entry("/long/" + "x" * 10_000))
    assert len(log._entries) < logs.BATCH
    assert 300_000 < log._writer.waiting_bytes < 300_000 + logs.BATCH * PIPE_PIECE_BYTES
    assert log.lost > 500
    log.start()
    until(lambda: log._writer.is_idle)
    log.add(entry("/next"))
    log.stop()
    written = (tmp_path / "access.log").read_text()
    assert "/next" in written
    assert f"{log.lost} lines of this log are lost" in written
    assert written.count("/long/") + log.lost == 1000


def test_the_thread_that_completes_a_batch_makes_its_lines(tmp_path: Path) -> None:
    """Lines are made many at a time, and not by the thread of the log, which would take the interpreter from others."""
    log = AccessLog(str(tmp_path / "access.log"))
    for number in range(logs.BATCH - 1):
        log.add(entry(f"/{number}"))
    assert log._writer.waiting_bytes == 0
    log.add(entry("/last"))
    assert log._writer.waiting_bytes > 0
    assert log._entries == []


def test_a_thread_that_adds_does_not_wait_for_one_that_makes_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While lines are made elsewhere entries wait, as many as are allowed; others are counted as lost."""
    monkeypatch.setattr(logs, "MAKE_SECONDS", 0.001)
    log = AccessLog(str(tmp_path / "access.log"))
    with log._making:
        for number in range(logs.MAX_WAITING + 10):
            log.add(entry(f"/{number}"))
    assert log.lost == 10
    log.start()
    log.stop()
    numbers = re.findall(r"GET /(\d+)", (tmp_path / "access.log").read_text())
    assert [int(each) for each in numbers] == list(range(logs.MAX_WAITING))


def test_lines_of_several_threads_are_complete(tmp_path: Path) -> None:
    """Each entry that any thread adds is one line, and those of one thread are in its order."""
    log = AccessLog(str(tmp_path / "access.log"))
    log.start()

    def add(letter: str) -> None:
        for number in range(500):
            log.add(entry(f"/{letter}/{number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, "abcd"))
    log.stop()
    written = (tmp_path / "access.log").read_text()
    for letter in "abcd":
        assert [int(each) for each in re.findall(rf"GET /{letter}/(\d+)", written)] == list(range(500))


class Unprintable(int):
    """A size of a class of its own."""

    def __format__(self, _: str) -> str:
        raise RuntimeError("it can't be shown")


def test_an_entry_of_which_no_line_can_be_made_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What can't be formatted is reported and counted; the request is served, and the log goes on."""
    log = AccessLog(str(tmp_path / "access.log"))
    log.add((*entry()[:9], Unprintable(9), *entry()[10:]))
    with caplog.at_level(logging.ERROR, "fanlight"):
        log.start()
        until(lambda: log.lost == 1)
        log.add(entry("/next"))
        log.stop()
    assert "/next" in (tmp_path / "access.log").read_text()
    assert "it can't be shown" in caplog.text


def test_a_forked_child_writes_no_lines(tmp_path: Path) -> None:
    """A child that a view has forked has copies of all that waits, and of a lock that may be held: it does nothing."""
    log = AccessLog(str(tmp_path / "access.log"))
    log.start()
    until(lambda: log._thread.is_asleep)
    with log._making:
        log.add(entry("/parent"))
        child = os.fork()
        if not child:
            for _ in range(logs.MAX_WAITING):
                log.add(entry("/child"))
            log.stop(0.1)
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    log.stop()
    assert re.findall(r"GET (\S+)", (tmp_path / "access.log").read_text()) == ["/parent"]


def test_what_a_stop_can_not_write_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Lines that are left when the time to stop is over are counted as lost, and logged."""
    monkeypatch.setattr(logs, "STOP_SECONDS", 0.2)
    log = AccessLog(str(tmp_path / "access.log"))
    monkeypatch.setattr(log._writer.sink, "write", lambda _, start=0: start)
    log.add(entry("/first"))
    with caplog.at_level(logging.WARNING, "fanlight"):
        log.start()
        log.stop()
    assert log.lost == 1
    assert "1 lines of the access log are lost" in caplog.text


# --- the sink -----------------------------------------------------------------------------------


def test_pieces_end_at_line_ends() -> None:
    """What goes to a pipe goes in pieces that it takes whole."""
    with pipe_as(1) as read_end:
        sink = Sink()
        lines = (b"x" * 2999 + b"\n") * 100
        taken = sink.write(lines)
        assert 0 < taken < len(lines)
        assert taken % 3000 == 0
        assert os.read(read_end, 1 << 20) == lines[:taken]
        assert sink.write(lines, taken) > taken
        sink.close()
    assert PIPE_PIECE_BYTES >= 512


def test_others_keep_their_blocking_descriptor() -> None:
    """That we never wait does not change how the app's own print() writes."""
    with pipe_as(1):
        sink = Sink()
        assert os.get_blocking(1)
        sink.close()


def test_a_line_that_was_cut_off_is_ended_first(tmp_path: Path) -> None:
    """When the system took half a line, its rest comes before the next one, also if what was behind it is dropped."""
    program = tmp_path / "limited.py"
    program.write_text(
        "import resource, signal, sys\n"
        "from fanlight.server.recording.log_writer import LineWriter\n"
        "from fanlight.server.recording.sink import Sink\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (15, resource.RLIM_INFINITY))\n"
        "writer = LineWriter(Sink(sys.argv[1]), 0, lambda lost: b'%d lost\\n' % lost)\n"
        "writer.add(b'first line\\nsecond line\\nthird line\\n')\n"
        "writer.flush()\n"
        "assert writer.waiting_bytes == 19\n"
        "assert writer.discard() == 1\n"
        "assert writer.waiting_bytes == 8\n"
        "writer.add(b'fourth line\\n')\n"
        "try:\n"
        "    writer.flush()\n"
        "except OSError:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "    assert writer.flush() == 1\n"
        "assert writer.is_idle\n"
    )
    file = tmp_path / "log"
    subprocess.run([sys.executable, str(program), str(file)], check=True, timeout=PATIENCE)
    assert file.read_text() == "first line\nsecond line\nfourth line\n1 lost\n"


# --- messages -----------------------------------------------------------------------------------


@pytest.fixture
def hide_handlers(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes the process look as if logging was not set up; pytest has, when a test begins."""
    return lambda: monkeypatch.setattr(logging.getLogger(), "handlers", [])


def test_messages_go_to_a_file_with_their_traceback(tmp_path: Path) -> None:
    """A message and its exception are written; further lines are set in, and controls are escaped."""
    file = tmp_path / "messages.log"
    with ErrorLog(str(file), has_process_id=True):
        log = logging.getLogger("fanlight.test")
        forged = "no\n2026-01-01 00:00:00  [1]  INFO  forged\x1b[2J\x9b"
        try:
            int(forged)
        except ValueError as error:
            error.args = (forged,)
            log.exception("it failed at /a?token=abc&b=c")
    first, *others = file.read_text().splitlines()
    assert re.fullmatch(rf"20[\d: -]+  \[{os.getpid()}\]  ERROR  it failed at /a\?token=\*\*\*&b=c", first)
    assert all(line.startswith("    ") for line in others)
    assert others[0] == "    Traceback (most recent call last):"
    assert "forged\\x1b[2J\\x9b" in others[-1]
    assert logging.getLogger("fanlight").handlers == []


def test_messages_go_to_stderr(hide_handlers: Callable[[], None]) -> None:
    """Without a file and without logging of the app's, stderr it is, without a process id."""
    hide_handlers()
    with pipe_as(2) as read_end:
        os.set_blocking(read_end, False)
        with ErrorLog():
            logging.getLogger("fanlight.test").info("hello")
        assert re.fullmatch(rb"20[\d: -]+  INFO  hello\n", os.read(read_end, 1000))


def test_the_app_s_own_logging_is_left_alone() -> None:
    """Where there are handlers already, none is added."""
    with ErrorLog():
        assert logging.getLogger("fanlight").handlers == []


def test_messages_that_are_not_read_block_nothing(hide_handlers: Callable[[], None]) -> None:
    """A full stderr never delays the thread that logs; what is lost is counted and reported."""
    hide_handlers()
    with pipe_as(2) as read_end:
        os.set_blocking(read_end, False)
        with ErrorLog() as messages:
            log = logging.getLogger("fanlight.test")
            for number in range(5000):
                log.info("message %d %s", number, "x" * 100)
            messages.flush()
            data = os.read(read_end, 1 << 20)
            log.info("the end")
            messages.flush()
            data += os.read(read_end, 1 << 20)
        lines = data.splitlines()
        (told,) = [line for line in lines if b"are lost" in line]
        assert len(lines) - 2 + int(told.split()[0]) == 5000


def test_messages_go_on_in_a_new_file(tmp_path: Path) -> None:
    """After the file is moved away, `reopen` makes a new one."""
    file, old = tmp_path / "m.log", tmp_path / "m.log.1"
    with ErrorLog(str(file)) as messages:
        log = logging.getLogger("fanlight.test")
        log.info("first")
        file.rename(old)
        messages.reopen()
        messages.flush()
        assert file.exists()
        log.info("second")
    assert "first" in old.read_text()
    assert "second" in file.read_text()


class Halved:
    """Writes every other line, and how many it has left out."""

    def __init__(self) -> None:
        self.count = self.left = 0

    def line(self, entry: Entry, offset: float) -> str:
        self.count += 1
        self.left += self.count % 2
        return "" if self.count % 2 else f"{entry[3]}\n"

    def end_round(self) -> str:
        left, self.left = self.left, 0
        return f"left out: {left}\n" if left else ""


def test_lines_can_be_left_out_and_counted(tmp_path: Path) -> None:
    """A format that is given may leave lines out, and add one at the end of a round."""
    log = AccessLog(str(tmp_path / "log"), lines=Halved())
    for number in range(4):
        log.add((0.0, 0.0, "GET", f"/{number}", None, None, "", "", 200, 0, b"", ""))
    log.start()
    log.stop()
    assert (tmp_path / "log").read_text() == "/1\n/3\nleft out: 2\n"
