"""What a parent and a worker say to each other, and the sockets that one hands to the other.

In: short messages, each a word (`what`) and facts. Out: the same at the other end of a pair of
sockets, one JSON object a line. Descriptors travel beside a line (SCM_RIGHTS). A worker whose parent
is gone reads the end of the channel, and leaves. Knows nothing of what is said.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections import deque
from collections.abc import MutableMapping, Sequence
from typing import Any

from fanlight.errors import InvalidSetting
from fanlight.server.io.forks import run_in_child

VARIABLE = "_FANLIGHT_CHANNEL"  # tells a worker which descriptor its channel is
MOST_DESCRIPTORS = 128  # in one message; the system allows 253
_PIECE = 65536
_CLOSE_ON_EXEC: int = getattr(socket, "MSG_CMSG_CLOEXEC", 0)

Message = dict[str, Any]  # {"what": "ready", ...}


class Channel:
    """One end of the line between a parent and a worker."""

    def __init__(self, sock: socket.socket) -> None:
        """Take a connected stream socket."""
        self._sock = sock
        self._lock = threading.Lock()  # a worker speaks from several threads
        self._half = b""
        self._lines: deque[bytes] = deque()
        self._descriptors: deque[int] = deque()
        self.is_open = True
        run_in_child(self, Channel.close)

    @classmethod
    def pair(cls) -> tuple[Channel, socket.socket]:
        """Return a parent's end, which never waits, and the socket of the worker's end."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        return cls(ours), theirs

    @classmethod
    def inherited(cls, environ: MutableMapping[str, str]) -> Channel | None:
        """Return the worker's end that a parent has left for us, None if this process is nobody's worker."""
        number = environ.pop(VARIABLE, "")  # popped: a child of ours is no worker
        if not number:
            return None
        try:
            sock = socket.socket(fileno=int(number))
        except (OSError, ValueError, OverflowError):
            raise InvalidSetting(f"{VARIABLE} is set by a server for its workers; unset it") from None
        sock.set_inheritable(False)
        sock.setblocking(True)
        return cls(sock)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._sock.fileno()

    def send(self, what: str, /, descriptors: Sequence[int] = (), **facts: Any) -> bool:
        """Say something; False if the other end is gone, or does not listen."""
        # Not by msgspec: the path of a site may be in any encoding.
        line = json.dumps({"what": what, "descriptors": len(descriptors), **facts}).encode() + b"\n"
        with self._lock:
            try:
                if descriptors:
                    sent = socket.send_fds(self._sock, [line], list(descriptors))
                else:
                    sent = self._sock.send(line)
                while sent < len(line):
                    sent += self._sock.send(line[sent:])
            except OSError:
                return False
        return True

    def send_leaving(self) -> None:
        """Send that this worker leaves, without waiting for the parent: the caller must see to the end by itself."""
        threading.Thread(target=self.send, args=("leaving",), name="fanlight-leaving", daemon=True).start()

    def received(self) -> list[tuple[Message, list[int]]]:
        """Return what has come: each message with its descriptors. At the end `is_open` turns False.

        A parent's end never waits; a worker's waits until there is something.
        """
        try:
            data, descriptors, _, _ = socket.recv_fds(self._sock, _PIECE, MOST_DESCRIPTORS, _CLOSE_ON_EXEC)
        except BlockingIOError:
            return []
        except OSError:
            data, descriptors = b"", []
        for each in descriptors:
            os.set_inheritable(each, False)  # where the system has no flag for it: programs that views start have none
        self._descriptors.extend(descriptors)
        if not data:
            self.is_open = False
            return []
        *lines, self._half = (self._half + data).split(b"\n")
        messages = []
        for line in lines:
            message = json.loads(line)
            count = message.pop("descriptors", 0)
            messages.append((message, [self._descriptors.popleft() for _ in range(count)]))
        return messages

    def close(self) -> None:
        """Hang up."""
        self.is_open = False
        for each in self._descriptors:
            with contextlib.suppress(OSError):
                os.close(each)
        self._sock.close()
