"""Bytes to messages and back, one package a protocol. No sockets, clocks or threads."""
