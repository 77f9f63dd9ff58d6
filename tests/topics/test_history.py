"""The history of topics: ids that only grow, and bounds that hold."""

from fanlight.topics.history import NO_ID, OVERHEAD, PAGE_BYTES, Histories, before, read_id, show_id


def contents(kept: object) -> list[bytes]:
    return [each.data for each in kept.messages]  # type: ignore[attr-defined]


def test_each_id_is_above_those_before() -> None:
    """Also where many messages are published in one millisecond, and for another topic."""
    histories = Histories()
    ids = [histories.add(name, 5, b"x").id for _ in range(500) for name in ("one", "two")]
    assert ids == sorted(set(ids))


def test_an_id_is_read_as_it_was_shown() -> None:
    """What a client sends back is the same id; anything else is none."""
    assert read_id(show_id((1796081680175, 3))) == (1796081680175, 3)
    assert [read_id(text) for text in ("", "1", "1-", "-1", "1-2-3", "a-b", "1-2 ", "9" * 16 + "-1")] == [None] * 8


def test_what_came_after_an_id_is_kept_in_order() -> None:
    """Of a topic with five messages, those after the second are the last three."""
    histories = Histories()
    ids = [histories.add("a", 10, b"%d" % number).id for number in range(5)]
    kept = histories.kept("a", ids[1], 0)
    assert (contents(kept), kept.is_complete, kept.has_more, kept.last) == ([b"2", b"3", b"4"], True, False, ids[4])


def test_the_latest_come_without_an_id() -> None:
    """Two of five are the last two; none, if none are wanted."""
    histories = Histories()
    for number in range(5):
        histories.add("a", 10, b"%d" % number)
    assert contents(histories.kept("a", None, 2)) == [b"3", b"4"]
    assert contents(histories.kept("a", None, 0)) == []


def test_a_topic_keeps_as_many_as_it_should() -> None:
    """The oldest are dropped, and a listener that needs one of them learns that it has missed it."""
    histories = Histories()
    ids = [histories.add("a", 3, b"%d" % number).id for number in range(6)]
    assert contents(histories.kept("a", ids[2], 0)) == [b"3", b"4", b"5"]
    assert histories.kept("a", ids[2], 0).is_complete
    assert not histories.kept("a", ids[1], 0).is_complete


def test_all_topics_together_have_a_bound_in_bytes() -> None:
    """The topic that was published to the longest time ago loses its messages first."""
    histories = Histories(max_bytes=10 * (100 + OVERHEAD))
    first = histories.add("old", 10, bytes(100)).id
    for _ in range(12):
        histories.add("new", 100, bytes(100))
    assert len(histories.kept("new", NO_ID, 0).messages) == 10
    assert not histories.kept("old", before(first), 0).is_complete


def test_the_number_of_topics_has_a_bound() -> None:
    """The one that was published to the longest time ago is forgotten, and says so."""
    histories = Histories(max_topics=3)
    first = histories.add("0", 10, b"").id
    for number in range(1, 5):
        histories.add(f"{number}", 10, b"")
    assert [len(histories.kept(f"{number}", NO_ID, 0).messages) for number in range(5)] == [0, 0, 1, 1, 1]
    assert not histories.kept("0", before(first), 0).is_complete


def test_much_is_returned_in_pages() -> None:
    """Each page goes on after the last message of the one before."""
    histories, after, got = Histories(), NO_ID, []
    for number in range(20):
        histories.add("a", 20, b"%2d" % number + bytes(PAGE_BYTES // 8))
    while True:
        kept = histories.kept("a", after, 0)
        got += [int(each.data[:2]) for each in kept.messages]
        after = kept.messages[-1].id
        if not kept.has_more:
            break
    assert got == list(range(20))


def test_another_process_continues_with_the_same() -> None:
    """Histories that are restored have the messages, and ids go on above them."""
    histories, others = Histories(), Histories()
    ids = [histories.add(b"a", 3, b"%d" % number).id for number in range(6)]
    others.restore(histories.state())
    assert contents(others.kept(b"a", ids[2], 0)) == [b"3", b"4", b"5"]
    assert not others.kept(b"a", ids[1], 0).is_complete
    assert others.add(b"a", 3, b"6").id > ids[-1]
