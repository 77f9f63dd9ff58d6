"""The command `fanlight`, which begins in `__main__.py`."""
