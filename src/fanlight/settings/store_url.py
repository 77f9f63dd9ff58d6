"""The URL of a store: where sessions, counts and sign-outs are kept.

In: "sqlite:PATH", "memory:", "redis://host:port/0", "rediss://...", "unix:/run/redis.sock?db=0". Out: its parts, and a
text without secrets for messages. Refuses anything else, as InvalidSetting. Opens nothing and resolves no names.

A URL may contain a password, so no message and no repr has the URL.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import SplitResult, parse_qsl, urlsplit

from msgspec import Struct

from fanlight.errors import InvalidSetting
from fanlight.lazy_pattern import lazy_pattern
from fanlight.settings.addresses import MAX_PORT
from fanlight.settings.start_directory import absolute

MEMORY, SQLITE, UNIX = "memory:", "sqlite:", "unix:"
REDIS_SCHEMES = ("redis://", "rediss://", f"{UNIX}//")
REDIS_PORT = 6379
# The options of the client that a URL may have; its timeouts and retries are ours.
_OPTIONS = frozenset({"db", "username", "password", "client_name"})
# Those for TLS, which the client ignores or fails at with any other scheme.
_TLS_OPTIONS = frozenset(
    f"ssl_{each}"
    for each in ("ca_certs", "ca_path", "ca_data", "certfile", "keyfile", "password", "ciphers", "cert_reqs")
) | {"ssl_check_hostname"}
_VALUES = {
    "ssl_cert_reqs": frozenset({"required", "optional", "none"}),
    "ssl_check_hostname": frozenset({"true", "false"}),
}
_UNCHECKED = {"ssl_cert_reqs": "none", "ssl_check_hostname": "false"}
_NUMBER = lazy_pattern(r"[0-9]{1,5}")
_BUS_FORMS = "write redis://HOST:PORT/0, rediss://... or unix:/run/redis.sock"
_FORMS = "write sqlite:PATH, redis://HOST:PORT/0, rediss://..., unix:/run/redis.sock or memory:"


class StoreURL(Struct, frozen=True):
    """A URL that was read: `text` is the path of a SQLite file, or the URL for the Redis client."""

    kind: Literal["memory", "sqlite", "redis"]
    text: str
    shown: str  # for messages: without user, password and options
    unchecked: tuple[str, ...] = ()  # options by which the certificate of the server is checked less, or not at all

    def __repr__(self) -> str:
        return f"StoreURL({self.shown!r})"


def read_store_url(url: str) -> StoreURL:
    """Return the parts of a URL. Raises InvalidSetting, with a message that does not have the URL."""
    # SECURITY: tests/settings/test_store_url.py: no message has a part of the URL that may be a password
    if any(each.isspace() or not each.isprintable() for each in url if not url.startswith(SQLITE)) or "\0" in url:
        raise InvalidSetting(f"the URL of the store has a blank or a control character in it; {_FORMS}")
    if url == MEMORY:
        return StoreURL("memory", "", MEMORY)
    if url.startswith(SQLITE):
        return _sqlite(url.removeprefix(SQLITE))
    if url.startswith(UNIX) and not url.startswith(f"{UNIX}//"):
        url = f"{UNIX}//{url.removeprefix(UNIX)}"
    return _redis(url)


def read_bus_url(url: str) -> StoreURL:
    """Return the parts of the URL of a bus, which is a Redis. Raises InvalidSetting, as above."""
    if url == MEMORY or url.startswith(SQLITE):
        raise InvalidSetting(f"the bus is a Redis or a Valkey; {_BUS_FORMS}")
    try:
        return read_store_url(url)
    except InvalidSetting as error:
        raise InvalidSetting(str(error).replace("the store", "the bus").replace(_FORMS, _BUS_FORMS)) from None


def with_absolute_path(url: str) -> str:
    """Return a URL with the path of a SQLite file made absolute: loading a site changes the current folder."""
    if not url.startswith(SQLITE) or url == SQLITE or url.startswith((f"{SQLITE}//", f"{SQLITE}:")):
        return url
    return f"{SQLITE}{absolute(url.removeprefix(SQLITE))}"


def _sqlite(path: str) -> StoreURL:
    if path.startswith(":"):
        raise InvalidSetting("a store in memory is written memory:, without sqlite:")
    if not path or path.startswith("//") or path.endswith("/"):
        raise InvalidSetting(
            "a SQLite store needs the path of its file: sqlite:site.sqlite, sqlite:/var/lib/site/store.sqlite"
        )
    return StoreURL("sqlite", path, f"{SQLITE}{path}")


def _redis(url: str) -> StoreURL:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its message has the text that is no port, which may be the rest of a password
        raise InvalidSetting(
            "the URL of the store can't be read: its port must be a number, and in a password %40 stands for @,"
            f" %2F for /, %3F for ?, %23 for #; {_FORMS}"
        ) from None
    if not url.startswith(REDIS_SCHEMES):
        raise InvalidSetting(f"the URL of the store has no scheme that is known; {_FORMS}")
    if parts.fragment:
        raise InvalidSetting("the URL of the store has a # in it; write %23 for one in a password")
    _check_options(parts)
    if parts.scheme == "unix":
        if not parts.path or parts.hostname:
            raise InvalidSetting("a unix socket of Redis needs an absolute path: unix:/run/redis/redis.sock")
        return StoreURL("redis", url, f"{UNIX}{parts.path}")
    database = parts.path.removeprefix("/")
    if database and not _NUMBER.fullmatch(database):
        raise InvalidSetting("the path of a Redis URL is the number of a database: redis://localhost:6379/0")
    if parts.netloc.endswith("@") or port == 0 or (port or 0) > MAX_PORT:
        raise InvalidSetting(f"the URL of the store has no host; {_FORMS}")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "localhost"
    unchecked = tuple(f"{name}={value}" for name, value in parse_qsl(parts.query) if _UNCHECKED.get(name) == value)
    return StoreURL("redis", url, f"{parts.scheme}://{host}:{port or REDIS_PORT}/{database or 0}", unchecked)


def _check_options(parts: SplitResult) -> None:
    """Refuse options that the client would ignore or fail at, or that would change what we rely on."""
    names = set()
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _OPTIONS | _TLS_OPTIONS:
            raise InvalidSetting(
                "the URL of the store has an option that is not supported; supported are"
                f" {', '.join(sorted(_OPTIONS))}, and with rediss:// {', '.join(sorted(_TLS_OPTIONS))}"
            )
        if name in _TLS_OPTIONS and parts.scheme != "rediss":
            raise InvalidSetting(
                f"the option {name} of the store's URL is for TLS: write rediss:// in the place of redis://"
            )
        if name in names or not value:
            raise InvalidSetting(f"the option {name} of the store's URL is {'repeated' if value else 'empty'}")
        names.add(name)
        if name == "db" and not _NUMBER.fullmatch(value):
            raise InvalidSetting("the option db of the store's URL takes the number of a database")
        if name in _VALUES and value not in _VALUES[name]:
            raise InvalidSetting(f"the option {name} of the store's URL is {' or '.join(sorted(_VALUES[name]))}")
