"""Compute the digest of a password: scrypt, or Argon2id where the package `argon2-cffi` is installed.

And, to verify what other frameworks have stored, PBKDF2, and bcrypt where the package `bcrypt` is installed.

In: parameters, a salt, a password as bytes. Out: the digest. Computes for as long as the parameters say, without
Python's interpreter lock. Refuses an algorithm without its package, with the name of what to install.

Both sets of parameters are OWASP's (Password Storage Cheat Sheet), each as strong as N=2^17, r=8, p=1 of scrypt. Of
scrypt's five it is the one with 16 MiB: the work is the same or less, and a server computes several at once.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fanlight.errors import ServerError
from fanlight.passwords.foreign_hashes import Bcrypt, Pbkdf2
from fanlight.passwords.stored_hash import Argon2id, Parameters, Scrypt

SCRYPT = Scrypt(log2_n=14, r=8, p=5)
ARGON2ID = Argon2id(memory_kib=19 * 1024, passes=2, lanes=1)
SALT_BYTES = 16  # NIST SP 800-132 asks for 16, RFC 9106 recommends 16
DIGEST_BYTES = 32
BCRYPT_BYTES = 72  # all that bcrypt reads of a password; its package refuses more
BCRYPT_DIGEST = 31  # characters at the end of its text


@cache
def has_argon2() -> bool:
    """Return whether the package `argon2-cffi` is installed."""
    return find_spec("argon2") is not None


@cache
def has_bcrypt() -> bool:
    """Return whether the package `bcrypt` is installed."""
    return find_spec("bcrypt") is not None


def current_parameters() -> Parameters:
    """Return the parameters of new hashes: Argon2id's where its package is installed, else scrypt's."""
    return ARGON2ID if has_argon2() else SCRYPT


def check_available(parameters: Parameters | Pbkdf2 | Bcrypt) -> None:
    """Raise ServerError if the package for an algorithm is missing."""
    if isinstance(parameters, Argon2id) and not has_argon2():
        raise ServerError(
            "a stored password was hashed with Argon2id, for which a package is missing here: "
            "pip install 'fanlight[argon2]' (the package argon2-cffi), on each machine that verifies passwords"
        )
    if isinstance(parameters, Bcrypt) and not has_bcrypt():
        raise ServerError(
            "a stored password was hashed with bcrypt, for which a package is missing here: "
            "pip install 'bcrypt>=4', on each machine that verifies passwords"
        )


def derive(parameters: Parameters | Pbkdf2 | Bcrypt, salt: bytes, password: bytes, length: int) -> bytes:
    """Return the digest of `length` bytes; takes as long, and as much memory, as the parameters say."""
    if isinstance(parameters, Scrypt):
        return hashlib.scrypt(
            password,
            salt=salt,
            n=1 << parameters.log2_n,
            r=parameters.r,
            p=parameters.p,
            maxmem=2 * parameters.memory_bytes,  # OpenSSL counts some more than that, and refuses what exceeds it
            dklen=length,
        )
    if isinstance(parameters, Pbkdf2):
        return hashlib.pbkdf2_hmac(parameters.hash_name, password, salt, parameters.iterations, length)
    if isinstance(parameters, Bcrypt):
        return _bcrypt_digest(password, salt, is_prehashed=parameters.is_prehashed)
    argon2: Any = import_module("argon2.low_level")
    digest: bytes = argon2.hash_secret_raw(
        password,
        salt,
        time_cost=parameters.passes,
        memory_cost=parameters.memory_kib,
        parallelism=parameters.lanes,
        hash_len=length,
        type=argon2.Type.ID,
        version=19,
    )
    return digest


def _bcrypt_digest(password: bytes, salt: bytes, *, is_prehashed: bool) -> bytes:
    bcrypt: Any = import_module("bcrypt")
    given = hashlib.sha256(password).hexdigest().encode() if is_prehashed else password[:BCRYPT_BYTES]
    text: bytes = bcrypt.hashpw(given, salt)
    return text[-BCRYPT_DIGEST:]
