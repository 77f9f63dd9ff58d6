"""The filter of the list: words, keys, exclusions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.devtools.inspector import samples

from fanlight.devtools.inspector.exchange_store import Store
from fanlight.devtools.inspector.pages.list_filter import read_filter

ALL = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return a store with one exchange of each kind."""
    opened = Store(tmp_path_factory.mktemp("store") / "exchanges.sqlite")
    opened.add(samples.realistic())
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ALL),
        ("method:post", {"2", "3", "6"}),
        ("-method:GET -method:HEAD", {"2", "3", "5", "6"}),
        ("status:4xx", {"3", "4", "5", "7", "9"}),
        ("status:422", {"3"}),
        ("path:/posts", {"1", "3", "4"}),
        ("slow:1s", {"6", "7", "10"}),
        ("slow:430", {"6", "7", "8", "10"}),
        ("is:refused", {"4", "5"}),
        ("is:cut is:error", {"6"}),
        ("is:timeout", {"7"}),
        ("is:failed", {"8"}),
        ("is:open", {"10"}),
        ("is:error", {"3", "4", "5", "6", "7", "8", "9"}),
        ("gen:3", ALL),
        ("gen:2", set()),
        ("SNOW", {"1", "3", "9"}),
        ("snow -method:POST", {"1", "9"}),
        ("snow -status:404 -api", {"1"}),
        ('"read by anna"', {"1"}),
        ("x-forwarded-for", {"4"}),
        ("-localhost", {"7"}),
        ("unknown:key", set()),
    ],
)
def test_a_filter_accepts(store: Store, text: str, found: set[str]) -> None:
    """Words are looked for in rows, fields, content, log lines and bytes; keys in their column; all must hold."""
    wanted = read_filter(text)
    assert wanted.problems == []
    rows = store.summaries(0, 100)
    assert {row.id.partition("-")[2].lstrip("0") for row in rows if wanted.accepts(row, store.get)} == found


@pytest.mark.parametrize("text", ["status:ok", "status:6xx", "slow:fast", "is:nice", "gen:x"])
def test_a_value_that_makes_no_sense_is_reported(store: Store, text: str) -> None:
    """A key with an impossible value is reported with what to write, and hides nothing."""
    wanted = read_filter(text)
    assert text in wanted.problems[0]
    assert all(wanted.accepts(row, store.get) for row in store.summaries(0, 100))


@given(st.text(max_size=600))
def test_any_text_is_a_filter(store: Store, text: str) -> None:
    """No text makes the list fail."""
    wanted = read_filter(text)
    assert [wanted.accepts(row, store.get) for row in store.summaries(0, 2)]
