"""What a site says of compression: one frozen object for the app, and a step that turns it off for a part.

    App(URLS, compression=Compression(encodings=("gzip",)))       for all of it; None: nowhere
    @middleware(uncompressed)                                         not this view
    URLS = {"/files": middleware(uncompressed)({...})}                not this table

In: settings. Out: the same, and what is wrong with them. Compresses nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Generator
from dataclasses import dataclass

from fanlight.compression.codecs import CODECS, CODINGS, PACKAGES
from fanlight.compression.negotiation import COMPRESSIBLE
from fanlight.errors import Mistake
from fanlight.message.request import Request

_NOTE = "uncompressed"
_INSTALL = "pip install 'fanlight[compression]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """How content is compressed on its way; the reasons for these figures are in docs/why.md."""

    encodings: tuple[str, ...] | None = None  # preferred first; None: of zstd, br, gzip those that are installed
    media_types: tuple[str, ...] = COMPRESSIBLE  # "text/html", "text/*", "+json"
    least_bytes: int = 1024  # content below is left as it is
    at_once_bytes: int = 64 * 1024  # content above is compressed in a thread, piece by piece
    file_bytes: int = 1024 * 1024  # files above are sent as they are
    padding_bytes: int = 100  # up to so many are added for clients that show who they are; 0: none
    zstd_level: int = 3
    br_level: int = 4
    gzip_level: int = 4

    @property
    def offers(self) -> tuple[str, ...]:
        """The codings that are used, preferred first."""
        return self.encodings if self.encodings is not None else tuple(each for each in CODINGS if each in CODECS)

    def level_of(self, coding: str) -> int:
        """Return the level of a coding."""
        level: int = getattr(self, f"{coding}_level")
        return level

    def mistakes(self) -> list[Mistake]:
        """Return all that is wrong with it."""
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
                hint = f"it goes from {codec.levels.start} to {codec.levels.stop - 1}"
                found.append(Mistake(message=f"compression: {coding}_level is {level!r}", hint=hint))
        return found


def _is_whole(value: object, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _mistake_of(coding: object) -> Mistake | None:
    if coding not in CODINGS:
        close = difflib.get_close_matches(str(coding), CODINGS, n=1)
        hint = f'did you mean "{close[0]}"?' if close else f"there are {', '.join(CODINGS)}"
        return Mistake(message=f"compression: there is no encoding {coding!r}", hint=hint)
    if coding not in CODECS:
        name = str(coding)
        return Mistake(message=f"compression: {name} needs the package {PACKAGES[name]}", hint=_INSTALL)
    return None


DEFAULT_COMPRESSION = Compression()


def read_compression(setting: object) -> tuple[Compression | None, list[Mistake]]:
    """Return what an app says of compression, None for off, and what is wrong with it."""
    if setting is None:
        return None, []
    if not isinstance(setting, Compression):
        hint = "give Compression(...), or None for off"
        return None, [Mistake(message=f"compression is {setting!r}", hint=hint)]
    mistakes = setting.mistakes()
    return (None if mistakes or not setting.offers else setting), mistakes


def uncompressed(request: Request) -> Generator[None, object, None]:
    """Send the answers of a view or a table as they are: a step for `around`."""
    request.cache_value(_NOTE, value=True)
    yield


def is_uncompressed(request: Request) -> bool:
    """Say whether the answer to a request is to be sent as it is."""
    known = request.cache
    return known is not None and _NOTE in known
