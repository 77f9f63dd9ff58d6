"""Finding the development servers that run."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanlight.devtools.running_servers import announce_server, find_by_url, find_one, running
from fanlight.errors import ServerError


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "fanlight"


def test_a_server_is_found_by_other_commands(listening: str, tmp_path: Path) -> None:
    """A server that has announced itself is found, alone and by its URL, with the file of its exchanges."""
    file = announce_server(listening, "main.py", tmp_path)
    found = find_one()
    assert file is not None
    assert (found.pid, found.url, found.exchanges) == (os.getpid(), listening, str(tmp_path / "exchanges.sqlite"))
    assert find_by_url(f"{listening}/") == found


@pytest.mark.skipif(os.name != "posix", reason="other systems have other permissions")
def test_the_file_is_for_its_user(listening: str, tmp_path: Path) -> None:
    """No one else can read where the exchanges are."""
    file = announce_server(listening, "main.py", tmp_path)
    assert file is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_server_that_was_killed_is_forgotten(tmp_path: Path, own_folder: Path) -> None:
    """A file whose server accepts no connection is removed."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    announce_server(url, "main.py", tmp_path)
    assert running() == []
    assert list(own_folder.iterdir()) == []


def test_without_a_server_the_message_says_what_to_do() -> None:
    """The command that starts one is in the message."""
    with pytest.raises(ServerError, match="fanlight dev"):
        find_one()
    with pytest.raises(ServerError, match="no development server of yours runs at http://localhost:1"):
        find_by_url("http://localhost:1")


def test_of_several_servers_none_is_guessed(listening: str, tmp_path: Path, own_folder: Path) -> None:
    """With more than one the user has to choose."""
    file = announce_server(listening, "main.py", tmp_path)
    assert file is not None
    (own_folder / "dev-1.json").write_bytes(file.read_bytes())
    with pytest.raises(ServerError, match="--url"):
        find_one()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_broken_file_is_ignored(own_folder: Path, text: str) -> None:
    """A file that was only half written is no server."""
    own_folder.mkdir(mode=0o700)
    (own_folder / "dev-1.json").write_text(text)
    assert running() == []
