"""Checks before a site goes live: `fanlight check --deploy`."""
