"""Origins of other sites that are named in settings (RFC 6454): read once, then compared with what browsers send.

    https://app.example          exactly this origin: scheme, host, and the port unless it is the scheme's own
    https://*.app.example        every subdomain of app.example, however deep, but not app.example itself

In: a list of origins. Out: `Origins`. Refuses, as a mistake with what to write, all that no browser would ever send, or
that would name more sites than it seems to: a path, a slash at the end, "null", a star for whole top-level domains.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from fanlight.errors import Mistake
from fanlight.lazy_pattern import lazy_pattern
from fanlight.weakness import Weakness

ANY = "*"
DEFAULT_PORTS = {"http": "80", "https": "443"}
MAX_ORIGIN = 300  # characters of an Origin field that are compared; host names have at most 253
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST = rf"(?:{_LABEL}\.)*{_LABEL}\.?|\[[0-9a-f:.]+\]"
_ORIGIN = lazy_pattern(rf"([a-z][a-z0-9+.-]*)://({_HOST})(?::([0-9]{{1,5}}))?")
_SUBDOMAINS = lazy_pattern(rf"(?:{_LABEL}\.)*{_LABEL}")
_LOOPBACK = lazy_pattern(r"(?:.*\.)?localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]")
_WILDCARD = "://*."


class Origins:
    """Some origins, read from valid texts; true if there are any."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Take texts for which `origin_mistakes` finds nothing; "*" is every origin."""
        texts = tuple(texts)
        self.texts = texts
        self.is_any = ANY in texts
        self._exact = frozenset(each for each in texts if _WILDCARD not in each and each != ANY)
        self._below = tuple(each.split("*", 1) for each in texts if _WILDCARD in each)

    def __bool__(self) -> bool:
        return bool(self.texts)

    def name(self, origin: str) -> bool:
        """Return whether an origin, as a browser sends it, is one of those that are named; "*" names none."""
        return origin in self._exact or any(_is_below(origin, *parts) for parts in self._below)


def _is_below(origin: str, start: str, end: str) -> bool:
    # SECURITY: tests/protection/test_origins.py: the star is for labels of a host, and not for "evil.example/"
    return (
        len(origin) <= MAX_ORIGIN
        and origin.startswith(start)
        and origin.endswith(end)
        and _SUBDOMAINS.fullmatch(origin, len(start), len(origin) - len(end)) is not None
    )


def origin_of_url(url: str) -> str:
    """Return the origin of a URL, as a browser sends it; "" for what has none."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{re.split(r'[/?#]', rest, maxsplit=1)[0]}" if mark else ""


def is_of_host(origin: str, scheme: str, authority: str) -> bool:
    """Return whether an origin is that of a site: the same host and port, and no http origin for a site on https.

    The other way round passes: behind a proxy that is not trusted, a site on https believes that it is on http.
    """
    # PERF: benchmarks/forms.py: nearly all forms are posted to their own site, in the same spelling
    if authority and origin == f"{scheme}://{authority}":
        return True
    found = _ORIGIN.fullmatch(origin.lower()) if len(origin) <= MAX_ORIGIN else None
    if found is None or found[1] not in DEFAULT_PORTS or (found[1] == "http" and scheme == "https"):
        return False
    port = DEFAULT_PORTS[found[1]]
    return _without_port(origin.lower().partition("://")[2], port) == _without_port(authority.lower(), port)


def _without_port(authority: str, port: str) -> str:
    return authority.removesuffix(f":{port}")


def is_loopback(origin: str) -> bool:
    """Return whether an origin is of the machine of the browser itself."""
    found = _ORIGIN.fullmatch(origin)
    return found is not None and _LOOPBACK.fullmatch(found[2]) is not None


# --- mistakes -----------------------------------------------------------------------------------------


def origin_weaknesses(origins: Sequence[str], setting: str) -> Iterator[Weakness]:
    """Yield what is weak in a list of origins: those that are not encrypted can be anyone on the way."""
    for each in origins:
        if each.startswith("http://") and not is_loopback(each):
            yield Weakness(
                setting=f"{setting}: {each}",
                risk="its pages are not encrypted, so a network on the way to the user can send as that site",
                advice=f'use "https://{each.partition("://")[2]}"',
            )


def origin_mistakes(value: object, setting: str, *, if_any: str = "") -> list[Mistake]:
    """Return what is wrong with a setting's list of origins; `if_any` is why "*" is refused, "" where it may be."""
    if isinstance(value, str):
        return [Mistake(message=f"{setting} is a text, {value!r}", hint=f"write a list: [{value!r}]")]
    if not isinstance(value, list | tuple | set | frozenset):
        hint = 'write a list of origins: ["https://app.example"]'
        return [Mistake(message=f"{setting} is of type {type(value).__name__}", hint=hint)]
    found = []
    for each in value:
        if each == ANY and not if_any:
            if len(value) > 1:
                hint = 'write ["*"], or leave out "*"'
                found.append(Mistake(message=f'{setting} has "*", which is every origin, and others', hint=hint))
        elif wrong := _what_is_wrong(each, if_any):
            found.append(Mistake(message=f"{setting}: {wrong[0]}", hint=wrong[1]))
    return found


def _what_is_wrong(text: object, if_any: str) -> tuple[str, str] | None:
    """Return what is wrong with an origin, and what to write; None if nothing is."""
    if not isinstance(text, str):
        return f"{text!r} is no text", 'an origin is like "https://app.example"'
    if text == ANY:
        return '"*" is every site', if_any
    if text.lower() == "null":
        return '"null" is the origin of every sandboxed frame and local file', "name the sites by their addresses"
    scheme, mark, rest = text.partition("://")
    if not mark:
        return f'"{text}" has no scheme', f'write "https://{text.lstrip("/")}"'
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if host != rest:
        what = "ends with a slash" if rest == f"{host}/" else "has a path"
        return f'"{text}" {what}, and an origin has none', f'write "{scheme}://{host}"'
    return _wrong_host(text, scheme, host)


def _wrong_host(text: str, scheme: str, host: str) -> tuple[str, str] | None:
    if "@" in host:
        return f'"{text}" has a user name', f'write "{scheme}://{host.rpartition("@")[2]}"'
    if not host.isascii() or text != text.lower():
        return f'"{text}" is not as browsers send it', _in_ascii(scheme, host)
    name, _, port = host.partition(":") if not host.startswith("[") else host.partition("]:")
    if port and port == DEFAULT_PORTS.get(scheme):
        return (
            f'"{text}" has the usual port of {scheme}, which browsers leave out',
            f'write "{text.rpartition(":")[0]}"',
        )
    if "*" in host:
        return _wrong_wildcard(text, scheme, name)
    found = _ORIGIN.fullmatch(text)
    if found is None or (found[3] and not 0 < int(found[3]) < 65536):
        return f'"{text}" is no origin', 'write scheme, host and port: "https://app.example", "http://localhost:5173"'
    return None


def _wrong_wildcard(text: str, scheme: str, name: str) -> tuple[str, str] | None:
    rest = name.removeprefix("*.")
    if not name.startswith("*.") or "*" in rest or _ORIGIN.fullmatch(text.replace("*.", "", 1)) is None:
        return f'"{text}" has a star that is not in the place of subdomains', f'write "{scheme}://*.app.example"'
    # SECURITY: tests/protection/test_origins.py: of "*.com" or "*.co.uk" anyone can have a part
    if "." not in rest and rest != "localhost":
        return f'"{text}" is every site below .{rest}', f'name the domain: "{scheme}://*.app.{rest}"'
    return None


def _in_ascii(scheme: str, host: str) -> str:
    try:
        return f'write "{scheme.lower()}://{host.encode("idna").decode().lower()}"'
    except UnicodeError:
        return "write the host in ASCII, as the address bar of a browser shows it when it is copied"
