"""Routing: from a method and a path to a route of `URLS`, and from a view back to its URL."""
