"""TLS: certificates, the handshake, encrypted streams."""
