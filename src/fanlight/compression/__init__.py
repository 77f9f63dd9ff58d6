"""Content encodings: which responses are compressed, by which coding, and how."""
