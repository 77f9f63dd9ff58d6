"""Sockets, clocks, threads and processes."""
