"""Logs, counters and trace spans."""
