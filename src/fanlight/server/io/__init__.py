"""The operating system: polling, wake-up calls, threads, signals, forks."""
