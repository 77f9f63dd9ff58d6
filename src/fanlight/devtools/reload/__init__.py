"""Reload: the parent process of `fanlight dev`, its workers, and the script that refreshes pages."""
