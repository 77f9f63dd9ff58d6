"""Let a program that binds a fixed port listen on one that the system chooses.

Python runs this file before a program of the documents when this folder is on PYTHONPATH. The
program stays as printed. Each listening socket is reported to DOCS_PORTS_FD as
"wanted chosen", or as "unix path", so that the test can wait for it.
"""

import os
import socket

_LISTENING_FD = int(os.environ["DOCS_PORTS_FD"])
_bind, _listen = socket.socket.bind, socket.socket.listen
_chosen: dict[int, int] = {}
_wanted: dict[int, int] = {}


def bind(self: socket.socket, address: tuple[str, int] | str, /) -> None:
    """Bind, to any free port instead of a fixed one; the same for each address of a name."""
    if not isinstance(address, tuple) or not address[1]:
        _bind(self, address)
        return
    wanted = address[1]
    _bind(self, (address[0], _chosen.get(wanted, 0), *address[2:]))
    _chosen[wanted] = self.getsockname()[1]
    _wanted[_chosen[wanted]] = wanted


def listen(self: socket.socket, *backlog: int) -> None:
    """Listen, and report the port."""
    _listen(self, *backlog)
    name = self.getsockname()
    report = f"{_wanted.get(name[1], name[1])} {name[1]}" if isinstance(name, tuple) else f"unix {name}"
    if not report.endswith(f"/{os.getpid()}.sock"):  # the control socket listens before the site does
        os.write(_LISTENING_FD, f"{report}\n".encode())


socket.socket.bind = bind  # type: ignore[assignment, method-assign]  # what a test needs of it, no more
socket.socket.listen = listen  # type: ignore[assignment, method-assign]  # as above
