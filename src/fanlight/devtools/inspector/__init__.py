"""The inspector: what is recorded of each exchange, the pages that show it, and its replay."""
