"""The debug page: what a browser, a program and the terminal show of an exception that nothing has caught."""
