"""Hash passwords for storage, and verify them at sign-in.

In: a password as it was typed, and the text that is stored for the account, or None where there is no such account.
Out: the text to store, or whether the password is the right one. Each call computes on purpose for about a quarter of
a second with scrypt, a twentieth with Argon2id, in threads of its own (`hashing_threads`); so it is refused with
AppError on an event loop, which would serve nothing else meanwhile.

`verify_password` takes as long for an account that does not exist, or whose stored text is damaged, as for one that
does: the time reveals no names.

Passwords are text: composed and decomposed letters are the same (NFC, as NIST SP 800-63B-4 section 3.1.1.2 and RFC 8265
section 4.2 want it), and nothing else is changed, cut or trimmed. At most 1,024 code points, at least one: which
passwords are too weak is up to the site. Those of other frameworks are hashed as they hash them: as they were typed.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import unicodedata
from functools import partial

from fanlight.errors import AppError, UnprocessableContent
from fanlight.passwords.foreign_hashes import ForeignHash, read_hash
from fanlight.passwords.hashing_threads import HASHING
from fanlight.passwords.key_derivation import DIGEST_BYTES, SALT_BYTES, check_available, current_parameters, derive
from fanlight.passwords.stored_hash import StoredHash, UnreadableHash

MOST_CHARACTERS = 1024

_UNUSABLE = "!"  # at the beginning: an account of Django that has no password

log = logging.getLogger("fanlight.passwords")

# What is computed for an account that does not exist: a digest that nothing has.
_NOBODY_SALT, _NOBODY_DIGEST = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(DIGEST_BYTES)


def hash_password(password: str) -> str:
    """Return the text to store for a password: a new one each time, of at most 200 ASCII characters.

    Raises UnprocessableContent (422) for a password that is empty or has more than 1,024 characters,
    ServiceUnavailable (503) while too many others are computed, AppError on an event loop.
    """
    _check_thread("hash_password", "password")
    encoded = _encode(password)
    if encoded is None:
        problem = f"has more than {MOST_CHARACTERS:,} characters" if password else "is empty"
        raise UnprocessableContent(f"The password {problem}.")
    parameters, salt = current_parameters(), secrets.token_bytes(SALT_BYTES)
    digest = HASHING.run(partial(derive, parameters, salt, encoded, DIGEST_BYTES))
    return StoredHash(parameters=parameters, salt=salt, digest=digest).text()


def verify_password(password: str, stored: str | None) -> bool:
    """Return whether a password is the one whose hash is stored; `stored` is None if there is no such account.

    Takes as long in either case. False also for an account without a password ("", or Django's "!..."), for a password
    that `hash_password` refuses, and for a stored text that can't be read, which is logged as an error. Read are also
    the hashes of Werkzeug, Django and bcrypt, which take the time that they took there.

    Raises ServiceUnavailable (503) while too many others are computed, ServerError if the package for Argon2id or
    bcrypt is missing, AppError on an event loop.
    """
    _check_thread("verify_password", "password, stored")
    encoded = _encode(password)
    if encoded is None:
        return False  # whatever is stored, so it reveals nothing of that
    known, problem = _read(stored)
    wanted = known or StoredHash(parameters=current_parameters(), salt=_NOBODY_SALT, digest=_NOBODY_DIGEST)
    check_available(wanted.parameters)
    if isinstance(known, ForeignHash):
        encoded = password.encode("utf-8", "surrogatepass")
    # SECURITY: tests/passwords/test_equal_time.py: the same work whether there is an account or not
    digest = HASHING.run(partial(derive, wanted.parameters, wanted.salt, encoded, len(wanted.digest)))
    is_right = hmac.compare_digest(digest, wanted.digest) and known is not None
    if problem:
        log.error("%s; no one can sign in with it", problem)
    return is_right


def needs_rehash(stored: str) -> bool:
    """Return whether a stored text was made in another way than `hash_password` makes them today.

    Ask after `verify_password` has returned True, and store the result of `hash_password` then: so parameters grow
    with the years, and a site changes to Argon2id, or comes from another framework, without its users noticing. Raises
    UnreadableHash, a ValueError.
    """
    known = read_hash(stored)
    return isinstance(known, ForeignHash) or known.parameters != current_parameters()


def _read(stored: str | None) -> tuple[StoredHash | ForeignHash | None, str]:
    """Return the parts of what is stored, or None and what is wrong with it."""
    if stored is not None and not isinstance(stored, str):
        raise TypeError(
            f"the stored hash is {type(stored).__name__}; give the text that hash_password returned, or None"
        )
    if not stored or stored.startswith(_UNUSABLE):
        return None, ""
    try:
        return read_hash(stored), ""
    except UnreadableHash as error:
        return None, str(error)


def _encode(password: str) -> bytes | None:
    """Return the bytes to hash, or None if the password is empty or too long."""
    if not isinstance(password, str):
        raise TypeError(f"the password is {type(password).__name__}; it must be text")
    if not 0 < len(password) <= MOST_CHARACTERS:
        return None
    # A surrogate without its partner can be sent in JSON; it is hashed as it is.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _check_thread(name: str, arguments: str) -> None:
    """Raise AppError if an event loop runs in this thread, where nothing may compute for so long."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise AppError(
        f"{name} computes for up to a quarter of a second, in which the event loop would serve nothing else: write "
        f"`await asyncio.to_thread({name}, {arguments})`, or make the view a plain `def`, which may call it as it is"
    )
