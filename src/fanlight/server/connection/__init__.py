"""One client connection: its socket, its phase, and what it holds."""
