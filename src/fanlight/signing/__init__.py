"""Signed texts, and the secrets that they are signed with: where those come from, and which are too weak."""
