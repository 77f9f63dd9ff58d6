"""What an exchange went through, in order and to scale: middleware, templates, queries, the waterfall, the source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.devtools.inspector import samples

from fanlight.devtools.inspector.exchange_record import Exchange, Span
from fanlight.devtools.inspector.pages.corridor import statements, templates, wraps
from fanlight.devtools.inspector.pages.figures import bar, duration, size
from fanlight.devtools.inspector.pages.source_excerpt import source_excerpt
from fanlight.devtools.inspector.pages.waterfall import MAX_ROWS, waterfall


def with_spans(*spans: Span, seconds: float = 1.0) -> Exchange:
    exchange = samples.exchange(1, samples.pieces((0.0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")), [])
    exchange.spans = list(spans)  # a test's own
    exchange.seconds = seconds
    return exchange


def test_what_encloses_the_view_is_ordered_from_outside() -> None:
    """Middleware and dependencies come in the order in which they were entered, with their times in and out."""
    found = wraps(samples.page())
    assert [(wrap.kind, wrap.name) for wrap in found] == [
        ("middleware", "timing"),
        ("middleware", "request_id"),
        ("dependency", "database"),
    ]
    assert found[0].in_seconds == pytest.approx(0.00015)
    assert found[0].out_seconds == pytest.approx(0.0003)
    assert all(wrap.is_closed for wrap in found)


def test_what_never_came_back_is_not_closed() -> None:
    """A middleware that responds by itself, and one that still waits, have no way out."""
    found = wraps(with_spans(Span("middleware", "login", 0.1, 0.2), Span("middleware", "slow", 0.3, -1.0, (0.4, -1.0))))
    assert [wrap.is_closed for wrap in found] == [False, False]
    assert [wrap.left_at for wrap in found] == [0.2, 1.0]


def test_templates_are_a_tree() -> None:
    """A template has its own time and that of those in it; one that is rendered again and again stands there once."""
    found = templates(
        with_spans(
            Span("template", "page.html", 0.0, 0.5),
            Span("template", "base.html", 0.1, 0.5),
            *(Span("template", "_item.html", 0.2 + 0.01 * number, 0.21 + 0.01 * number) for number in range(10)),
            Span("template", "mail.txt", 0.6, 0.7),
        )
    )
    assert [(node.name, node.depth, node.count) for node in found] == [
        ("page.html", 0, 1),
        ("base.html", 1, 1),
        ("_item.html", 2, 10),
        ("mail.txt", 0, 1),
    ]
    assert [node.own_seconds for node in found] == pytest.approx([0.1, 0.3, 0.1, 0.1])


def test_repeated_queries_are_one_statement() -> None:
    """A statement that ran several times is marked, with all its times and rows, however it is laid out."""
    first, second = statements(samples.page())
    assert (first.count, first.is_repeated) == (1, False)
    assert (second.count, second.is_repeated, second.rows, second.places) == (3, True, ["3", "0", "8"], ["main.py:16"])
    assert second.seconds == pytest.approx(0.0014)
    layout = with_spans(
        Span("query", "", 0.0, 0.1, detail={"sql": "SELECT 1\n  FROM a"}),
        Span("query", "", 0.1, 0.2, detail={"sql": "SELECT 1 FROM a"}),
    )
    assert [each.count for each in statements(layout)] == [2]


def test_a_waterfall_is_to_scale() -> None:
    """The bars of all stages are in the order of their beginnings, in percent of the whole, under round times."""
    found = waterfall(samples.page())
    names = [each.name for each in found.bars]
    assert names[:6] == ["received", "waited", "timing", "request_id", "database", "arguments"]
    assert names[-2:] == ["sent", "compression: gzip"]
    view = next(each for each in found.bars if each.kind == "view")
    assert [view.left, view.width] == pytest.approx([14.815, 35.802])
    assert view.depth == 3
    assert [text for _, text in found.ticks] == ["0 ms", "2 ms", "4 ms", "6 ms", "8 ms"]
    assert found.ticks[1][0] == pytest.approx(24.691)


@pytest.mark.parametrize(
    ("seconds", "texts"),
    [
        (0.0002, ["0.00 ms", "0.05 ms", "0.10 ms", "0.15 ms", "0.20 ms"]),
        (2.5, ["0.0 s", "0.5 s", "1.0 s", "1.5 s", "2.0 s", "2.5 s"]),
        (400.0, ["0 s", "1 min 40 s", "3 min 20 s", "5 min 0 s", "6 min 40 s"]),
    ],
)
def test_an_axis_has_one_unit(seconds: float, texts: list[str]) -> None:
    """All times on it are in milliseconds, in seconds, or in minutes and seconds."""
    assert [text for _, text in waterfall(with_spans(seconds=seconds)).ticks] == texts


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(-1, 100), st.sampled_from(["view", "query", "middleware", "x"]))),
    st.floats(0, 1000),
)
def test_a_bar_never_leaves_the_axis(spans: list[tuple[float, float, str]], seconds: float) -> None:
    """Whatever the times are, each bar and tick is between 0 and 100 percent, and the rows are bounded."""
    found = waterfall(with_spans(*(Span(kind, "", begin, end) for begin, end, kind in spans), seconds=seconds))
    assert len(found.bars) <= MAX_ROWS
    assert all(0 <= each.left <= 100 and 0 < each.width <= 100.05 for each in found.bars)
    assert all(0 <= left <= 100 for left, _ in found.ticks)
    assert 1 <= len(found.ticks) <= 8


def test_of_too_many_stages_the_longest_stay() -> None:
    """Of 500 queries those that took longest are in the waterfall, and the rest is counted."""
    spans = [Span("x", f"{number}", 0.001 * number, 0.001 * number + 1e-6 * number) for number in range(500)]
    found = waterfall(with_spans(*spans))
    assert (len(found.bars), found.left_out) == (MAX_ROWS, 500 + 1 - MAX_ROWS)
    assert "x: 499" in [each.name for each in found.bars]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 ms"),
        (0.00008, "0.08 ms"),
        (0.0124, "12.4 ms"),
        (0.44, "440 ms"),
        (1.239, "1.24 s"),
        (125, "2 min 5 s"),
    ],
)
def test_a_duration_has_three_digits(seconds: float, text: str) -> None:
    """A duration is as precise as is of use."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1234, "1.2 kB"), (9_000_070, "9.0 MB")]
)
def test_a_size_has_a_unit(count: int, text: str) -> None:
    """A number of bytes is short."""
    assert size(count) == text


def test_the_bar_of_the_list_is_logarithmic() -> None:
    """A tenth of a millisecond is just visible, ten seconds are all of it."""
    assert [bar(seconds) for seconds in (0, 0.0001, 0.01, 1, 10, 1000)] == [2.0, 2.0, 40.0, 80.0, 100.0, 100.0]


def test_the_source_is_the_function_and_nothing_else(tmp_path: Path) -> None:
    """The lines of the function at a place, with its decorator, in kinds of syntax; a string of three lines is one."""
    (tmp_path / "main.py").write_text(
        'import x\n\n@x.lane\ndef home(a=1):\n    """First.\n\n    Second."""\n    return a  # so\n\nb = 2\n'
    )
    found = source_excerpt(tmp_path, "main.py:4", 0.0)
    assert found is not None
    assert (found.first, len(found.lines), found.is_newer, found.is_cut) == (3, 6, True, False)
    assert ("keyword", "def") in found.lines[1]
    assert ("defined", "home") in found.lines[1]
    assert ("string", '    Second."""') in found.lines[4]
    assert ("comment", "# so") in found.lines[5]
    assert "".join(text for _, text in found.lines[5]) == "    return a  # so"


@pytest.mark.parametrize("line", ['api_key = "x y"', 'a = "sk-1234567890abcdef1234"', 'connect(password="hunter2")'])
def test_secrets_in_the_source_are_masked(tmp_path: Path, line: str) -> None:
    """A string that is a secret by its name or its look is masked, as on the debug page, until secrets are shown."""
    (tmp_path / "main.py").write_text(f"def home():\n    {line}\n")
    for shows_secrets, text in ((True, line), (False, re.sub('".*"', '"***"', line))):
        found = source_excerpt(tmp_path, "main.py:1", 0.0, shows_secrets=shows_secrets)
        assert found is not None
        assert "".join(text for _, text in found.lines[1]).strip() == text


@pytest.mark.parametrize("text", ["def f(:\n", "x = '''\n", "\x00\n", "def f():\n\treturn 1\n  return 2\n"])
def test_source_that_does_not_parse_is_shown_as_it_is(tmp_path: Path, text: str) -> None:
    """A file with a syntax error is shown from the line on."""
    (tmp_path / "main.py").write_text(text)
    found = source_excerpt(tmp_path, "main.py:1", 0.0)
    assert found is not None
    assert found.first == 1


def test_source_outside_of_the_site_is_not_shown(tmp_path: Path) -> None:
    """A place that leaves the folder, also through a link, has no source."""
    site = tmp_path / "site"
    site.mkdir()
    (tmp_path / "other.py").write_text("secret = 1\n")
    (site / "link.py").symlink_to(tmp_path / "other.py")
    for place in ("../other.py:1", f"{tmp_path}/other.py:1", "link.py:1", "other:1", "main.py:1", "main.py:²", ""):
        assert source_excerpt(site, place, 0.0) is None


def test_a_repeated_query_is_one_row_of_the_waterfall() -> None:
    """A query that ran three times is a row with three bars, and its times added up."""
    (row,) = [each for each in waterfall(samples.page()).bars if each.count > 1]
    assert (row.count, len(row.pieces), row.name[:20]) == (3, 3, "SELECT id, author, t")
    assert row.seconds == pytest.approx(0.0014)
