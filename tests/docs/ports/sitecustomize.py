"""Have a program listen on a port that the system chooses, where it asks for a fixed one.

Python runs this file before a program of the documents when this folder is on PYTHONPATH. The
program stays as it is printed. Each socket that listens is told to DOCS_PORTS_FD as
"wanted chosen", or as "unix path", so that whoever started the program knows when and where.
"""

import os
import socket

_TELL = int(os.environ["DOCS_PORTS_FD"])
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
    """Listen, and tell where."""
    _listen(self, *backlog)
    name = self.getsockname()
    told = f"{_wanted.get(name[1], name[1])} {name[1]}" if isinstance(name, tuple) else f"unix {name}"
    if not told.endswith(f"/{os.getpid()}.sock"):  # what `fanlight status` asks is there before the site is
        os.write(_TELL, f"{told}\n".encode())


socket.socket.bind = bind  # type: ignore[assignment, method-assign]  # what a test needs of it, no more
socket.socket.listen = listen  # type: ignore[assignment, method-assign]  # as above
