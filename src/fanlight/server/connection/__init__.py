"""One client connection: reading requests, sending responses, timeouts."""
