"""Fanlight: a small web framework that carries its own HTTP server."""
