"""Tracebacks for people who write sites: the site's own frames in full, those of libraries folded to one line."""
