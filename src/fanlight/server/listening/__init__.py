"""Listening sockets, and what each accepts."""
