"""The PROXY protocol: what a proxy sends about its client before the first request."""
