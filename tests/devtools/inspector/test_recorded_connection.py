"""What is recorded of connections, through real sockets: each exchange has its own bytes, and its true end."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.devtools.inspector.recorded_site import (
    RecordedSite,
    bytes_received,
    bytes_sent,
    read_all,
    recorded,
    request,
    site_of,
)
from tests.speed import PATIENCE, seconds

from fanlight import ContentStream, EarlyHints, EventStream, Request, Response, Static
from fanlight.devtools.inspector.recording_limits import MAX_WAITING
from fanlight.settings.limits import Limits


def home() -> str:
    return "hello"


def echo(request: Request) -> bytes:
    return request.content


URLS = {"/": home, "POST /echo": echo, "/blog/{slug}": lambda slug: slug}


def test_a_request_has_its_bytes_and_those_of_its_response() -> None:
    """The bytes of a plain exchange are those that the client has sent and received, with their times in order."""
    with recorded(URLS) as site:
        sent = request("/blog/one")
        received = site.exchange(sent)
        one = site.kept.one()
    assert (bytes_received(one), bytes_sent(one)) == (sent, received)
    assert (one.received_bytes, one.sent_bytes, one.head_end) == (len(sent), len(received), len(sent))
    assert (one.method, one.target, one.version, one.status) == ("GET", "/blog/one", "HTTP/1.1", 200)
    assert (one.outcome, one.route, one.generation) == ("done", "GET /blog/{slug}", 1)
    assert one.connection.client == "127.0.0.1"
    assert one.run is not None
    assert 0 <= one.head_at <= one.run.began <= one.response_at <= one.sent[-1].at <= one.seconds
    assert one.response_content == b"one"
    assert one.request_id in received.decode()


def test_requests_of_one_connection_are_counted() -> None:
    """Each exchange knows how many came before it on its connection, and on which connection it is."""
    with recorded(URLS) as site:
        with site.client() as sock:
            for _ in range(3):
                sock.sendall(request(close=False))
                sock.recv(4096)
        site.exchange(request())
        exchanges = site.kept.ended(4)
    assert [each.connection.earlier for each in exchanges] == [0, 1, 2, 0]
    numbers = [each.connection.number for each in exchanges]
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3]


@pytest.mark.parametrize("size", [1, 7, 100_000], ids=["byte by byte", "in sevens", "whole"])
def test_pipelined_requests_are_separated(size: int) -> None:
    """However three messages are cut by the network, each has its own bytes and its own response."""
    messages = [
        request(close=False),
        request("/echo", "content-length: 5", method="POST", close=False, content=b"12345"),
        request("/echo", "transfer-encoding: chunked", method="POST", content=b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"),
    ]
    data = b"".join(messages)
    with recorded(URLS) as site:
        with site.client() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for start in range(0, len(data), size):
                sock.sendall(data[start : start + size])
            received = read_all(sock)
        exchanges = site.kept.ended(3)
    assert [bytes_received(each) for each in exchanges] == messages
    assert b"".join(bytes_sent(each) for each in exchanges) == received
    assert [each.request_content for each in exchanges] == [b"", b"12345", b"abcde"]
    assert [each.response_content for each in exchanges] == [b"hello", b"12345", b"abcde"]
    assert [each.status for each in exchanges] == [200, 200, 200]


def test_a_slow_client_s_pieces_have_their_times() -> None:
    """Pieces that arrive one after the other are kept apart, and the head is complete at the last of them."""
    data = request()
    arrived = threading.Event()
    with recorded(URLS) as site:
        with site.client() as sock:
            sock.sendall(data[:10])
            arrived.wait(0.05)
            sock.sendall(data[10:])
            read_all(sock)
        one = site.kept.one()
    assert [piece.data for piece in one.received] == [data[:10], data[10:]]
    assert one.received[0].at == 0 < one.received[1].at <= one.head_at


def test_a_refused_message_has_its_reason_and_the_bytes_at_fault() -> None:
    """A refused message never reaches a view: it has the rule, its source, and the range of bytes at fault."""
    with recorded(URLS) as site:
        received = site.exchange(b"GET / HTTP/1.1\r\nhost: test\r\nbad name: x\r\n\r\n")
        one = site.kept.one()
    assert (one.outcome, one.status, one.run) == ("refused", 400, None)
    assert bytes_sent(one) == received
    assert one.refusal is not None
    assert "field name" in one.refusal.rule
    assert "RFC 9112" in one.refusal.source
    assert bytes_received(one)[one.refusal.offset : one.refusal.end] == b" "


def test_a_refused_message_behind_a_good_one_has_only_its_own_bytes() -> None:
    """The message before a refused one is an exchange of its own."""
    with recorded(URLS) as site:
        site.exchange(request(close=False) + b"\xff\xfe\r\n\r\n")
        good, bad = site.kept.ended(2)
    assert (bytes_received(good), bytes_received(bad)) == (request(close=False), b"\xff\xfe\r\n\r\n")
    assert (good.outcome, bad.outcome, bad.method) == ("done", "refused", "")


def test_content_that_is_refused_has_both_its_refusal_and_its_page() -> None:
    """Content over the limit is responded to by the app; the exchange is a refused one, with the reason."""
    with recorded(URLS, limits=Limits(content_bytes=10)) as site:
        site.exchange(request("/echo", "content-length: 11", method="POST", content=b"x" * 11))
        one = site.kept.one()
    assert (one.outcome, one.status, one.route) == ("refused", 413, "POST /echo")
    assert one.refusal is not None
    assert "over 10 bytes" in one.refusal.rule


def test_content_that_is_too_long_in_chunks_is_refused() -> None:
    """Content whose length is found to be too much only while it arrives is refused as well."""
    with recorded(URLS, limits=Limits(content_bytes=10)) as site:
        site.exchange(request("/echo", "transfer-encoding: chunked", method="POST", content=b"f\r\n"))
        one = site.kept.one()
    assert (one.outcome, one.status) == ("refused", 413)


@pytest.mark.parametrize(
    ("data", "target"),
    [(b"GET /bl", "/bl"), (request("/echo", "content-length: 9", method="POST", content=b"12"), "/echo")],
    ids=["in the head", "in the content"],
)
def test_a_client_that_leaves_half_way_is_cut_off(data: bytes, target: str) -> None:
    """A message whose client disconnects before it is whole is recorded with what had arrived."""
    with recorded(URLS) as site:
        with site.client() as sock:
            sock.sendall(data)
        one = site.kept.one()
    assert (one.outcome, one.status, one.target) == ("cut off", 0, target)
    assert bytes_received(one) == data


def test_a_connection_without_a_request_is_no_exchange() -> None:
    """A client that connects and leaves, or sends an empty line, has made no exchange."""
    with recorded(URLS) as site:
        with site.client():
            pass
        with site.client() as sock:
            sock.sendall(b"\r\n")
        site.exchange(request())
        site.kept.ended(1)


def test_a_client_that_leaves_in_the_middle_of_its_response_is_cut_off() -> None:
    """A response that its client does not take is cut off; what it has taken is recorded."""
    content = b"x" * 50_000_000
    with recorded({"/": lambda: Response(content, media_type="image/png")}) as site:
        with site.client() as sock:
            sock.sendall(request())
            sock.recv(1000)
            site.kept.wait_for(lambda all_: any(len(each.sent) > 1 for each in all_))
        one = site.kept.one()
    assert (one.outcome, one.status) == ("cut off", 200)
    assert 0 < one.sent_bytes < len(content)
    assert len(one.sent) > 1
    assert one.is_cut


def test_a_response_that_its_client_takes_slowly_is_recorded_piece_by_piece() -> None:
    """What the client does not take at once is sent later, in pieces with their times."""
    content = os.urandom(20_000_000)
    with recorded({"/": lambda: Response(content, media_type="image/png")}) as site:
        with site.client() as sock:
            sock.sendall(request())
            site.kept.wait_for(lambda all_: any(each.sent_bytes > 20_000 for each in all_))
            received = read_all(sock)
        one = site.kept.one()
    assert (one.outcome, one.sent_bytes) == ("done", len(received))
    assert len(one.sent) > 1
    assert sum(piece.size for piece in one.sent) == len(received)
    assert received.startswith(bytes_sent(one))
    assert one.is_cut
    assert one.content_bytes == len(content)
    assert one.response_content == content[: len(one.response_content)] != b""


def test_a_head_that_takes_too_long_is_timed_out() -> None:
    """A message that did not arrive in time has the status 408, and what had arrived."""
    with recorded(URLS, limits=Limits(head_seconds=0.2)) as site:
        site.exchange(b"GET / HTTP/1.1\r\nho")
        one = site.kept.one()
    assert (one.outcome, one.status, bytes_received(one)) == ("timed out", 408, b"GET / HTTP/1.1\r\nho")


def test_content_that_takes_too_long_is_timed_out() -> None:
    """Content that does not arrive in time is timed out, with its route."""
    with recorded(URLS, limits=Limits(content_seconds=0.2)) as site:
        site.exchange(request("/echo", "content-length: 9", method="POST", content=b"12"))
        one = site.kept.one()
    assert (one.outcome, one.status, one.route) == ("timed out", 408, "POST /echo")


def test_a_client_that_takes_nothing_is_timed_out() -> None:
    """A client that does not read its response is disconnected, which is not its own cutting off."""
    limits = Limits(write_seconds=0.2)
    with (
        recorded({"/": lambda: Response(b"x" * 20_000_000, media_type="image/png")}, limits=limits) as site,
        site.client() as sock,
    ):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(request())
        one = site.kept.wait_for(lambda all_: any(each.outcome != "open" for each in all_))[0]
    assert (one.outcome, one.status) == ("timed out", 200)


def test_a_response_to_head_has_no_content() -> None:
    """HEAD has the fields of GET, and nothing behind them."""
    with recorded(URLS) as site:
        received = site.exchange(request(method="HEAD"))
        one = site.kept.one()
    assert (one.outcome, bytes_sent(one), one.response_content) == ("done", received, b"")
    assert received.endswith(b"\r\n\r\n")


def test_a_client_that_waits_for_100_gets_it() -> None:
    """The interim response is among the sent bytes; the status is that of the final one."""
    with recorded(URLS) as site:
        with site.client() as sock:
            sock.sendall(request("/echo", "content-length: 3", "expect: 100-continue", method="POST"))
            first = sock.recv(100)
            sock.sendall(b"abc")
            received = first + read_all(sock)
        one = site.kept.one()
    assert first.startswith(b"HTTP/1.1 100")
    assert (one.outcome, one.status, bytes_sent(one)) == ("done", 200, received)
    assert one.request_content == b"abc"


def test_early_hints_are_among_the_sent_bytes() -> None:
    """A 103 is recorded ahead of the response, in a piece of its own."""

    def hinted(hints: EarlyHints) -> str:
        hints.send("</style.css>; rel=preload; as=style")
        return "page"

    with recorded({"/": hinted}) as site:
        received = site.exchange(request("/", "sec-fetch-mode: navigate", "sec-fetch-dest: document"))
        one = site.kept.one()
    assert (one.outcome, one.status, bytes_sent(one)) == ("done", 200, received)
    assert one.sent[0].data.startswith(b"HTTP/1.1 103")
    assert one.response_content == b"page"


def test_a_file_is_recorded_as_it_left(tmp_path: Path) -> None:
    """The bytes of a static file are recorded, though a production server sends it without reading it."""
    content = os.urandom(200_000)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.bin").write_bytes(content)
    with recorded({"/files": Static("files")}, tmp_path) as site:
        received = site.exchange(request("/files/a.bin"))
        head_only = site.exchange(request("/files/a.bin", "range: bytes=0-9"))
        etag = next(line for line in received.split(b"\r\n") if line.startswith(b"etag")).decode().partition(": ")[2]
        site.exchange(request("/files/a.bin", f"if-none-match: {etag}"))
        whole, part, not_modified = site.kept.ended(3)
    assert (whole.outcome, bytes_sent(whole)) == ("done", received)
    assert (whole.content_bytes, whole.response_content) == (len(content), content[: len(whole.response_content)])
    assert (part.status, bytes_sent(part), part.response_content) == (206, head_only, content[:10])
    assert (not_modified.status, not_modified.response_content, not_modified.outcome) == (304, b"", "done")


def test_a_compressed_response_has_both_sizes() -> None:
    """The content is kept as it was before it was compressed; the bytes are those that were sent."""
    text = "word " * 2000
    with recorded({"/": lambda: text}) as site:
        site.exchange(request("/", "accept-encoding: gzip"))
        one = site.kept.one()
    assert one.response_content == text.encode()
    assert one.content_bytes == len(text)
    assert 0 < one.encoded_bytes < one.sent_bytes < len(text)
    origins = {each.name: each.origin for each in one.response_fields}
    assert origins["content-encoding"] == "compression"


def test_a_stream_is_seen_while_it_runs() -> None:
    """An exchange that takes long is there while it is open, with what was sent so far, and ends with its stream."""
    go_on = threading.Event()

    def numbers() -> Iterator[str]:
        yield "one "
        go_on.wait(PATIENCE)
        yield "two"

    with recorded({"/": numbers}) as site:
        with site.client() as sock:
            sock.sendall(request())
            site.kept.wait_for(lambda all_: any(each.response_content == b"one " for each in all_))
            go_on.set()
            received = read_all(sock)
        one = site.kept.one()
    assert {each.outcome for each in site.kept.versions} == {"open", "done"}
    assert (bytes_sent(one), one.response_content, one.content_bytes) == (received, b"one two", 7)


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_compressed_stream_is_decoded(coding: str) -> None:
    """The content of a stream that is compressed while it is sent is found by decoding what was sent."""

    def lines() -> Iterator[str]:
        for number in range(100):
            yield f"line {number}\n"

    with recorded({"/": lines}) as site:
        site.exchange(request("/", f"accept-encoding: {coding}"))
        one = site.kept.one()
    assert one.response_content.decode() == "".join(lines())
    assert one.content_bytes == len(one.response_content)
    assert one.encoded_bytes > 0


def test_an_event_stream_that_its_client_leaves_is_cut_off() -> None:
    """A stream of events has no end but its client's."""

    async def ticks() -> AsyncIterator[str]:
        yield "tick"
        await asyncio.sleep(PATIENCE)

    with recorded({"/": lambda: EventStream(ticks())}) as site:
        with site.client() as sock:
            sock.sendall(request())
            site.kept.wait_for(lambda all_: any(b"tick" in each.response_content for each in all_))
        one = site.kept.one()
    assert (one.outcome, one.status) == ("cut off", 200)


def test_content_that_is_read_as_a_stream_is_recorded() -> None:
    """A view that reads its content piece by piece has its exchange recorded like any other."""

    async def count(body: ContentStream) -> str:
        return str(sum([len(piece) async for piece in body]))

    content = b"x" * 100_000
    with recorded({"POST /": count}) as site:
        site.exchange(request("/", f"content-length: {len(content)}", method="POST", content=content))
        one = site.kept.one()
    assert (one.outcome, one.response_content, one.received_bytes - one.head_end) == ("done", b"100000", len(content))
    assert one.request_content == content[: len(one.request_content)]


def test_a_response_before_the_content_is_read_ends_the_exchange() -> None:
    """A view that does not wait for its content has responded to its request; what follows is discarded."""

    async def early(body: ContentStream) -> str:
        return "enough"

    with recorded({"POST /": early}) as site:
        with site.client() as sock:
            sock.sendall(request("/", "content-length: 1000000", method="POST"))
            received = read_all(sock)
        one = site.kept.one()
    assert (one.outcome, bytes_sent(one)) == ("done", received)


def test_a_forked_child_records_nothing(tmp_path: Path) -> None:
    """A child that a view forks ends where the view does; the exchange of its parent is recorded once."""

    def fork() -> str:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        return "parent"

    with recorded({"/": fork}) as site:
        received = site.exchange(request())
        one = site.kept.one()
    assert (one.outcome, bytes_sent(one)) == ("done", received)


def test_the_tools_themselves_are_not_recorded() -> None:
    """Requests to the development tools leave nothing behind, also between others on one connection."""
    with recorded({"/": home, "POST /__fanlight__/x": echo}) as site:
        site.exchange(
            request("/", close=False)
            + request("/__fanlight__/x", "content-length: 3", method="POST", close=False, content=b"abc")
            + request("/")
        )
        first, second = site.kept.ended(2)
    assert [each.target for each in (first, second)] == ["/", "/"]
    assert bytes_received(second) == request("/")


def test_a_path_that_only_begins_like_the_tools_is_the_sites() -> None:
    """`/__fanlight__x` is a URL of the site, and recorded like any other."""
    with recorded({"/__fanlight__x": home}) as site:
        site.exchange(request("/__fanlight__x"))
        assert site.kept.one().target == "/__fanlight__x"


def test_megabytes_are_counted_and_cut() -> None:
    """Of a big request only the beginning is kept, and it says so; the counts are true."""
    content = b"y" * 3_000_000
    with recorded(URLS) as site:
        site.exchange(request("/echo", f"content-length: {len(content)}", method="POST", content=content))
        one = site.kept.one()
    assert one.is_cut
    assert one.received_bytes == one.head_end + len(content)
    assert len(bytes_received(one)) == 256 * 1024
    assert len(one.request_content) == 64 * 1024


def test_many_small_pieces_are_bounded() -> None:
    """Of content that arrives in thousands of pieces, so many are kept as the limit says; the rest is counted."""
    with recorded(URLS) as site:
        with site.client() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(request("/echo", "transfer-encoding: chunked", method="POST"))
            for _ in range(3000):
                sock.sendall(b"1\r\nx\r\n")
            sock.sendall(b"0\r\n\r\n")
            read_all(sock)
        one = site.kept.one()
    assert one.outcome == "done"
    assert len(one.received) <= 2001
    assert one.received_bytes == one.head_end + 3000 * 6 + 5


def test_a_thousand_exchanges_at_once_do_no_harm() -> None:
    """Pipelined requests by the thousand are all served, and many are recorded; so is the next one by itself."""
    with recorded(URLS) as site:
        data = b"".join(request(f"/blog/{number}", close=False) for number in range(1999)) + request("/blog/last")
        with site.client() as sock:
            sender = threading.Thread(target=sock.sendall, args=(data,))
            sender.start()
            received = read_all(sock)
            sender.join()
        site.exchange(request("/"))
        kept = site.kept.wait_for(lambda all_: any(each.target == "/" and each.outcome == "done" for each in all_))
    assert len(kept) > 100
    assert received.count(b"HTTP/1.1 200") == 2000


def test_in_a_flood_a_part_is_recorded_and_all_is_served() -> None:
    """While more comes than is written, every request is served, one of several is recorded, and a refused one is."""
    burst = b"".join(request(close=False) for _ in range(999)) + request()
    with recorded(URLS) as site:
        deadline = time.monotonic() + PATIENCE
        while not site.recorder._is_flood:
            assert site.exchange(burst).count(b"HTTP/1.1 200") == 1000
            assert time.monotonic() < deadline
        before = site.recorder.dropped
        assert site.exchange(burst).count(b"HTTP/1.1 200") == 1000
        assert site.recorder.dropped > before
        site.exchange(b"GET / refused\r\n\r\n")
        site.kept.wait_for(lambda all_: any(each.outcome == "refused" for each in all_))


class FailingStore:
    """A store whose disk is full."""

    def __init__(self) -> None:
        self.calls = threading.Semaphore(0)

    def add(self, _exchanges: object) -> None:
        self.calls.release()
        raise OSError("no space left")


def test_a_store_that_fails_does_not_fail_the_site(caplog: pytest.LogCaptureFixture) -> None:
    """Where exchanges can't be written, the site is served on, and a line is logged once."""
    store = FailingStore()
    with RecordedSite(site_of(URLS), store=store) as site:
        for _ in range(3):
            assert site.exchange(request()).endswith(b"hello")
            assert store.calls.acquire(timeout=seconds(5))
    assert sum("can't be recorded" in line for line in caplog.messages) == 1


class HangingStore:
    """A store that does not return until it is let go."""

    def __init__(self) -> None:
        self.is_hanging, self.go_on = threading.Event(), threading.Event()
        self.kept = 0

    def add(self, exchanges: list[object]) -> None:
        """Wait."""
        self.is_hanging.set()
        self.go_on.wait(PATIENCE)
        self.kept += len(exchanges)


def test_a_store_that_hangs_does_not_hold_up_the_site() -> None:
    """While the store hangs, every request has its response; what waits is bounded, and the rest is counted."""
    store = HangingStore()
    with RecordedSite(site_of(URLS), store=store) as site:
        site.exchange(request())
        assert store.is_hanging.wait(PATIENCE)
        data = b"".join(request(close=False) for _ in range(999)) + request()
        assert site.exchange(data).count(b"HTTP/1.1 200") == 1000
        assert len(site.recorder._waiting) <= MAX_WAITING
        dropped = site.recorder.dropped
        store.go_on.set()
    assert dropped >= 1000 - MAX_WAITING
    assert store.kept + dropped == 1001
