"""The floor from which the server is watched: logs, counts, what it does just now, and who may ask."""
