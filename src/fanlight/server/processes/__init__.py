"""The floor of the processes: the parent, its workers, what they say to each other and to the system."""
