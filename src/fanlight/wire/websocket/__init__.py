"""WebSocket, the server side: bytes in, messages out; messages in, frames out (RFC 6455, RFC 7692)."""
