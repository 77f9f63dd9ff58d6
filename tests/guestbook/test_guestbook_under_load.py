"""The guestbook with four workers, and on two servers with one Redis, under load; and while Redis is gone."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.guestbook.conftest import Guest, Guestbook, Serve
from tests.journeys.conftest import wait_until
from tests.redis_server import RedisServer

ALLOWED = 20  # "20/minute" of the page where the book is signed, for each guest
GUESTS, ROUNDS = 4, 12
SECRET = "of-this-test-and-long-enough-6f1e9b7d2c"


def sessions_of(book: Guestbook, others: list[Guestbook]) -> list[list[Guest]]:
    """Return for each of some guests the clients by which it uses each server, all with one session."""
    found = []
    for number in range(GUESTS):
        first = book.guest(f"Loaded {number}")
        found.append([first])
        for each in others:
            again = each.guest()
            again.headers["cookie"] = f"session={first.session}"
            found[-1].append(again)
    return found


def use_all(guests: list[list[Guest]]) -> tuple[Counter[int], int, float]:
    """Let all guests read and write at once; return the statuses of signing, of reading, and the seconds it took."""

    def use(clients: list[Guest], number: int) -> tuple[list[int], int]:
        signed, pages = [], 0
        for turn in range(ROUNDS):
            client = clients[turn % len(clients)]
            signed += [client.sign(f"Under load {number} {turn} {each}").status_code for each in range(3)]
            pages += f"loaded-{number}@" in client.get("/account").text
        return signed, pages

    began = time.monotonic()
    with ThreadPoolExecutor(GUESTS) as pool:
        results = list(pool.map(use, guests, range(GUESTS)))
    return (
        Counter(each for signed, _ in results for each in signed),
        sum(pages for _, pages in results),
        time.monotonic() - began,
    )


def check(guests: list[list[Guest]], read: Guest) -> None:
    """Hold that each page was that of its own guest, and that all processes have counted together."""
    statuses, pages, elapsed = use_all(guests)
    assert pages == GUESTS * ROUNDS  # each guest has always found itself
    assert set(statuses) == {303, 429}
    assert GUESTS * ALLOWED <= statuses[303] <= GUESTS * (ALLOWED + elapsed * ALLOWED / 60 + 1)
    assert read.get("/api/entries", params={"q": "under load"}).json()["total"] == statuses[303]


def test_four_workers(serve_guestbook: Serve) -> None:
    """Sessions are right, and limits count together, in four workers under load."""
    book = serve_guestbook("--workers", "4", "--no-access-log")
    check(sessions_of(book, []), book.guest())


def test_two_servers_on_one_redis(serve_guestbook: Serve, redis_server: RedisServer) -> None:
    """The same on two servers. While Redis is gone only those who need it get a 503, and then all is as before."""
    words = ("--store", redis_server.url, "--no-access-log")
    books = [serve_guestbook(*words, FANLIGHT_SECRET=SECRET) for _ in range(2)]
    guests = sessions_of(books[0], books[1:])
    check(guests, books[0].guest())

    seen: dict[str, Counter[int]] = {"signed in": Counter(), "visitor": Counter()}
    is_over = threading.Event()

    def keep_on(kind: str, client: Guest, path: str) -> None:
        while not is_over.is_set():
            seen[kind][client.get(path).status_code] += 1

    signed_in, visitors = guests[0], [each.guest() for each in books]
    tasks: list[tuple[str, Guest, str]] = [
        *(("signed in", each, "/account") for each in signed_in),
        *(("visitor", each, "/") for each in visitors),
    ]

    def more(kind: str, status: int) -> Callable[[], bool]:
        known = seen[kind][status]
        return lambda: seen[kind][status] > known + 3

    with ThreadPoolExecutor(len(tasks)) as pool:
        running = [pool.submit(keep_on, *each) for each in tasks]
        try:
            wait_until(more("signed in", 200))
            redis_server.kill()
            wait_until(more("signed in", 503))
            wait_until(more("visitor", 200))
            redis_server.start()
            wait_until(more("signed in", 200))
        finally:
            is_over.set()
        for each in running:
            each.result()
    assert set(seen["visitor"]) == {200}
    assert set(seen["signed in"]) == {200, 503}
    for client in signed_in:
        assert "loaded-0@" in client.get("/account").text
