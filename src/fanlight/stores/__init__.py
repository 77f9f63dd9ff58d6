"""Small values under keys, shared by all processes of a site: sessions, counts and sign-outs.

Reading order: `store.py` (what every store does), `rate.py` (how calls are counted), `memory_store.py`,
`sqlite_store.py` with its connections and its file, `redis_store.py`, `guarded_store.py` (what happens when a store is
gone), `open_store.py`.
"""
