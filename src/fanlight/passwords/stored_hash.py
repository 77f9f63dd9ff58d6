"""The text that is stored for a password: the algorithm, its parameters, the salt and the digest.

    $scrypt$ln=14,r=8,p=5$c2FsdHNhbHRzYWx0c2FsdA$...       salt and digest in Base64 without padding
    $argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$...

In: such a text. Out: its parts, and the text again. That is the format of the Password Hashing Competition (the "PHC
string format"), as passlib, libsodium and the `argon2` command write it, so hashes can be taken from there and given
there. Refuses everything else with UnreadableHash, which says what the text seems to be and never repeats it, and
parameters that would take more memory or time than a server can spare: a row of the database must not stop the site.
Knows nothing of passwords, and computes nothing.
"""

from __future__ import annotations

import base64
import re

from msgspec import Struct

from fanlight.errors import AppError

MOST_MEMORY_BYTES = 129 * 1024 * 1024  # the largest of OWASP's sets of parameters takes 128 MiB and 1 KiB
MOST_PASSES = 16  # of scrypt's `p`, of Argon2's `t` and `p`


class Scrypt(Struct, frozen=True, kw_only=True):
    """The parameters of scrypt (RFC 7914 section 2): N is 2 to the power of `log2_n`."""

    log2_n: int
    r: int
    p: int

    @property
    def memory_bytes(self) -> int:
        """How much memory one computation takes; the passes of `p` take it one after the other."""
        return (128 * self.r << self.log2_n) + 128 * self.r * self.p


class Argon2id(Struct, frozen=True, kw_only=True):
    """The parameters of Argon2id, version 1.3 (RFC 9106 section 3.1)."""

    memory_kib: int
    passes: int
    lanes: int

    @property
    def memory_bytes(self) -> int:
        """How much memory one computation takes."""
        return self.memory_kib * 1024


Parameters = Scrypt | Argon2id


class StoredHash(Struct, frozen=True, kw_only=True):
    """What is stored for one password."""

    parameters: Parameters
    salt: bytes
    digest: bytes

    def __repr__(self) -> str:
        return f"<hash of a password: {self.parameters}>"  # a log or a debug page gets no digest

    def text(self) -> str:
        """Return the text to store, at most 200 characters."""
        match self.parameters:
            case Scrypt(log2_n=log2_n, r=r, p=p):
                head = f"$scrypt$ln={log2_n},r={r},p={p}"
            case Argon2id(memory_kib=memory, passes=passes, lanes=lanes):
                head = f"$argon2id$v=19$m={memory},t={passes},p={lanes}"
        return f"{head}${_encode(self.salt)}${_encode(self.digest)}"


class UnreadableHash(AppError, ValueError):
    """A stored text is no hash that Fanlight reads; the message says what it seems to be."""


_NUMBER = "([1-9][0-9]{0,6})"
# A salt of 8 to 64 bytes, and a digest of 16 to 64.
_ENDING = r"\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})"
_scrypt = re.compile(rf"\$scrypt\$ln={_NUMBER},r={_NUMBER},p={_NUMBER}{_ENDING}").fullmatch
_argon2id = re.compile(rf"\$argon2id\$v=19\$m={_NUMBER},t={_NUMBER},p={_NUMBER}{_ENDING}").fullmatch

# What a text is that is none of the two, by its beginning.
_FOREIGN = (
    (r"\$2[abxy]?\$", "bcrypt, but damaged, or an old variant of it"),
    (r"\$argon2(?:i|d)\$", "another variant of Argon2 than argon2id"),
    (r"\$argon2id\$", "Argon2id of another version than 19, or damaged"),
    (r"\$scrypt\$", "scrypt, but damaged or cut off"),
    (r"\$(?:1|5|6|7|y|gy|apr1|md5|sha1)\$", "a hash of crypt(3)"),
    (r"\$pbkdf2", "PBKDF2, as passlib writes it"),
    (
        r"(?:pbkdf2_sha|bcrypt|scrypt\$|argon2\$|md5\$|sha1\$|!)",
        "a hash of Django, but damaged, or of a kind that is not read",
    ),
    (r"(?:pbkdf2:|scrypt:)", "a hash of Werkzeug, so of Flask, but damaged, or of a kind that is not read"),
    (r"\{[A-Za-z0-9-]{2,20}\}", "a hash of LDAP"),
    (r"(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})\Z", "a plain digest, like MD5 or SHA-256"),
)


def read_stored(text: str) -> StoredHash:
    """Return the parts of a stored text. Raises UnreadableHash."""
    parameters: Parameters
    if found := _scrypt(text):
        log2_n, r, p = (int(each) for each in found.groups()[:3])
        if log2_n > 30:  # before it is an exponent
            raise UnreadableHash(too_costly("scrypt"))
        parameters = Scrypt(log2_n=log2_n, r=r, p=p)
        is_valid = p <= MOST_PASSES
    elif found := _argon2id(text):
        memory, passes, lanes = (int(each) for each in found.groups()[:3])
        parameters = Argon2id(memory_kib=memory, passes=passes, lanes=lanes)
        is_valid = passes <= MOST_PASSES and lanes <= MOST_PASSES and memory >= 8 * lanes
    else:
        raise UnreadableHash(unknown(text))
    # SECURITY: tests/passwords/test_stored_hash.py: a row of the database can't make a sign-in take all memory
    if not is_valid or parameters.memory_bytes > MOST_MEMORY_BYTES:
        raise UnreadableHash(too_costly(found[0][1 : found[0].index("$", 1)]))
    salt, digest = (_decode(each) for each in found.groups()[3:])
    return StoredHash(parameters=parameters, salt=salt, digest=digest)


def unknown(text: str) -> str:
    """Return the message for a text that is not read: what it is by its beginning."""
    kind = next((kind for pattern, kind in _FOREIGN if re.match(pattern, text)), "no hash at all")
    return (
        f"a stored password can't be read: by its beginning it is {kind}; hash_password writes scrypt or argon2id "
        "($scrypt$... or $argon2id$...)"
    )


def too_costly(name: str) -> str:
    """Return the message for parameters beyond the bounds."""
    return (
        f"a stored password can't be read: its {name} parameters would take more than "
        f"{MOST_MEMORY_BYTES // 1024**2} MiB, or more than {MOST_PASSES} passes"
    )


def _encode(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except ValueError:  # its length is one more than a multiple of four
        raise UnreadableHash("a stored password can't be read: its salt or its digest is cut off") from None
