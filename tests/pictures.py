"""Real images of every format, made by Pillow, for tests of what reads them."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image as Picture
from PIL import ImageFile

from fanlight.message.image_facts import FORMATS


def make(name: str, size: tuple[int, int] = (50, 40), mode: str = "RGB", frames: int = 1, **options: Any) -> bytes:
    """Return an image in a format ("png"), with some structure in it, so that its content is no single byte."""
    pictures = [_pattern(size, number).convert(mode) for number in range(frames)]
    file = BytesIO()
    if frames > 1:
        options |= {"save_all": True, "append_images": pictures[1:]}
    pictures[0].save(file, name.upper(), **options)
    return file.getvalue()


@cache
def samples() -> dict[str, bytes]:
    """Return one image of each kind, by a name that begins with its format."""
    found = {name: make(name) for name in FORMATS}
    found |= {f"{name} animated": make(name, frames=3) for name in ("png", "gif", "webp", "avif")}
    found["jpeg progressive"] = make("jpeg", progressive=True)
    found["jpeg with metadata"] = make("jpeg", exif=b"Exif\0\0" + b"x" * 30_000, icc_profile=b"y" * 90_000)
    found["webp lossless"] = make("webp", lossless=True)
    found["webp with metadata"] = make("webp", exif=b"Exif\0\0" + b"x" * 3000)
    found["gif with a comment"] = make("gif", comment=b"c" * 9000)
    return found


def opened(content: bytes) -> ImageFile.ImageFile | None:
    """Return what Pillow makes of a file, None if it finds no image of these formats in it."""
    try:
        return Picture.open(BytesIO(content), formats=[name.upper() for name in FORMATS])
    except (OSError, SyntaxError, ValueError, Picture.DecompressionBombError):
        return None


def _pattern(size: tuple[int, int], number: int) -> Picture.Image:
    across, down = size
    rows = [bytes((x * 5 + y * 3 + number * 40) % 256 for x in range(across)) for y in range(down)]
    return Picture.frombytes("L", size, b"".join(rows))
