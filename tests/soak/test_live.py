"""A short soak of topics passes, and each thing that it measures can fail."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from tests.soak.listeners import Heard, Publisher, StreamListener
from tests.soak.live import Outcome, Round, problems
from tests.soak.report import LEAST_SECONDS
from tests.speed import PATIENCE

REPOSITORY = Path(__file__).parents[2]
MIB = 1 << 20


def test_every_listener_has_every_message_once_and_in_order_over_reloads() -> None:
    """Two reloads, and listeners that leave and return: nothing is lost, nothing comes twice, no file stays open."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.live", "--seconds", "6", "--listeners", "12"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| lost, doubled, out of order, or not published | 0 |" in done.stdout


def outcome(*rounds: Round, exit_code: int = 0, line: str = "", files: int = 9) -> Outcome:
    """Return what a long soak with some rounds has measured."""
    return Outcome(
        LEAST_SECONDS,
        1,
        Heard(),
        rounds=[Round(30 * MIB, 60 * MIB, 50), *rounds],
        files_before=9,
        files_after=files,
        log_lines=[line],
        exit_code=exit_code,
    )


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (outcome(Round(40 * MIB, 60 * MIB, 50)), "supervisor grew: 31,457,280 to 41,943,040"),
        (outcome(Round(30 * MIB, 70 * MIB, 50)), "workers grew: 62,914,560 to 73,400,320"),
        (outcome(Round(30 * MIB, 60 * MIB, 60)), "files grew: 50 to 60"),
        (outcome(files=10), "open files grew: 9 to 10"),
        (outcome(exit_code=1), "exit code 1"),
        (outcome(line="a  ERROR  b"), "unexpected in the log: a  ERROR  b"),
    ],
    ids=["supervisor", "workers", "files of a round", "files", "exit code", "log"],
)
def test_a_soak_of_topics_fails_for_what_grew_or_went_wrong(found: Outcome, said: str) -> None:
    """Each measured thing that grew or went wrong is one problem, and nothing else is."""
    assert problems(found) == [said]


def test_a_listener_notices_what_is_lost_and_what_comes_twice() -> None:
    """A gap and a repetition are one problem each; the messages around them are none."""
    heard = Heard()

    async def listen() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            events = "".join(f'id: 1-{number}\ndata: {{"number": {number}}}\n\n' for number in (0, 1, 3, 3, 4))
            writer.write(f"HTTP/1.1 200 OK\r\n\r\n{events}".encode())
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            listener = StreamListener(port, Publisher(port, heard), heard, 1)
            assert await listener.listen(is_polite=True) == "ended by the server"

    asyncio.run(asyncio.wait_for(listen(), PATIENCE))
    assert heard.problems == ["event stream 1 lost 2 to 2", "event stream 1 got 3 twice, or late, instead of 4"]
