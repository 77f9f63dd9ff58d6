"""Parse the path part of a key of `URLS`: literal text, `{name}`, `{id:int}`, `{rest...}`.

In: a text such as "/blog/{id:int}". Out: a `Pattern`, one `Segment` for each part between slashes. Refuses, with a
suggestion, everything that could not match what its author means.

A segment holds at most one parameter, with literal text on either side: "/file-{id:int}.txt". No parameter is ever
empty, and `{rest...}` (the same as `{rest:path}`) matches one or more segments, with the slash after the last: of
"/static/css/" it matches "css/", and "/static/" is left to other routes. A slash at the end is a last segment without
text, so "/blog/" and "/blog" are two patterns. Literal text is compared with the decoded path, case included: write
"/café", not "/caf%C3%A9".
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import NoReturn

from msgspec import Struct
from msgspec.structs import replace

from fanlight.closest_name import closest_name
from fanlight.errors import Mistake, SetupError
from fanlight.lazy_pattern import lazy_pattern
from fanlight.routing.converter import CONVERTERS

MAX_SEGMENTS = 64  # the search is recursive, one call for each

_PARAMETER = lazy_pattern(r"\{([^{}]*)\}")
_ANGLES = lazy_pattern(r"<(?:(\w+):)?(\w+)>")
_COLON = lazy_pattern(r":([A-Za-z_]\w*)")


def refuse(message: str, hint: str = "") -> NoReturn:
    """Raise SetupError with one mistake; its place is added by the caller that knows the key."""
    raise SetupError([Mistake(message=message, hint=hint)])


class Segment(Struct, frozen=True):
    """One part of a pattern; a literal one has no name and only a prefix."""

    prefix: str
    name: str = ""
    converter: str = ""
    suffix: str = ""

    @property
    def is_rest(self) -> bool:
        """Whether this matches all segments that are left."""
        return self.converter == "path"

    @property
    def shape(self) -> tuple[str, str, str]:
        """What determines which texts match: everything but the parameter's name."""
        return self.prefix, self.converter, self.suffix

    @property
    def order(self) -> tuple[int, int, int]:
        """Sort key by specificity: more literal text first, then the narrower type.

        For two segments that match the same text, this is equal only if their shapes are.
        """
        return -len(self.prefix), -len(self.suffix), CONVERTERS[self.converter].rank

    def __str__(self) -> str:
        if not self.name:
            return self.prefix
        kind = {"str": "", "path": "..."}.get(self.converter, f":{self.converter}")
        return f"{self.prefix}{{{self.name}{kind}}}{self.suffix}"


class Pattern(Struct, frozen=True):
    """A path with parameters."""

    segments: tuple[Segment, ...]

    @property
    def parameters(self) -> dict[str, str]:
        """The converter of each parameter, by name, from left to right."""
        return {segment.name: segment.converter for segment in self.segments if segment.name}

    @property
    def shape(self) -> tuple[tuple[str, str, str], ...]:
        """Equal for two patterns that match the same paths with the same precedence."""
        return tuple(segment.shape for segment in self.segments)

    @property
    def is_literal(self) -> bool:
        """Whether it matches one path only."""
        return not any(segment.name for segment in self.segments)

    def below(self, outer: Pattern) -> Pattern:
        """Return this pattern inside a nested table; "/" inside is the outer pattern as written."""
        if self == ROOT:
            return outer
        stem = outer.segments[:-1] if outer.segments[-1] == Segment("") else outer.segments
        return Pattern(stem + self.segments)

    def typed(self, hints: Mapping[str, str]) -> Pattern:
        """Return the pattern with types for the parameters that state none."""
        return Pattern(
            tuple(
                replace(segment, converter=hints[segment.name])
                if segment.converter == "str" and segment.name in hints
                else segment
                for segment in self.segments
            )
        )

    def __str__(self) -> str:
        return "/" + "/".join(map(str, self.segments))


ROOT = Pattern((Segment(""),))


def parameters_of(pattern: str) -> dict[str, str]:
    """Return the converter of each parameter of a pattern's text, by name, from left to right."""
    return parse_pattern(pattern).parameters


def parse_pattern(text: str) -> Pattern:
    """Return a parsed pattern. Raises SetupError with what is wrong with it."""
    if not text.startswith("/"):
        refuse(f'the path "{text}" does not begin with "/"', f'write "/{text.strip()}"')
    _check_characters(text)
    pieces = text[1:].split("/")
    if "" in pieces[:-1]:
        refuse(f'"{text}" has an empty segment', f'write "{re.sub("/+", "/", text)}"')
    pattern = Pattern(tuple(map(_parse_segment, pieces)))
    check_segments(pattern)
    return pattern


def check_segments(pattern: Pattern) -> None:
    """Raise SetupError for what is wrong with the segments of a pattern in combination."""
    names = [segment.name for segment in pattern.segments if segment.name]
    for name in names:
        if names.count(name) > 1:
            refuse(f'the parameter "{name}" occurs twice in "{pattern}"', f'name one of them "{name}_2"')
    for segment in pattern.segments:
        if segment.is_rest and (segment.prefix or segment.suffix):
            refuse(
                f'"{segment}" in "{pattern}" has text beside a parameter that matches all segments',
                f'give it a segment of its own: "/{replace(segment, prefix="", suffix="")}"',
            )
    if any(segment.is_rest for segment in pattern.segments[:-1]):
        refuse(f'"{pattern}" continues after a parameter that matches all segments', "put it last")
    if len(pattern.segments) > MAX_SEGMENTS:
        refuse(f'"{str(pattern)[:60]}..." has more than {MAX_SEGMENTS} segments')


def _check_characters(text: str) -> None:
    if "?" in text:
        path, _, query = text.partition("?")
        names = ", ".join(re.findall(r"(\w+)=", query)) or "them"
        refuse(f'"{text}" holds a query string', f'write "{path}" and take {names} as parameters of the view')
    if "#" in text:
        refuse(f'"{text}" holds a fragment, which no browser sends', f'write "{text.partition("#")[0]}"')
    if any(character.isspace() or not character.isprintable() for character in text):
        visible = "".join(text.split())
        refuse(f"{text!r} holds white space or an invisible character", f'write "{visible}", or "-" for a space')
    if "\\" in text:
        refuse(f'"{text}" holds a backslash', f'write "{text.replace(chr(92), "/")}"')
    if re.search("%[0-9A-Fa-f]{2}", text):
        refuse(f'"{text}" is percent-encoded', "write the character itself: a key is compared with decoded text")


def _parse_segment(text: str) -> Segment:
    if "{" not in text and "}" not in text:
        return _parse_literal(text)
    parameters = _PARAMETER.findall(text)
    between = _PARAMETER.sub("", text)
    if "{" in between or "}" in between:
        refuse(f'the braces in "{text}" do not pair up', 'write a parameter as "{name}"')
    if len(parameters) > 1:
        refuse(
            f'"{text}" holds {len(parameters)} parameters in one segment, which could match in several ways',
            "make the whole segment one parameter, and split it in the view",
        )
    prefix, _, rest = text.partition("{")
    inside, _, suffix = rest.partition("}")
    name, converter = _parse_parameter(inside)
    return Segment(prefix, name, converter, suffix)


def _parse_literal(text: str) -> Segment:
    if text in {".", ".."}:
        refuse(f'"{text}" is no segment: clients resolve it before they send a request')
    if found := _ANGLES.search(text):
        kind, name = found.groups()
        refuse(f'"{text}" is not how a parameter is written', f'write "{{{name}{":" + kind if kind else ""}}}"')
    if found := _COLON.fullmatch(text):
        refuse(f'"{text}" is not how a parameter is written', f'write "{{{found[1]}}}"')
    if text in {"*", "**"}:
        refuse(f'"{text}" is not how the rest of a path is written', 'write "{rest...}"')
    return Segment(text)


def _parse_parameter(inside: str) -> tuple[str, str]:
    name, colon, converter = inside.partition(":")
    if inside.endswith("..."):
        name, converter = inside[:-3], "path"
    elif not colon:
        converter = "str"
    if inside.startswith(("*", "...")) or inside.endswith("*"):
        name = inside.strip("*.") or "rest"
        refuse(f'"{{{inside}}}" is not how the rest of a path is written', f'write "{{{name}...}}"')
    if converter not in CONVERTERS:
        _refuse_converter(name, converter, inside)
    if not name.isidentifier() or keyword.iskeyword(name):
        right = str(Segment("", _identifier(name), converter))
        refuse(f'"{name}" in "{{{inside}}}" can\'t be the name of a view\'s parameter', f'write "{right}"')
    return name, converter


def _identifier(text: str) -> str:
    """Return the identifier that is most similar to a text."""
    guess = re.sub(r"\W+", "_", text).strip("_").lstrip("0123456789") or "name"
    return f"{guess}_" if keyword.iskeyword(guess) else guess if guess.isidentifier() else "name"


def _refuse_converter(name: str, converter: str, inside: str) -> NoReturn:
    known = ", ".join(CONVERTERS)
    if name in CONVERTERS and converter.isidentifier():
        refuse(f'"{{{inside}}}" has name and type in the wrong order', f'write "{{{converter}:{name}}}"')
    close = closest_name(converter, CONVERTERS)
    guess = f'write "{{{name}:{close}}}"; ' if close else ""
    refuse(f'"{converter}" in "{{{inside}}}" is no type of parameter', f"{guess}the types are {known}")
