"""Raw sockets in tests."""

from __future__ import annotations

import socket


def read_all(sock: socket.socket, *, or_reset: bool = False) -> bytes:
    """Return all that is received until the end of the connection, or until its reset if that may come."""
    received = bytearray()
    try:
        while piece := sock.recv(65536):
            received += piece
    except ConnectionError:
        if not or_reset:
            raise
    return bytes(received)


def received_next(sock: socket.socket) -> bytes:
    """Return what is received next, of a connection that must not have ended."""
    piece = sock.recv(65536)
    assert piece, "the connection has ended"
    return piece


def read_and_close(sock: socket.socket) -> bytes:
    """Return all that is received until the end of the connection, and close the socket."""
    with sock:
        return read_all(sock)
