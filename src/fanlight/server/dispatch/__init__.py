"""Where a call runs: on the event loop's thread, in the thread pool or as a task; and who owns the loop."""
