"""Routing: the URLS table, and from a method and a path to a route. Knows nothing of sockets or views."""
