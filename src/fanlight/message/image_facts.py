"""Recognize an image by its content: its format, its width and its height.

In: an open file. Out: `ImageFacts`; None for a file that is no image of these formats. No pixel is decoded: the
structure is read up to the place where the size is written (the IHDR chunk of PNG, the frame header of JPEG, the first
frame of GIF, the first chunk of WebP, the properties of AVIF), in few steps, whatever the file has in it. So a file
whose size is plausible and whose pixels are garbage is an image here. SVG is none: it is a document, which can run
scripts.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from msgspec import Struct

_AT_ONCE = 4096  # bytes; enough for nearly all files but photographs
# Of blocks, segments or boxes: far more than a real image has before its size.
_MAX_READS = 2000  # SECURITY: tests/message/test_image_facts.py: a file of millions of tiny blocks


class Format(Struct, frozen=True):
    """An image format: its name for people, its media type, its file name extension."""

    title: str
    media_type: str
    extension: str


FORMATS: Mapping[str, Format] = {
    "png": Format("PNG", "image/png", ".png"),
    "jpeg": Format("JPEG", "image/jpeg", ".jpg"),
    "gif": Format("GIF", "image/gif", ".gif"),
    "webp": Format("WebP", "image/webp", ".webp"),
    "avif": Format("AVIF", "image/avif", ".avif"),
}


class ImageFacts(Struct, frozen=True):
    """What an image is, by its content: `format` ("png", "jpeg", "gif", "webp", "avif"), width and height in pixels.

    Width and height are those of the stored picture, or of one frame of an animation; a viewer may turn a photograph.
    """

    format: str
    width: int
    height: int

    @property
    def media_type(self) -> str:
        """The media type: "image/png"."""
        return FORMATS[self.format].media_type

    @property
    def extension(self) -> str:
        """The extension for a file name, with its dot: ".png"."""
        return FORMATS[self.format].extension

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height


class _NotAnImage(Exception):
    """The structure is not that of the format, or the file ends too early."""


class _Reader:
    """Reads a file at any position; its beginning is kept in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        file.seek(0)
        self._head = file.read(_AT_ONCE)
        self._reads = 0

    def at(self, position: int, size: int) -> bytes:
        """Return exactly so many bytes. Raises _NotAnImage if the file ends before, and after too many reads."""
        self._reads += 1
        if self._reads > _MAX_READS:
            raise _NotAnImage
        end = position + size
        if end <= len(self._head):
            return self._head[position:end]
        if end > self._size:  # a position in a file may be any number of 64 bits, and a system refuses most of them
            raise _NotAnImage
        self._file.seek(position)
        found = self._file.read(size)
        if len(found) < size:
            raise _NotAnImage
        return found


def find_image(file: BinaryIO) -> ImageFacts | None:
    """Return what an image is, None for a file that is none. The file is at its start afterwards. Raises OSError."""
    try:
        reader = _Reader(file)
        start = reader.at(0, 12)
        for name, is_format, measure in _READERS:
            if is_format(start):
                width, height = measure(reader)
                return ImageFacts(name, width, height) if width and height else None
    except _NotAnImage:
        pass
    finally:
        file.seek(0)
    return None


# --- PNG: https://www.w3.org/TR/png-3/#11IHDR -----------------------------------------------------------

_BIT_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type


def _measure_png(reader: _Reader) -> tuple[int, int]:
    length, chunk, checksum = *struct.unpack(">I17s", reader.at(8, 21)), reader.at(29, 4)
    kind, width, height, depth, colour, *methods = struct.unpack(">4sIIBBBBB", chunk)
    is_valid = (
        (length, kind) == (13, b"IHDR")
        and depth in _BIT_DEPTHS.get(colour, ())
        and methods in ([0, 0, 0], [0, 0, 1])  # compression, filter, interlace
        and max(width, height) < 1 << 31
        and zlib.crc32(chunk) == int.from_bytes(checksum)
    )
    if not is_valid:
        raise _NotAnImage
    return width, height


# --- JPEG: ITU-T T.81, annex B --------------------------------------------------------------------------

_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive: what browsers show
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD9))
_END, _SCAN = 0xD9, 0xDA


def _measure_jpeg(reader: _Reader) -> tuple[int, int]:
    position = 2
    while True:
        prefix, marker = reader.at(position, 2)
        if prefix != 0xFF or marker in (0x00, _END, _SCAN):
            break
        if marker == 0xFF:  # a fill byte
            position += 1
        elif marker in _WITHOUT_LENGTH:
            position += 2
        else:
            (length,) = struct.unpack(">H", reader.at(position + 2, 2))
            if marker in _FRAMES:
                precision, height, width, components = struct.unpack(">BHHB", reader.at(position + 4, 6))
                if precision != 8 or components not in (1, 3, 4) or length != 8 + 3 * components:
                    break
                return width, height
            if length < 2:
                break
            position += 2 + length
    raise _NotAnImage


# --- GIF: https://www.w3.org/Graphics/GIF/spec-gif89a.txt -----------------------------------------------


def _measure_gif(reader: _Reader) -> tuple[int, int]:
    width, height, flags = struct.unpack("<HHB", reader.at(6, 5))
    position = 13 + _colour_table_bytes(flags)
    while True:
        block = reader.at(position, 1)
        if block == b"!":
            position = _after_extension(reader, position)
        elif block == b",":
            left, top, across, down, flags = struct.unpack("<HHHHB", reader.at(position + 1, 9))
            (code_bits, first) = reader.at(position + 10 + _colour_table_bytes(flags), 2)
            if not (across and down and 2 <= code_bits <= 8 and first):
                break
            # Viewers enlarge the picture for a first frame that does not fit into it.
            return max(width, left + across), max(height, top + down)
        else:
            break
    raise _NotAnImage


def _colour_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_extension(reader: _Reader, position: int) -> int:
    """Return the position after an extension: a label, and blocks of up to 255 bytes until an empty one."""
    position += 2
    while True:
        (size,) = reader.at(position, 1)
        position += 1 + size
        if not size:
            return position


# --- WebP: RFC 9649 -------------------------------------------------------------------------------------


def _measure_webp(reader: _Reader) -> tuple[int, int]:
    kind, size = struct.unpack("<4sI", reader.at(12, 8))
    if kind == b"VP8X":
        flags_and_sizes = reader.at(20, 10)
        width = int.from_bytes(flags_and_sizes[4:7], "little") + 1
        height = int.from_bytes(flags_and_sizes[7:], "little") + 1
        if size == 10 and width * height < 1 << 32 and reader.at(30, 4).isascii():
            return width, height
    elif kind == b"VP8L":
        signature, bits = struct.unpack("<BI", reader.at(20, 5))
        if signature == 0x2F and bits >> 29 == 0:  # version 0
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        tag, start, width, height = struct.unpack("<3s3sHH", reader.at(20, 10))
        if start == b"\x9d\x01\x2a" and not tag[0] & 1:  # a key frame (RFC 6386 section 9.1)
            return width & 0x3FFF, height & 0x3FFF
    raise _NotAnImage


# --- AVIF: https://aomediacodec.github.io/av1-avif/, in boxes of ISO/IEC 14496-12 ------------------------

# Boxes with others inside, and the bytes before these.
_CONTAINERS = dict.fromkeys((b"iprp", b"ipco", b"moov", b"trak", b"mdia", b"minf", b"stbl"), 0)
_CONTAINERS |= {b"meta": 4, b"stsd": 8}


class _Box(Struct, frozen=True):
    kind: bytes
    start: int  # of its content
    end: int


def _is_avif(start: bytes) -> bool:
    return start[4:8] == b"ftyp"


def _measure_avif(reader: _Reader) -> tuple[int, int]:
    """Return the largest size in the file: it has those of its tiles, its thumbnails and its frames as well."""
    (brands_end,) = struct.unpack(">I", reader.at(0, 4))
    if not 16 <= brands_end <= _AT_ONCE:
        raise _NotAnImage
    brands = reader.at(8, brands_end - 8)
    if not {b"avif", b"avis"} & {brands[at : at + 4] for at in (0, *range(8, len(brands), 4))}:
        raise _NotAnImage
    sizes: list[tuple[int, int]] = []
    for box in _boxes(reader, brands_end):
        if box.kind == b"ispe":
            sizes.append(struct.unpack(">II", reader.at(box.start + 4, 8)))
        elif box.kind == b"av01":
            sizes.append(struct.unpack(">HH", reader.at(box.start + 24, 4)))
        elif box.kind == b"tkhd":
            width, _, height, _ = struct.unpack(">HHHH", reader.at(box.end - 8, 8))
            sizes.append((width, height))
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


def _boxes(reader: _Reader, position: int) -> Iterator[_Box]:
    """Yield the boxes from a position on, and those in them, until the file ends. Raises _NotAnImage."""
    open_ends: list[int] = []  # of the containers around the position
    while True:
        while open_ends and position >= open_ends[-1]:
            position = open_ends.pop()
        try:
            size, kind = struct.unpack(">I4s", reader.at(position, 8))
        except _NotAnImage:
            if open_ends:
                raise
            return
        start = position + 8
        if size == 1:
            (size,) = struct.unpack(">Q", reader.at(start, 8))
            start += 8
        end = position + size
        if size == 0 and not open_ends:
            return  # the rest of the file, which is the picture itself
        if end < start or (open_ends and end > open_ends[-1]):
            raise _NotAnImage
        yield _Box(kind, start, end)
        if kind in _CONTAINERS and start + _CONTAINERS[kind] <= end:
            open_ends.append(end)
            position = start + _CONTAINERS[kind]
        else:
            position = end


_Measure = Callable[[_Reader], tuple[int, int]]
_READERS: tuple[tuple[str, Callable[[bytes], bool], _Measure], ...] = (
    ("png", lambda start: start.startswith(b"\x89PNG\r\n\x1a\n"), _measure_png),
    ("jpeg", lambda start: start.startswith(b"\xff\xd8\xff"), _measure_jpeg),
    ("gif", lambda start: start.startswith((b"GIF87a", b"GIF89a")), _measure_gif),
    ("webp", lambda start: start.startswith(b"RIFF") and start[8:] == b"WEBP", _measure_webp),
    ("avif", _is_avif, _measure_avif),
)
