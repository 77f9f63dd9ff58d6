"""The room with the sockets, the clock, the threads and the processes."""

from fanlight.server.hub import Hub
from fanlight.server.lanes import Monitor, Tenure
from fanlight.server.limits import Limits
from fanlight.server.options import Options
from fanlight.server.poller import EpollPoller, SelectorPoller, best_poller
from fanlight.server.server import Server

__all__ = [
    "EpollPoller",
    "Hub",
    "Limits",
    "Monitor",
    "Options",
    "SelectorPoller",
    "Server",
    "Tenure",
    "best_poller",
]
