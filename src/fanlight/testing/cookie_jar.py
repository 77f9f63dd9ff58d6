"""The cookies of a test client, kept and sent as a browser does it (RFC 6265bis sections 5.6 to 5.8).

In: Set-Cookie fields, the URL that they came from, and the time. Out: the Cookie field of the next request. Drops
without a word what a browser drops: a foreign domain, `Secure` by http, a prefix that is not kept, what is too long.
Knows no public suffixes but names without a dot, and nothing of cross-site requests: every request is the site's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from urllib.parse import SplitResult

MAX_BYTES = 4096  # of a name and its value
MAX_ATTRIBUTE_BYTES = 1024
MAX_SECONDS = 400 * 24 * 3600
BLANKS = " \t"
NEVER = float("inf")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DELIMITERS = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?!\d)", re.ASCII)
_DAY = re.compile(r"(\d{1,2})(?!\d)", re.ASCII)
_YEAR = re.compile(r"(\d{2,4})(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A cookie that is kept: what it holds, where it is sent, and until when."""

    name: str
    value: str
    domain: str
    is_host_only: bool = True
    path: str = "/"
    secure: bool = False
    http_only: bool = False
    same_site: str = ""
    partitioned: bool = False
    expires: float = NEVER  # seconds since 1970

    @property
    def _key(self) -> tuple[str, str, bool, str]:
        return self.name, self.domain, self.is_host_only, self.path

    def is_sent_to(self, url: SplitResult) -> bool:
        """Say whether a request to this URL carries it."""
        host = host_of(url)
        is_there = host == self.domain if self.is_host_only else domain_matches(host, self.domain)
        return is_there and path_matches(url.path, self.path) and (not self.secure or url.scheme == "https")


class Cookies(MutableMapping[str, str]):
    """The cookies that a client keeps: a mapping from names to values; `kept` has all that is known of them.

    `cookies["a"] = "b"` sets one for the whole of the client's own host. Where several have one name, the mapping has
    the one with the longest path, and to delete the name forgets all of them.
    """

    def __init__(self, host: str) -> None:
        """Begin without cookies; `host` is where those are sent that a test sets by itself."""
        self._host = host
        self._kept: dict[tuple[str, str, bool, str], Cookie] = {}  # in the order in which they were first set

    @property
    def kept(self) -> tuple[Cookie, ...]:
        """All that is kept, longest path first, then as first set: the order in which they are sent."""
        return tuple(sorted(self._kept.values(), key=lambda cookie: -len(cookie.path)))

    def keep(self, lines: Iterable[str], url: SplitResult, now: float) -> None:
        """Take the values of Set-Cookie fields that came from a URL."""
        for line in lines:
            cookie = read_set_cookie(line, url, now)
            if cookie is None or self._would_replace_a_secure_one(cookie, url):
                continue
            self._kept[cookie._key] = cookie  # noqa: SLF001 - of this file
        self.forget_expired(now)

    def forget_expired(self, now: float) -> None:
        """Drop what has had its time."""
        self._kept = {key: cookie for key, cookie in self._kept.items() if cookie.expires > now}

    def field(self, url: SplitResult, now: float) -> str:
        """Return the Cookie field of a request to a URL, "" for none."""
        self.forget_expired(now)
        sent = (cookie for cookie in self.kept if cookie.is_sent_to(url))
        return "; ".join(f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in sent)

    def _would_replace_a_secure_one(self, new: Cookie, url: SplitResult) -> bool:
        """Say whether http tries to lay its own over a cookie of https (section 5.7, "leave secure cookies alone")."""
        if new.secure or url.scheme == "https":
            return False
        return any(
            old.secure
            and old.name == new.name
            and (domain_matches(old.domain, new.domain) or domain_matches(new.domain, old.domain))
            and path_matches(new.path, old.path)
            for old in self._kept.values()
        )

    # --- as a mapping -----------------------------------------------------------------------------

    def __getitem__(self, name: str) -> str:
        for cookie in self.kept:
            if cookie.name == name:
                return _shown(cookie.value)
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        if not name or _CONTROLS.search(name + value) or ";" in name + value:
            raise ValueError(
                f"a cookie can't be {name!r} with {value!r}: it is a text without semicolons and line ends"
            )
        name, value = (text.encode().decode("latin-1") for text in (name, value))
        cookie = Cookie(name=name, value=value, domain=self._host)
        self._kept[cookie._key] = cookie  # noqa: SLF001 - of this file

    def __delitem__(self, name: str) -> None:
        self[name]
        self._kept = {key: cookie for key, cookie in self._kept.items() if cookie.name != name}

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(cookie.name for cookie in self._kept.values()))

    def __len__(self) -> int:
        return len({cookie.name for cookie in self._kept.values()})

    def __repr__(self) -> str:
        return repr(dict(self))


def read_set_cookie(line: str, url: SplitResult, now: float) -> Cookie | None:
    """Return the cookie of a Set-Cookie field, None for one that a browser ignores (sections 5.6 and 5.7)."""
    pair, *attributes = line.split(";")
    name, equals, value = (text.strip(BLANKS) for text in pair.partition("="))
    if not equals:
        name, value = "", name
    if _CONTROLS.search(line) or not (name or value) or len(name) + len(value) > MAX_BYTES:
        return None
    said = _attributes(attributes)
    host, path = host_of(url), said.get("path", "")
    domain = said.get("domain", "").removeprefix(".").lower()
    is_host_only = not domain or (domain == host and "." not in domain)  # nobody lies below a name without a dot
    if not is_host_only and ("." not in domain or not domain_matches(host, domain)):
        return None
    cookie = Cookie(
        name=name,
        value=value,
        domain=host if is_host_only else domain,
        is_host_only=is_host_only,
        path=path if path.startswith("/") else default_path(url.path),
        secure="secure" in said,
        http_only="httponly" in said,
        same_site=said.get("samesite", "").capitalize(),
        partitioned="partitioned" in said,
        expires=_end(said, now),
    )
    return cookie if _is_taken(cookie, url, states_root=path == "/") else None


def _attributes(pieces: list[str]) -> dict[str, str]:
    """Return what a Set-Cookie field says behind its value; of what is said twice, the last."""
    said = {}
    for piece in pieces:
        name, _, value = (text.strip(BLANKS) for text in piece.partition("="))
        name = name.lower()
        is_read = name not in ("max-age", "expires") or _seconds_of(name, value) is not None
        if is_read and len(value) <= MAX_ATTRIBUTE_BYTES:
            said[name] = value
    return said


def _is_taken(cookie: Cookie, url: SplitResult, *, states_root: bool) -> bool:
    """Say whether a cookie keeps what its attributes and its prefix promise."""
    if cookie.secure and url.scheme != "https":
        return False
    if (cookie.same_site == "None" or cookie.partitioned) and not cookie.secure:
        return False
    name = (cookie.name or cookie.value).lower()  # one without a name would be read as one with a prefix
    if not cookie.name:
        return not name.startswith(("__secure-", "__host-"))
    if name.startswith("__host-"):
        return cookie.secure and cookie.is_host_only and states_root
    return cookie.secure or not name.startswith("__secure-")


def _end(said: dict[str, str], now: float) -> float:
    """Return when a cookie ends; Max-Age goes before Expires, and neither means that it stays."""
    if "max-age" in said:
        seconds = _seconds_of("max-age", said["max-age"]) or 0
        return now + min(seconds, MAX_SECONDS) if seconds > 0 else -NEVER
    if "expires" in said:
        return min(_seconds_of("expires", said["expires"]) or 0, now + MAX_SECONDS)
    return NEVER


def _seconds_of(name: str, value: str) -> float | None:
    if name == "expires":
        return read_date(value)
    return float(value) if re.fullmatch(r"-?[0-9]+", value) else None


def read_date(text: str) -> float | None:
    """Return the time that a cookie's date names, None for none (section 5.1.1: browsers take nearly any form)."""
    time = day = month = year = None
    for token in _DELIMITERS.split(text):
        if time is None and (found := _TIME.match(token)):
            time = [int(each) for each in found.groups()]
        elif day is None and (found := _DAY.match(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _YEAR.match(token)):
            year = int(found[1])
            year += 1900 if 70 <= year <= 99 else 2000 if year < 70 else 0
    if time is None or day is None or month is None or year is None or year < 1601:
        return None
    try:
        return datetime(year, month, day, time[0], time[1], time[2], tzinfo=UTC).timestamp()
    except ValueError:
        return None


def host_of(url: SplitResult) -> str:
    """Return the host of a URL, in lower case and without its port: cookies know no ports."""
    return url.hostname or ""


def domain_matches(host: str, domain: str) -> bool:
    """Say whether a host is a domain, or lies below it; an address is only itself."""
    return host == domain or (host.endswith(f".{domain}") and not _is_address(host))


def path_matches(path: str, kept: str) -> bool:
    """Say whether a request's path is that of a cookie, or lies below it."""
    path = path or "/"
    return path == kept or (path.startswith(kept) and (kept.endswith("/") or path[len(kept)] == "/"))


def default_path(path: str) -> str:
    """Return the path of a cookie that names none: the folder of the request."""
    return path[: path.rfind("/")] or "/" if path.startswith("/") else "/"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _shown(value: str) -> str:
    """Return a value as text: on the way it is bytes, which http.client reads and writes as Latin-1."""
    return value.encode("latin-1").decode(errors="replace")
