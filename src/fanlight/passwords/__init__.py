"""Passwords: hashed for storage, and verified at sign-in.

Reading order: `passwords.py`, `stored_hash.py`, `foreign_hashes.py`, `key_derivation.py`, `hashing_threads.py`.
"""
