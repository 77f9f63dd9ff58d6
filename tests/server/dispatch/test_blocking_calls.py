"""What to write instead of a call that blocks the event loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanlight.server.dispatch.blocking_calls import ADVICE, advice_for


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("time.sleep(1)", "`time.sleep` blocks: write `await asyncio.sleep(...)`"),
        ("sleep(1)", "`sleep` blocks: write `await asyncio.sleep(...)`"),
        ("page = requests.get(url)", "`requests.get` blocks: write `await asyncio.to_thread(...)` around it"),
        ("rows = db.execute('select 1')", "`db.execute` blocks: write `await asyncio.to_thread(...)` around it"),
        ("text = Path('x').read_text()", "`read_text` blocks"),
        ("with open('x') as file:", "`open` blocks"),
        ("subprocess.run(['ls'])", "`subprocess.run` blocks: write `await asyncio.create_subprocess_exec(...)`"),
        ("await asyncio.sleep(1)", ADVICE),
        ("total += number", ADVICE),
        ("reopen(1)", ADVICE),
    ],
)
def test_the_call_on_the_line_is_named(tmp_path: Path, source: str, advice: str) -> None:
    """A call that is known to block is named, with what to write in its place."""
    file = tmp_path / f"main{abs(hash(source))}.py"
    file.write_text(f"async def view():\n    {source}\n")
    found = advice_for(f"{file}:2 in view")
    assert found.startswith(advice)
    assert found.endswith("make the view a plain `def`")


@pytest.mark.parametrize("position", ["?", "nowhere.py:1 in view", "<string>:1 in view"])
def test_a_line_that_can_not_be_read_gets_the_general_advice(position: str) -> None:
    """Without source there is still something to say."""
    assert advice_for(position) == ADVICE
