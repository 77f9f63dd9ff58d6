"""The stored passwords of other frameworks, so that the accounts of a site that moves here can sign in.

    scrypt:32768:8:1$salt$hex              pbkdf2:sha256:1000000$salt$hex       Werkzeug, so Flask
    pbkdf2_sha256$1000000$salt$base64      scrypt$16384$salt$8$5$base64         Django, and pbkdf2_sha1
    argon2$argon2id$v=19$m=...             bcrypt_sha256$$2b$12$...             Django, and bcrypt$$2b$12$...
    $2b$12$...                             bcrypt itself, as passlib and Flask-Bcrypt write it

In: such a text, or one of our own. Out: its parts. Refuses everything else, and what would take too long, as
`stored_hash` does. Nothing is written in these forms, and `needs_rehash` is true for all of them.
"""

from __future__ import annotations

import base64
import re

from msgspec import Struct

from fanlight.passwords.stored_hash import (
    MOST_MEMORY_BYTES,
    MOST_PASSES,
    Parameters,
    Scrypt,
    StoredHash,
    UnreadableHash,
    read_stored,
    too_costly,
    unknown,
)

# Four times what Django 6.0 and Werkzeug 3.1 make, and eight times Django's bcrypt: each is two seconds.
MOST_ITERATIONS = 5_000_000
MOST_COST = 15


class Pbkdf2(Struct, frozen=True, kw_only=True):
    """The parameters of PBKDF2 (RFC 8018 section 5.2)."""

    hash_name: str
    iterations: int


class Bcrypt(Struct, frozen=True, kw_only=True):
    """The parameters of bcrypt: 2 to the power of `cost` rounds."""

    cost: int
    is_prehashed: bool  # by SHA-256, in hexadecimal digits, as bcrypt reads no more than 72 bytes


class ForeignHash(Struct, frozen=True, kw_only=True):
    """What another framework has stored for one password."""

    parameters: Parameters | Pbkdf2 | Bcrypt
    salt: bytes
    digest: bytes

    def __repr__(self) -> str:
        return f"<hash of a password: {self.parameters}>"  # a log or a debug page gets no digest


def read_hash(text: str) -> StoredHash | ForeignHash:
    """Return the parts of a stored text, of our own or of another framework. Raises UnreadableHash."""
    if text.startswith(_DJANGO_ARGON2):
        inner = read_stored(text.removeprefix(_DJANGO_ARGON2[:-1]))
        return ForeignHash(parameters=inner.parameters, salt=inner.salt, digest=inner.digest)
    for pattern, read in _FORMS:
        if found := pattern.fullmatch(text):
            return read(found)
    return read_stored(text)


def _scrypt(found: re.Match[str]) -> ForeignHash:
    n, r, p = (int(found[name]) for name in ("n", "r", "p"))
    parameters = Scrypt(log2_n=n.bit_length() - 1, r=r, p=p)
    if n != 1 << parameters.log2_n or n == 1:
        raise UnreadableHash(unknown(found[0]))
    # SECURITY: tests/passwords/test_foreign_hashes.py: as for our own, a row of the database can't stop the site
    if parameters.memory_bytes > MOST_MEMORY_BYTES or p > MOST_PASSES:
        raise UnreadableHash(too_costly("scrypt"))
    return ForeignHash(parameters=parameters, salt=found["salt"].encode(), digest=_digest(found))


def _pbkdf2(found: re.Match[str]) -> ForeignHash:
    parameters = Pbkdf2(hash_name=found["name"], iterations=int(found["iterations"]))
    if parameters.iterations > MOST_ITERATIONS:
        message = f"a stored password can't be read: more than {MOST_ITERATIONS:,} iterations of PBKDF2 take too long"
        raise UnreadableHash(message)
    return ForeignHash(parameters=parameters, salt=found["salt"].encode(), digest=_digest(found))


def _bcrypt(found: re.Match[str]) -> ForeignHash:
    parameters = Bcrypt(cost=int(found["cost"]), is_prehashed=found["framework"] == "bcrypt_sha256$")
    if parameters.cost > MOST_COST:
        raise UnreadableHash(f"a stored password can't be read: a cost of bcrypt over {MOST_COST} takes too long")
    return ForeignHash(parameters=parameters, salt=found["salt"].encode(), digest=found["digest"].encode())


def _digest(found: re.Match[str]) -> bytes:
    if found.groupdict().get("hex"):
        return bytes.fromhex(found["hex"])
    try:
        return base64.b64decode(found["base64"], validate=True)
    except ValueError:
        raise UnreadableHash("a stored password can't be read: its digest is cut off") from None


_NUMBER = "[1-9][0-9]{0,6}"
_N, _R, _P, _ITERATIONS = (f"(?P<{name}>{_NUMBER})" for name in ("n", "r", "p", "iterations"))
_SALT = r"\$(?P<salt>[!-#%-~]{1,64})"  # printable ASCII without "$"; it is not decoded: its characters are the salt
_HEX, _BASE64 = r"\$(?P<hex>(?:[0-9a-f]{2}){16,64})", r"\$(?P<base64>[A-Za-z0-9+/]{22,86}={0,2})"
_DJANGO_ARGON2 = "argon2$"
_FORMS = [
    (re.compile(rf"scrypt:{_N}:{_R}:{_P}{_SALT}{_HEX}"), _scrypt),
    (re.compile(rf"scrypt\${_N}{_SALT}\${_R}\${_P}{_BASE64}"), _scrypt),
    (re.compile(rf"pbkdf2:(?P<name>sha1|sha256|sha512):{_ITERATIONS}{_SALT}{_HEX}"), _pbkdf2),
    (re.compile(rf"pbkdf2_(?P<name>sha1|sha256)\${_ITERATIONS}{_SALT}{_BASE64}"), _pbkdf2),
    (
        re.compile(  # 22 characters of a salt have four bits too many, which the package refuses if they are not 0
            r"(?P<framework>|bcrypt\$|bcrypt_sha256\$)"
            r"(?P<salt>\$2[aby]\$(?P<cost>0[4-9]|[1-3][0-9])\$[./A-Za-z0-9]{21}[.Oeu])(?P<digest>[./A-Za-z0-9]{31})"
        ),
        _bcrypt,
    ),
]
