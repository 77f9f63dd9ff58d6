"""An image is recognized by its content: real ones of each format, damaged ones, and files that only begin like one."""

from __future__ import annotations

import struct
import time
import warnings
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture
from tests.pictures import make, opened, samples
from tests.speed import seconds

from fanlight.message.image_facts import FORMATS, ImageFacts, find_image
from fanlight.message.media_types import media_type_by_name


def found(content: bytes) -> ImageFacts | None:
    file = BytesIO(content)
    facts = find_image(file)
    assert file.tell() == 0
    return facts


@pytest.mark.parametrize("name", list(samples()))
def test_real_images_are_recognized(name: str) -> None:
    """Still or animated, lossless or progressive, with much metadata or with none."""
    assert found(samples()[name]) == ImageFacts(name.split(maxsplit=1)[0], 50, 40)


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (700, 3), (256, 257)])
@pytest.mark.parametrize("name", list(FORMATS))
def test_the_size_is_that_of_the_picture(name: str, size: tuple[int, int]) -> None:
    """Width and height are those that Pillow wrote, also where one is a single pixel."""
    assert found(make(name, size)) == ImageFacts(name, *size)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *(("png", mode) for mode in ("1", "L", "P", "I;16", "LA", "RGBA")),
        *(("jpeg", mode) for mode in ("L", "CMYK")),
        *(("gif", mode) for mode in ("1", "P")),
        *(("webp", mode) for mode in ("RGBA",)),
        *(("avif", mode) for mode in ("L", "RGBA")),
    ],
)
def test_every_colour_mode_is_recognized(name: str, mode: str) -> None:
    """One bit or sixteen, grey, palette, transparent or CMYK."""
    assert found(make(name, mode=mode)) == ImageFacts(name, 50, 40)


def test_facts_have_the_type_and_the_extension_of_their_format() -> None:
    """The extension gives the media type again, by the table that serves files."""
    for name, each in FORMATS.items():
        facts = ImageFacts(name, 3, 4)
        assert (facts.media_type, facts.extension, facts.pixels) == (each.media_type, each.extension, 12)
        assert media_type_by_name(f"x{facts.extension}") == facts.media_type


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"GIF89a/*\x00\x00\x00\x00\x00*/=1;alert(1)",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(50),
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(30),
        b"\x00\x00\x00\x1cftypisom\x00\x00\x02\x00isomiso2mp41",
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(60),
        b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf",
        b"BM" + bytes(60),
        b"II*\x00" + bytes(60),
        b"\x00\x00\x01\x00\x01\x00" + bytes(60),
        b"%PDF-1.7\n" + bytes(60),
        b"<!doctype html><script>alert(1)</script>" + bytes(60),
        SVG,
        b'<?xml version="1.0"?>' + SVG,
        b"\xef\xbb\xbf" + SVG,
    ],
)
def test_other_files_are_no_images(content: bytes) -> None:
    """A signature alone is none, nor are films, documents, formats that browsers do not show, and above all SVG."""
    assert found(content) is None


@pytest.mark.parametrize("name", list(samples()))
def test_an_image_that_does_not_begin_the_file_is_none(name: str) -> None:
    """A page with an image behind it is a page."""
    assert found(b"<script>alert(1)</script>" + samples()[name]) is None
    assert found(b" " + samples()[name]) is None


def png(width: int, height: int, depth: int = 8, colour: int = 2, methods: bytes = b"\0\0\0") -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBB", width, height, depth, colour) + methods
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def test_the_header_of_a_png_is_checked() -> None:
    """Its size, depth, colour type, methods and checksum must be those of a PNG."""
    assert found(png(3, 4)) == ImageFacts("png", 3, 4)
    assert found(png(2**31 - 1, 2**31 - 1)) == ImageFacts("png", 2**31 - 1, 2**31 - 1)
    for wrong in (
        *(png(0, 4), png(3, 0), png(2**31, 4), png(3, 4, depth=7), png(3, 4, depth=4), png(3, 4, colour=5)),
        *(png(3, 4, methods=b"\1\0\0"), png(3, 4, methods=b"\0\1\0"), png(3, 4, methods=b"\0\0\2")),
        png(3, 4)[:-1] + b"x",
        png(3, 4).replace(b"IHDR", b"IDAT"),
    ):
        assert found(wrong) is None


def gif(width: int, height: int, frame: tuple[int, int, int, int], code_bits: int = 2) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return b"GIF89a" + screen + b"," + struct.pack("<HHHHB", *frame, 0) + bytes([code_bits, 2]) + b"L\1\0;"


def test_a_gif_is_as_large_as_its_first_frame() -> None:
    """A first frame that exceeds the picture enlarges it, so a small picture is no way around a limit."""
    assert found(gif(3, 4, (0, 0, 3, 4))) == ImageFacts("gif", 3, 4)
    assert found(gif(3, 4, (10, 20, 60_000, 50_000))) == ImageFacts("gif", 60_010, 50_020)
    assert found(gif(0, 0, (0, 0, 1, 1))) == ImageFacts("gif", 1, 1)
    assert found(gif(3, 4, (0, 0, 0, 4))) is None
    assert found(gif(3, 4, (0, 0, 3, 4), code_bits=40)) is None


def test_an_avif_is_as_large_as_the_largest_picture_in_it() -> None:
    """An animation has its size in several places, and a viewer may use any of them."""
    for place in (b"ispe", b"av01", b"tkhd"):
        content = samples()["avif animated"]
        assert place in content
        found_at = content.rindex(place)
        if place == b"ispe":
            at, size = found_at + 8, struct.pack(">II", 7000, 8000)
        elif place == b"av01":
            at, size = found_at + 4 + 24, struct.pack(">HH", 7000, 8000)
        else:
            (length,) = struct.unpack(">I", content[found_at - 4 : found_at])
            at, size = found_at - 4 + length - 8, struct.pack(">HHHH", 7000, 0, 8000, 0)
        assert found(content[:at] + size + content[at + len(size) :]) == ImageFacts("avif", 7000, 8000)


Damage = list[tuple[float, int, bytes]]
DAMAGE = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 8), st.binary(max_size=8)), min_size=1, max_size=4
)


@settings(max_examples=8 * settings().max_examples)
@given(st.sampled_from(list(samples())), DAMAGE, st.booleans())
def test_a_damaged_image_is_never_larger_than_it_seems(name: str, damage: Damage, is_at_start: bool) -> None:
    """Whatever is changed, removed or added: nothing is raised, and Pillow decodes no larger picture than is found."""
    content = samples()[name]
    for place, removed, added in damage:
        at = int(place * (min(len(content), 300) if is_at_start else len(content)))
        content = content[:at] + added + content[at + removed :]
    facts = found(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Pillow thinks of it
        picture = opened(content)
    if facts is not None and picture is not None:
        assert facts.format == str(picture.format).lower()
        assert facts.width >= picture.width
        assert facts.height >= picture.height


@settings(max_examples=8 * settings().max_examples)
@given(st.sampled_from([content[:16] for content in samples().values()] + [b""]), st.binary(max_size=200))
def test_any_bytes_are_an_image_or_none(start: bytes, rest: bytes) -> None:
    """Whatever follows a signature: facts with a size, or nothing, and never an exception."""
    facts = found(start + rest)
    assert facts is None or (facts.width > 0 and facts.height > 0)


@pytest.mark.parametrize("name", list(samples()))
def test_a_file_that_ends_too_early_is_none(name: str) -> None:
    """However short: the whole size must be there."""
    content, whole = samples()[name], found(samples()[name])
    for size in range(min(len(content), 400)):
        assert found(content[:size]) in (None, whole)
    assert found(content[:20]) is None


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xff\xd8\xff" + b"\xff" * 4_000_000, id="jpeg of fill bytes"),
        pytest.param(b"\xff\xd8" + b"\xff\xe0\0\2" * 1_000_000, id="jpeg of empty segments"),
        pytest.param(b"GIF89a" + bytes(7) + b"!\xfe\0" * 1_000_000, id="gif of empty extensions"),
        pytest.param(b"GIF89a" + bytes(7) + b"!\xfe" + b"\1x" * 2_000_000, id="gif of one long extension"),
        pytest.param(b"\0\0\0\x14ftypavif\0\0\0\0avif" + b"\0\0\0\x08free" * 500_000, id="avif of empty boxes"),
        pytest.param(b"\0\0\0\x14ftypavif\0\0\0\0avif" + b"\0\0\0\0meta" * 9, id="avif of boxes without an end"),
        pytest.param(
            b"\0\0\0\x14ftypavif\0\0\0\0avif\0\0\0\1free" + b"\xff" * 8 + bytes(90), id="avif of an endless box"
        ),
    ],
)
def test_a_file_of_millions_of_blocks_costs_little(content: bytes) -> None:
    """The number of reads is limited: megabytes of tiny blocks are refused in milliseconds."""
    started = time.thread_time()
    assert found(content) is None
    assert time.thread_time() - started < seconds(0.05)


def test_pillow_agrees_that_they_are_images() -> None:
    """The samples are what they are called, so that the tests test what they say."""
    for name, content in samples().items():
        picture = opened(content)
        assert picture is not None
        assert (str(picture.format).lower(), picture.size) == (name.split()[0], (50, 40))
        assert isinstance(picture, Picture.Image)
