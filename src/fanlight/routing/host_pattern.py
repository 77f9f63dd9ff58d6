"""Parse a key of `Hosts`: a host like "example.org", or a pattern of hosts like "{user}.example.org".

In: the keys of `Hosts`. Out: for each a `HostPattern`, and where it stands among the others. A parameter is one label:
letters, digits and hyphens. A host without parameters is found before all patterns; of two patterns for the same host,
the one that is more specific in each label. Refuses what no request could name, and two patterns for the same host of
which neither is more specific.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from fanlight.authority import plain_host, split_authority
from fanlight.errors import Mistake, UnfittingValue
from fanlight.lazy_pattern import lazy_pattern
from fanlight.routing.converter import CONVERTERS
from fanlight.routing.pattern import Segment, parse_pattern, refuse

MAX_HOST = 253  # characters (RFC 1035 section 2.3.4, without the length bytes)
_LABEL_TYPES = ("str", "int", "date", "uuid")  # whose texts have no dot
_PARAMETER = lazy_pattern(r"\{[^{}]*\}")
_LITERAL = lazy_pattern(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LABEL = lazy_pattern(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # of a parameter (RFC 1123 section 2.1)


class HostPattern(Struct, frozen=True):
    """A host with parameters: its labels from left to right; an address of IPv6 is one label."""

    labels: tuple[Segment, ...]

    @property
    def parameters(self) -> dict[str, str]:
        """The converter of each parameter, by name, from left to right."""
        return {label.name: label.converter for label in self.labels if label.name}

    @property
    def order(self) -> tuple[int, int]:
        """Sort key: of two patterns for the same host, the more specific one comes first."""
        named = [label for label in self.labels if label.name]
        return len(named), sum(CONVERTERS[label.converter].rank for label in named)

    def read(self, labels: Sequence[str]) -> dict[str, object] | None:
        """Return the values of the parameters in the labels of a host, None if it is another one."""
        if len(labels) != len(self.labels):
            return None
        values: dict[str, object] = {}
        for label, text in zip(self.labels, labels, strict=True):
            if not label.name:
                if label.prefix != text:
                    return None
                continue
            value = _value_of(label, text)
            if value is None:
                return None
            values[label.name] = value
        return values

    def write(self, parameters: Mapping[str, object]) -> str:
        """Return the host with these values in it. Raises UnfittingValue for one that is no label."""
        return ".".join(self._written(label, parameters) if label.name else label.prefix for label in self.labels)

    def _written(self, label: Segment, parameters: Mapping[str, object]) -> str:
        value = parameters[label.name]
        text = CONVERTERS[label.converter].write(value)
        if text is None or _LABEL.fullmatch(text) is None:
            expected = "letters in lower case, digits and hyphens" if label.converter == "str" else "of a host"
            kind = "" if label.converter == "str" else f"{CONVERTERS[label.converter].expected} as a label "
            raise UnfittingValue(f"{label.name}={value!r} does not fit {self}: it takes {kind}{expected}", value)
        return text

    def __str__(self) -> str:
        return ".".join(map(str, self.labels))


def _value_of(label: Segment, text: str) -> object | None:
    return CONVERTERS[label.converter].read(text) if _LABEL.fullmatch(text) else None


def host_name(authority: str) -> str:
    """Return the host of a request's authority as hosts are compared: without the port, in lower case."""
    return plain_host(split_authority(authority.lower())[0])


def parse_host(text: object) -> HostPattern:
    """Return a parsed key of `Hosts`. Raises SetupError with what is wrong with it."""
    if not isinstance(text, str) or not text:
        refuse(f"the key {text!r} of Hosts is no host", 'write a name like "example.org"')
    if "/" in text:
        host = (text.partition("://")[2] or text).partition("/")[0]
        refuse(f'"{text}" is more than a host', f'write "{host}"' if host else 'write a name like "example.org"')
    address = text if text.startswith("[") else f"[{text}]"
    if text.count(":") > 1 and (found := _ipv6(address)):
        return HostPattern((Segment(found),))
    literal = _PARAMETER.sub("", text)
    if ":" in literal:
        end = text.rindex(":")
        refuse(f'"{text}" names a port', f'write "{text[:end]}": the port of a request makes no difference')
    if "*" in text:
        refuse(f'"{text}" has an asterisk', f'write "{text.replace("*", "{name}", 1)}"')
    if text.endswith("."):
        refuse(f'"{text}" ends in a dot', f'write "{text.rstrip(".")}": with the dot it is the same host')
    if not literal.isascii():
        refuse(f'"{text}" is not as browsers send it', _in_ascii(text))
    if len(text) > MAX_HOST:
        refuse(f'"{text[:60]}..." has more than {MAX_HOST} characters, and no host has')
    if "..." in text:
        refuse(f'"{text}" has a parameter of several labels', "name each label: {a}.{b}.example.org")
    pattern = HostPattern(tuple(_parse_label(each, text) for each in text.split(".")))
    names = [label.name for label in pattern.labels if label.name]
    for name in names:
        if names.count(name) > 1:
            refuse(f'the parameter "{name}" occurs twice in "{text}"', f'name one of them "{name}_2"')
    return pattern


def _parse_label(label: str, host: str) -> Segment:
    if "{" not in label and "}" not in label:
        if _LITERAL.fullmatch(label.lower()) is None:
            hint = 'a label has letters, digits and hyphens, like those of "my-site.example.org"'
            refuse(f'"{label}" in "{host}" is no label of a host', hint)
        return Segment(label.lower())
    if _PARAMETER.fullmatch(label) is None:
        refuse(f'"{label}" in "{host}" has text beside a parameter', "make the whole label the parameter")
    (segment,) = parse_pattern(f"/{label}").segments
    if segment.converter not in _LABEL_TYPES:
        types = ", ".join(_LABEL_TYPES)
        refuse(f'a label of a host can\'t be a {segment.converter}, as in "{host}"', f"the types are {types}")
    return segment


def _ipv6(text: str) -> str:
    try:
        return f"[{ipaddress.IPv6Address(text.lower().strip('[]'))}]"
    except ValueError:
        return ""


def _in_ascii(text: str) -> str:
    try:
        return f'write "{text.encode("idna").decode().lower()}"'
    except UnicodeError:
        return "write it in ASCII, as the address bar sends it"


# --- which of two patterns is found -------------------------------------------------------------------


def find_host_conflicts(hosts: Sequence[tuple[HostPattern, str]]) -> Iterator[Mistake]:
    """Yield a mistake for every two patterns that match the same host, without an order; each is with its place."""
    for number, (second, second_place) in enumerate(hosts):
        for first, first_place in hosts[:number]:
            pairs = list(zip(first.labels, second.labels, strict=False))
            if len(first.labels) != len(second.labels) or not all(_overlap(*pair) for pair in pairs):
                continue
            narrower = all(_is_within(a, b) for a, b in pairs), all(_is_within(b, a) for a, b in pairs)
            places = first_place, second_place
            if all(narrower):
                hint = "names of parameters, and the case of letters, make no difference: remove one"
                yield Mistake(message=f'"{first}" and "{second}" match the same hosts', places=places, hint=hint)
            elif not any(narrower):
                message = f'"{first}" and "{second}" both match some hosts, and neither is more specific in each label'
                yield Mistake(message=message, places=places, hint="write the hosts of one of them without a parameter")


def _overlap(one: Segment, other: Segment) -> bool:
    """Return whether a text matches both labels."""
    if not one.name or not other.name:
        return _is_within(one, other) or _is_within(other, one)
    return one.converter == other.converter or "str" in (one.converter, other.converter)


def _is_within(inner: Segment, outer: Segment) -> bool:
    """Return whether the outer label matches everything that the inner one does."""
    if not outer.name:
        return not inner.name and inner.prefix == outer.prefix
    if not inner.name:
        return _value_of(outer, inner.prefix) is not None
    return outer.converter in (inner.converter, "str")
