"""A site that can be served: loading the user's file, the App class, the start-up banner."""
