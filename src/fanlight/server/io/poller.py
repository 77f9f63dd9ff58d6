"""Which sockets are ready: one interface for epoll, kqueue and select.

A poller is nested in the event loop: `attach` has the loop call back once for a whole batch. Where the system's
selector is itself a file descriptor (epoll, kqueue), that is one reader on the loop. Where it is not (Windows), every
socket is a reader of the loop: the same hub behind the same interface. Knows nothing of connections.
"""

from __future__ import annotations

import select
import selectors
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from fanlight.server.io.forks import run_in_child

if TYPE_CHECKING:
    import asyncio

READ = 1
WRITE = 4  # the values of EPOLLIN and EPOLLOUT, so that epoll's events need no translation
HALF_CLOSED = getattr(select, "EPOLLRDHUP", 0)  # the client has closed its sending side; there may still be data
DISCONNECTED = getattr(select, "EPOLLHUP", 0) | getattr(select, "EPOLLERR", 0)  # always reported
SHARED = getattr(select, "EPOLLEXCLUSIVE", 0)  # with READ, for a listener: wakes one of the processes that wait for it


class Poller(Protocol):
    """What the hub needs of the system."""

    def register(self, fd: int, events: int, /) -> None:
        """Begin to watch a descriptor."""

    def modify(self, fd: int, events: int, /) -> None:
        """Watch it for something else."""

    def unregister(self, fd: int, /) -> None:
        """Watch it no longer."""

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Return what is ready as (descriptor, events); a timeout of 0 does not wait."""
        ...

    def attach(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        """Have the loop call back when something is ready; called in the loop's thread."""

    def stop_mirroring(self) -> None:
        """Make no change to the loop from now on: another thread polls, which must not touch the loop."""

    def detach(self) -> None:
        """End what `attach` began; called in the loop's thread."""

    def close(self) -> None:
        """Close it."""


class EpollPoller:
    """One epoll for Linux, nested in the loop's."""

    def __init__(self) -> None:
        """Open the epoll; its own methods serve as ours, so that a poll costs no call in between."""
        self._epoll = select.epoll()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.register = self._epoll.register
        self.modify = self._epoll.modify
        self.unregister = self._epoll.unregister
        self.poll = self._epoll.poll
        run_in_child(self, EpollPoller.close)  # a child's copy: what it unregistered would be gone for its parent too

    def attach(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        """Have the loop watch the epoll as one descriptor."""
        self._loop = loop
        loop.add_reader(self._epoll.fileno(), callback)

    def stop_mirroring(self) -> None:
        """Do nothing: the loop watches the epoll alone."""

    def detach(self) -> None:
        """Stop the loop from watching."""
        if self._loop is not None:
            self._loop.remove_reader(self._epoll.fileno())
            self._loop = None

    def close(self) -> None:
        """Close the epoll."""
        self._epoll.close()


class SelectorPoller:
    """A selector of the standard library, for any system; nested if it has a descriptor of its own."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        self._selector = selector or selectors.DefaultSelector()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._callback: Callable[[], None] = _nothing
        fileno = getattr(self._selector, "fileno", None)
        self._own_fd: int | None = fileno() if fileno else None
        self._mirrored: set[int] = set()  # what the loop watches for us, one descriptor at a time
        self._is_mirrored = False
        run_in_child(self, SelectorPoller.close)

    def register(self, fd: int, events: int) -> None:
        """Begin to watch a descriptor."""
        self._selector.register(fd, _to_selector(events))
        self._mirror(fd, events)

    def modify(self, fd: int, events: int) -> None:
        """Watch it for something else."""
        self._selector.modify(fd, _to_selector(events))
        self._mirror(fd, events)

    def unregister(self, fd: int) -> None:
        """Watch it no longer."""
        self._selector.unregister(fd)
        self._mirror(fd, 0)

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """Return what is ready."""
        if not self._selector.get_map():
            return []  # select() on Windows refuses to wait for nothing
        return [(key.fd, _from_selector(mask)) for key, mask in self._selector.select(timeout)]

    def attach(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        """Have the loop watch the selector, or each of its descriptors."""
        self._loop, self._callback = loop, callback
        if self._own_fd is not None:
            loop.add_reader(self._own_fd, callback)
            return
        self._is_mirrored = True
        for key in list(self._selector.get_map().values()):
            self._mirror(key.fd, _from_selector(key.events))

    def stop_mirroring(self) -> None:
        """Make no change to the loop from now on."""
        self._is_mirrored = False

    def detach(self) -> None:
        """Stop the loop from watching."""
        loop = self._loop
        if loop is None:
            return
        if self._own_fd is not None:
            loop.remove_reader(self._own_fd)
        for fd in self._mirrored:
            loop.remove_reader(fd)
            loop.remove_writer(fd)
        self._mirrored.clear()
        self._is_mirrored = False
        self._loop = None

    def close(self) -> None:
        """Close the selector."""
        self._selector.close()

    def _mirror(self, fd: int, events: int) -> None:
        """Have the loop watch it too, while the loop calls us and can't watch the selector itself."""
        loop = self._loop
        if loop is None or not self._is_mirrored:
            return
        self._mirrored.add(fd) if events else self._mirrored.discard(fd)
        for event, add, remove in (
            (READ, loop.add_reader, loop.remove_reader),
            (WRITE, loop.add_writer, loop.remove_writer),
        ):
            if events & event:
                add(fd, self._callback)
            else:
                remove(fd)


def best_poller() -> Poller:
    """Return the fastest poller that this system has."""
    return EpollPoller() if hasattr(select, "epoll") else SelectorPoller()


def _nothing() -> None:
    """Stand in for the callback before `attach`."""


def _to_selector(events: int) -> int:
    return (selectors.EVENT_READ if events & READ else 0) | (selectors.EVENT_WRITE if events & WRITE else 0)


def _from_selector(mask: int) -> int:
    return (READ if mask & selectors.EVENT_READ else 0) | (WRITE if mask & selectors.EVENT_WRITE else 0)
