"""`fanlight check --deploy`: checks of a configuration and of the machine before a deployment."""
