"""Every setting of a server: its type, bounds and help text, and where its value comes from."""
