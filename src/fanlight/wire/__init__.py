"""Bytes to messages and back, one folder a protocol. No sockets, no clock, no threads."""
