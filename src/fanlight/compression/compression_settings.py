"""The compression settings of an app, and middleware that turns compression off for a part of it.

    App(URLS, compression=Compression(encodings=("gzip",)))       for the whole app; None: off
    @middleware(uncompressed)                                     off for this view
    URLS = {"/files": middleware(uncompressed)({...})}            off for this table

In: settings. Out: the same settings, validated. Compresses nothing, and loads the codecs when an app is made.
"""

from __future__ import annotations

from collections.abc import Generator

from msgspec import Struct

from fanlight.closest_name import closest_name
from fanlight.compression.negotiation import COMPRESSIBLE
from fanlight.errors import Mistake
from fanlight.message.call_link import LINK_KEY
from fanlight.message.request import Request
from fanlight.weakness import Weakness

_MARK = "uncompressed"
_INSTALL = "pip install 'fanlight[compression]'"


class Compression(Struct, frozen=True, kw_only=True):
    """How responses are compressed. The reasons for the defaults are in docs/why.md."""

    encodings: tuple[str, ...] | None = None  # preferred first; None: zstd, br and gzip, as far as installed
    media_types: tuple[str, ...] = COMPRESSIBLE  # "text/html", "text/*", "+json"
    least_bytes: int = 1024  # smaller content is not compressed
    at_once_bytes: int = 64 * 1024  # bigger content is compressed in a thread, piece by piece
    file_bytes: int = 1024 * 1024  # bigger files are not compressed
    padding_bytes: int = 100  # at most this many are added to responses to clients with credentials; 0: none
    zstd_level: int = 3
    br_level: int = 4
    gzip_level: int = 4

    @property
    def offers(self) -> tuple[str, ...]:
        """The codings to offer, preferred first."""
        from fanlight.compression.codecs import CODECS, CODINGS  # noqa: PLC0415 - with the libraries of the codecs

        return self.encodings if self.encodings is not None else tuple(each for each in CODINGS if each in CODECS)

    def level_of(self, coding: str) -> int:
        """Return the level of a coding."""
        level: int = getattr(self, f"{coding}_level")
        return level

    def weaknesses(self) -> list[Weakness]:
        """Return what is weaker than the defaults."""
        if self.padding_bytes > 0:
            return []
        risk = "the lengths of pages reveal what is secret in them, letter by letter (BREACH)"
        return [Weakness(setting="Compression(padding_bytes=0)", risk=risk, advice="leave it out")]

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong with the settings."""
        from fanlight.compression.codecs import CODECS  # noqa: PLC0415 - as above

        found = [
            Mistake(message=f"compression: {name} is {value!r}", hint="give a whole number of bytes")
            for name in ("least_bytes", "at_once_bytes", "file_bytes", "padding_bytes")
            if not _is_whole(value := getattr(self, name), least=0)
        ]
        if isinstance(self.encodings, tuple):
            found += [mistake for each in self.encodings if (mistake := _mistake_of(each)) is not None]
        elif self.encodings is not None:
            found.append(Mistake(message=f"compression: encodings is {self.encodings!r}", hint='write ("br", "gzip")'))
        table: object = self.media_types
        if not isinstance(table, tuple) or not all(isinstance(each, str) for each in table):
            hint = 'write media_types=(*COMPRESSIBLE, "application/x-mine")'
            found.append(Mistake(message=f"compression: media_types is {table!r}", hint=hint))
        for coding, codec in CODECS.items():
            level = self.level_of(coding)
            if not _is_whole(level, least=codec.levels.start) or level not in codec.levels:
                hint = f"give a whole number from {codec.levels.start} to {codec.levels.stop - 1}"
                found.append(Mistake(message=f"compression: {coding}_level is {level!r}", hint=hint))
        return found


def _is_whole(value: object, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _mistake_of(coding: object) -> Mistake | None:
    from fanlight.compression.codecs import CODECS, CODINGS, PACKAGES  # noqa: PLC0415 - as above

    if coding not in CODINGS:
        close = closest_name(str(coding), CODINGS)
        hint = f'did you mean "{close}"?' if close else f"the encodings are {', '.join(CODINGS)}"
        return Mistake(message=f"compression: unknown encoding {coding!r}", hint=hint)
    if coding not in CODECS:
        name = str(coding)
        return Mistake(message=f"compression: {name} needs the package {PACKAGES[name]}", hint=_INSTALL)
    return None


DEFAULT_COMPRESSION = Compression()


def read_compression(setting: object) -> tuple[Compression | None, list[Mistake]]:
    """Return the validated compression setting of an app (None for off), and what is wrong with it."""
    if setting is None:
        return None, []
    if not isinstance(setting, Compression):
        hint = "give Compression(...), or None to turn it off"
        return None, [Mistake(message=f"compression is {setting!r}", hint=hint)]
    mistakes = setting.mistakes()
    return (None if mistakes or not setting.offers else setting), mistakes


def uncompressed(request: Request) -> Generator[None, object, None]:
    """Middleware that turns compression off for a view or a table."""
    request.cache_value(_MARK, value=True)
    yield


def is_uncompressed(request: Request) -> bool:
    """Return whether compression is turned off for a request: also of another framework's app, which has its own."""
    known = request.cache
    return known is not None and (_MARK in known or LINK_KEY in known)
