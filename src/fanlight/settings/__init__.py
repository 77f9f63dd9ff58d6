"""The settings of a server: type, bounds and help text of each, and where its value comes from."""
