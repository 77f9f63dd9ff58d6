"""Requests and responses on a connection: reading, dispatching, sending, streams, timeouts."""
