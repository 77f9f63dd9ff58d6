"""Errors that teach: what a request's error means for the author of the site, and what to write."""
