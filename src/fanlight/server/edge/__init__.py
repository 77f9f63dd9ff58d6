"""Between a client and us: TLS, proxies, and what each listening socket lets in."""
