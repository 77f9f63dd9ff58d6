"""HTTP/1.1 and HTTP/1.0, the server side: bytes in, events out; responses in, bytes out (RFC 9112)."""
