"""The supervisor process and its workers."""
