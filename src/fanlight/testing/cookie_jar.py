"""The cookies of the test client, stored and sent as by a browser (RFC 6265bis sections 5.6 to 5.8).

In: Set-Cookie fields, the URL of their response, and the time. Out: the Cookie field of the next request. Silently
drops what browsers drop: another domain, `Secure` over http, a broken prefix rule, too long values. The only public
suffixes are names without a dot, and every request is a same-site request.
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
class StoredCookie:
    """A stored cookie: its value, where it is sent, and until when."""

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
    def key(self) -> tuple[str, str, bool, str]:
        """Browsers store one cookie for each key."""
        return self.name, self.domain, self.is_host_only, self.path

    def is_sent_to(self, url: SplitResult) -> bool:
        """Return whether it is sent with a request to this URL."""
        host = host_of(url)
        is_there = host == self.domain if self.is_host_only else domain_matches(host, self.domain)
        return is_there and path_matches(url.path, self.path) and (not self.secure or url.scheme == "https")


class Cookies(MutableMapping[str, str]):
    """The cookies of a client: a mapping from names to values; `kept` has them with their attributes.

    `cookies["a"] = "b"` sets one for all paths of the client's host. Of several with the same name, the mapping has the
    one with the longest path; deleting the name deletes all of them.
    """

    def __init__(self, host: str) -> None:
        self._host = host  # of cookies that a test sets
        self._kept: dict[tuple[str, str, bool, str], StoredCookie] = {}  # in the order they were first set

    @property
    def kept(self) -> tuple[StoredCookie, ...]:
        """All cookies in the order they are sent: longest path first, then as first set."""
        return tuple(sorted(self._kept.values(), key=lambda cookie: -len(cookie.path)))

    def keep(self, lines: Iterable[str], url: SplitResult, now: float) -> None:
        """Store the cookies of Set-Cookie fields in a response from a URL."""
        for line in lines:
            cookie = read_set_cookie(line, url, now)
            if cookie is None or self._would_replace_secure_cookie(cookie, url):
                continue
            self._kept[cookie.key] = cookie
        self.forget_expired(now)

    def forget_expired(self, now: float) -> None:
        """Delete expired cookies."""
        self._kept = {key: cookie for key, cookie in self._kept.items() if cookie.expires > now}

    def field(self, url: SplitResult, now: float) -> str:
        """Return the Cookie field of a request to a URL, "" for none."""
        self.forget_expired(now)
        sent = (cookie for cookie in self.kept if cookie.is_sent_to(url))
        return "; ".join(f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in sent)

    def _would_replace_secure_cookie(self, new: StoredCookie, url: SplitResult) -> bool:
        """Return whether a cookie set over http would replace a `Secure` one (section 5.7)."""
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
                return cookie.value.encode("latin-1").decode(errors="replace")  # UTF-8, read as Latin-1 by http.client
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        if not name or _CONTROLS.search(name + value) or ";" in name + value:
            raise ValueError(
                f"a cookie can't be {name!r} with {value!r}: it must be text without semicolons and line ends"
            )
        name, value = (text.encode().decode("latin-1") for text in (name, value))
        cookie = StoredCookie(name=name, value=value, domain=self._host)
        self._kept[cookie.key] = cookie

    def __delitem__(self, name: str) -> None:
        self[name]
        self._kept = {key: cookie for key, cookie in self._kept.items() if cookie.name != name}

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(cookie.name for cookie in self._kept.values()))

    def __len__(self) -> int:
        return len({cookie.name for cookie in self._kept.values()})

    def __repr__(self) -> str:
        return repr(dict(self))


def read_set_cookie(line: str, url: SplitResult, now: float) -> StoredCookie | None:
    """Parse a Set-Cookie field; return None for one that browsers ignore (sections 5.6 and 5.7)."""
    pair, *attributes = line.split(";")
    name, equals, value = (text.strip(BLANKS) for text in pair.partition("="))
    if not equals:
        name, value = "", name
    if _CONTROLS.search(line) or not (name or value) or len(name) + len(value) > MAX_BYTES:
        return None
    attributes_by_name = _attributes(attributes)
    host, path = host_of(url), attributes_by_name.get("path", "")
    domain = attributes_by_name.get("domain", "").removeprefix(".").lower()
    is_host_only = not domain or (domain == host and "." not in domain)  # a name without a dot has no subdomains
    if not is_host_only and ("." not in domain or not domain_matches(host, domain)):
        return None
    cookie = StoredCookie(
        name=name,
        value=value,
        domain=host if is_host_only else domain,
        is_host_only=is_host_only,
        path=path if path.startswith("/") else default_path(url.path),
        secure="secure" in attributes_by_name,
        http_only="httponly" in attributes_by_name,
        same_site=attributes_by_name.get("samesite", "").capitalize(),
        partitioned="partitioned" in attributes_by_name,
        expires=_expires(attributes_by_name, now),
    )
    return cookie if _is_accepted(cookie, url, states_root=path == "/") else None


def _attributes(pieces: list[str]) -> dict[str, str]:
    """Return the attributes of a Set-Cookie field; of a repeated one, the last."""
    attributes_by_name = {}
    for piece in pieces:
        name, _, value = (text.strip(BLANKS) for text in piece.partition("="))
        name = name.lower()
        is_read = name not in ("max-age", "expires") or _seconds_of(name, value) is not None
        if is_read and len(value) <= MAX_ATTRIBUTE_BYTES:
            attributes_by_name[name] = value
    return attributes_by_name


def _is_accepted(cookie: StoredCookie, url: SplitResult, *, states_root: bool) -> bool:
    """Return whether a browser accepts a cookie with these attributes and prefix."""
    if cookie.secure and url.scheme != "https":
        return False
    if (cookie.same_site == "None" or cookie.partitioned) and not cookie.secure:
        return False
    name = (cookie.name or cookie.value).lower()  # without a name, the value could be read as a name with a prefix
    if not cookie.name:
        return not name.startswith(("__secure-", "__host-"))
    if name.startswith("__host-"):
        return cookie.secure and cookie.is_host_only and states_root
    return cookie.secure or not name.startswith("__secure-")


def _expires(attributes_by_name: dict[str, str], now: float) -> float:
    """Return when a cookie expires: by Max-Age, else by Expires, else never."""
    if "max-age" in attributes_by_name:
        seconds = _seconds_of("max-age", attributes_by_name["max-age"]) or 0
        return now + min(seconds, MAX_SECONDS) if seconds > 0 else -NEVER
    if "expires" in attributes_by_name:
        return min(_seconds_of("expires", attributes_by_name["expires"]) or 0, now + MAX_SECONDS)
    return NEVER


def _seconds_of(name: str, value: str) -> float | None:
    if name == "expires":
        return read_date(value)
    return float(value) if re.fullmatch(r"-?[0-9]+", value) else None


def read_date(text: str) -> float | None:
    """Parse the date of a cookie, None if that is impossible (section 5.1.1: browsers accept nearly any format)."""
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
    """Return the host of a URL, in lower case and without its port, which cookies ignore."""
    return url.hostname or ""


def domain_matches(host: str, domain: str) -> bool:
    """Return whether a host is a domain, or a subdomain of it; an address has no subdomains."""
    return host == domain or (host.endswith(f".{domain}") and not _is_address(host))


def path_matches(path: str, kept: str) -> bool:
    """Return whether a path is that of a cookie, or is below it."""
    path = path or "/"
    return path == kept or (path.startswith(kept) and (kept.endswith("/") or path[len(kept)] == "/"))


def default_path(path: str) -> str:
    """Return the default path of a cookie: the folder of the request."""
    return path[: path.rfind("/")] or "/" if path.startswith("/") else "/"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
