"""What an account of this system may do with a file: for a check that runs as another user than the site will.

In: a user name, a path. Out: whether it may be read, written or entered. Nothing is tried: the permissions are read.
"""

from __future__ import annotations

import os
from pathlib import Path

Account = tuple[int, frozenset[int]]  # user and groups


def current_account() -> Account:
    """Return the account that this process runs as."""
    if not hasattr(os, "geteuid"):
        return 1000, frozenset()
    return os.geteuid(), frozenset((os.getegid(), *os.getgroups()))


def account_of(user: str) -> Account:
    """Return the account of a user name; the current one if it is unknown, which is reported elsewhere."""
    try:
        import pwd  # not on Windows

        entry = pwd.getpwnam(user.partition(":")[0])
    except (ImportError, KeyError):
        return current_account()
    return entry.pw_uid, frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))


def may_write(path: Path, account: Account) -> bool:
    """Return whether an account may write a file, or create it."""
    if path.exists():
        return not path.is_dir() and may(path, 0o2, account)
    return path.parent.is_dir() and may(path.parent, 0o3, account)


def may(path: Path, wanted: int, account: Account) -> bool:
    """Return whether an account has the permissions `wanted` (of 0o7) for a file, and can reach it."""
    if account[0] == 0:
        return os.access(path, os.W_OK if wanted & 0o2 else os.F_OK)  # root: only a read-only file system denies it
    return has_bits(path, wanted, account) and all(has_bits(each, 0o1, account) for each in path.resolve().parents)


def has_bits(path: Path, wanted: int, account: Account) -> bool:
    """Return whether the mode of a file permits `wanted` (of 0o7) to an account."""
    user, groups = account
    try:
        found = path.stat()
    except OSError:
        return False
    shift = 6 if found.st_uid == user else 3 if found.st_gid in groups else 0
    return (found.st_mode >> shift) & wanted == wanted
