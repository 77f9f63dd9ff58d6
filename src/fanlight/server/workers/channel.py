"""The message channel between the supervisor and a worker; it also carries the listening sockets.

In: messages, each a name (`what`) and facts. Out: the same at the other end of a pair of sockets, as one JSON object a
line. Descriptors travel beside a line (SCM_RIGHTS). A worker whose supervisor is gone reads the end of the channel, and
shuts down. What the messages mean is in `worker`.
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

from fanlight.bootstrap import CHANNEL_VARIABLE
from fanlight.errors import InvalidSetting
from fanlight.server.io.forks import run_in_child

MAX_DESCRIPTORS = 128  # in one message; the system allows 253
_PIECE = 65536
_CLOSE_ON_EXEC: int = getattr(socket, "MSG_CMSG_CLOEXEC", 0)

Message = dict[str, Any]  # {"what": "ready", ...}


class Channel:
    """One end of the channel."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()  # a worker sends from several threads
        self._half = b""
        self._lines: deque[bytes] = deque()
        self._descriptors: deque[int] = deque()
        self.is_open = True
        run_in_child(self, Channel.close)

    @classmethod
    def pair(cls) -> tuple[Channel, socket.socket]:
        """Return the supervisor's end, which is non-blocking, and the socket of the worker's end."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        return cls(ours), theirs

    @classmethod
    def inherited(cls, environ: MutableMapping[str, str]) -> Channel | None:
        """Return the worker's end if this process is a worker, else None."""
        number = environ.pop(CHANNEL_VARIABLE, "")  # removed: a child of ours is no worker
        if not number:
            return None
        try:
            sock = socket.socket(fileno=int(number))
        except (OSError, ValueError, OverflowError):
            raise InvalidSetting(f"{CHANNEL_VARIABLE} is for workers, and set by their supervisor; unset it") from None
        sock.set_inheritable(False)
        sock.setblocking(True)
        return cls(sock)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._sock.fileno()

    def send(self, what: str, /, descriptors: Sequence[int] = (), **facts: Any) -> bool:
        """Send a message; False if the other end is closed, or the supervisor's end is full."""
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
        """Send that this worker is shutting down, in a thread: a supervisor that does not read must not delay it."""
        threading.Thread(target=self.send, args=("leaving",), name="fanlight-leaving", daemon=True).start()

    def received(self) -> list[tuple[Message, list[int]]]:
        """Return the messages received, each with its descriptors. At the end `is_open` turns False.

        The supervisor's end does not wait; a worker's end waits for a message.
        """
        try:
            data, descriptors, _, _ = socket.recv_fds(self._sock, _PIECE, MAX_DESCRIPTORS, _CLOSE_ON_EXEC)
        except BlockingIOError:
            return []
        except OSError:
            data, descriptors = b"", []
        for each in descriptors:
            os.set_inheritable(each, False)  # where the system has no flag: keep them from programs that views start
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
        """Close the channel."""
        self.is_open = False
        for each in self._descriptors:
            with contextlib.suppress(OSError):
                os.close(each)
        self._sock.close()
