"""What is counted."""

from __future__ import annotations

import json
import threading

from fanlight.message.response import Response
from fanlight.server.recording import counts as module
from fanlight.server.recording.counts import BUCKETS, Counts, merge, route_of
from fanlight.testing import FakeCall


def call(name: str) -> FakeCall:
    return FakeCall(lambda _: Response("x"), name=name)


def test_responses_are_counted_by_method_status_and_route() -> None:
    """Each kind of response has its own number."""
    counts, page, blog = Counts(), call("GET /{page} (views.page)"), call("GET|POST /blog (views.blog)")
    for _ in range(3):
        counts.count_response(page, "GET", 200, 0.002, 100)
    counts.count_response(blog, "POST", 303, 0.7, 50)
    snapshot = counts.snapshot()
    assert sorted(snapshot["requests"]) == [["GET", 200, "/{page}", 3], ["POST", 303, "/blog", 1]]
    assert snapshot["bytes"] == 350


def test_durations_fall_into_buckets() -> None:
    """A duration is counted in the first bucket that it fits, or behind the last."""
    counts, page = Counts(), call("no route")
    for seconds in (0.001, 0.0011, 10.0, 11.0):
        counts.count_response(page, "GET", 404, seconds, 0)
    values = counts.snapshot()["durations"]["no route"]
    expected = [0] * (len(BUCKETS) + 1)
    expected[0] = expected[1] = expected[-2] = expected[-1] = 1
    assert values[:-1] == expected
    assert abs(values[-1] - 21.0021) < 1e-9


def test_unknown_methods_are_one() -> None:
    """A client can't make the counts grow by making up methods."""
    counts, page = Counts(), call("a")
    for number in range(100):
        counts.count_response(page, f"X{number}", 501, 0.1, 0)
    assert counts.snapshot()["requests"] == [["OTHER", 501, "a", 100]]


def test_the_counts_are_bounded() -> None:
    """However many calls a handler makes up, there are no more series than MAX_SERIES and some."""
    counts = Counts()
    for number in range(module.MAX_SERIES + 500):
        counts.count_response(call(f"call {number}"), "GET", 200, 0.1, 0)
    requests = counts.snapshot()["requests"]
    assert len(requests) == module.MAX_SERIES + 1
    assert ["GET", 200, "(others)", 500] in requests


def test_threads_lose_nothing() -> None:
    """Responses from several threads at once are all counted."""
    counts, page = Counts(), call("a")

    def work() -> None:
        for _ in range(5000):
            counts.count_response(page, "GET", 200, 0.1, 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert counts.snapshot()["requests"] == [["GET", 200, "a", 20_000]]


def test_snapshots_add_up() -> None:
    """The sum of several processes' snapshots has every number of each, also after a way as JSON."""
    first, second = Counts(), Counts()
    for counts in (first, second):
        counts.count_response(call("a"), "GET", 200, 0.1, 10)
        counts.count_refusal(400)
    second.count_response(call("b"), "GET", 200, 0.1, 10)
    total = merge(json.loads(json.dumps(each)) for each in (first.snapshot(7), second.snapshot()))
    assert sorted(total["requests"]) == [["GET", 200, "a", 2], ["GET", 200, "b", 1]]
    assert total["refused"] == {"400": 2}
    assert (total["bytes"], total["connections"]) == (30, 7)
    assert sum(total["durations"]["a"][:-1]) == 2


def test_the_sum_of_nothing_is_a_snapshot() -> None:
    """Before any worker has replied there is a snapshot all the same."""
    assert merge([]) == Counts().snapshot()


def test_a_route_has_its_path_for_a_name() -> None:
    """The path of a route is its name; what is none keeps its own."""
    assert route_of("GET|HEAD /a/{b:int} (views.a)") == "/a/{b:int}"
    assert route_of("GET /") == "/"
    assert route_of("no route for the method") == "no route for the method"
