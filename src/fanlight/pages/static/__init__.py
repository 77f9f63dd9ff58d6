"""Static files: a folder whose files are served as they are."""
