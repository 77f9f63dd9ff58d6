"""The room with the sockets, the clock, the threads and the processes."""

from fanlight.server.address import is_local, kind_of
from fanlight.server.hub import Hub
from fanlight.server.limits import Limits
from fanlight.server.machine import Machine, Place, TlsFiles
from fanlight.server.options import Options
from fanlight.server.poller import EpollPoller, SelectorPoller, best_poller
from fanlight.server.processes.first_process import serve_in_child
from fanlight.server.server import Server
from fanlight.server.setting import words_of
from fanlight.server.sources import (
    ADDRESS_PARTS,
    SETTINGS,
    flag_of,
    from_arguments,
    from_environment,
    from_flags,
    options_from,
    variable_of,
)
from fanlight.server.stall_monitor import Monitor, Tenure
from fanlight.server.start import serve
from fanlight.server.units import written
from fanlight.server.watch.runtime_folder import control_path, running
from fanlight.server.watch.sink import is_writable

__all__ = [
    "ADDRESS_PARTS",
    "SETTINGS",
    "EpollPoller",
    "Hub",
    "Limits",
    "Machine",
    "Monitor",
    "Options",
    "Place",
    "SelectorPoller",
    "Server",
    "Tenure",
    "TlsFiles",
    "best_poller",
    "control_path",
    "flag_of",
    "from_arguments",
    "from_environment",
    "from_flags",
    "is_local",
    "is_writable",
    "kind_of",
    "options_from",
    "running",
    "serve",
    "serve_in_child",
    "variable_of",
    "words_of",
    "written",
]
