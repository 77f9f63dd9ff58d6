"""`Image`: a check that an uploaded file is an image, by its content.

    def save(picture: Annotated[Upload, Image()]): ...
    def save(picture: Annotated[Upload | None, Image("png", "jpeg", max_pixels=4_000_000)] = None): ...

In: an `Upload`. Out: what is wrong with it, in words for the person who sent it, or nothing. The content decides: the
name and the media type that a client sends are neither trusted nor compared, because both follow from the content once
it is known. Refuses, as AppError, formats that do not exist.
"""

from __future__ import annotations

from fanlight.closest_name import closest_name
from fanlight.errors import AppError
from fanlight.message.image_facts import FORMATS
from fanlight.message.upload import Upload

MAX_PIXELS = 64_000_000  # decoded, a pixel takes four bytes
_DOCUMENTS = ("svg", "svg+xml", "pdf")


class Image:
    """Accept only images in an `Upload`: of the given formats (by default all that are known), up to a size.

    The formats are "png", "jpeg", "gif", "webp" and "avif". `max_pixels` is the largest product of width and height: a
    file of a few kilobytes can become a picture of gigabytes when it is decoded. Raises AppError for another format,
    and for a `max_pixels` that is no positive integer.
    """

    __slots__ = ("formats", "max_pixels")

    def __init__(self, *formats: str, max_pixels: int = MAX_PIXELS) -> None:
        for name in formats:
            if name not in FORMATS:
                raise AppError(f"Image() has no format {name!r}; {_hint(name)}")
        if not _is_count(max_pixels):
            raise AppError(f"max_pixels is {max_pixels!r}; it must be a whole number, like max_pixels=20_000_000")
        self.formats = tuple(dict.fromkeys(formats)) or tuple(FORMATS)
        self.max_pixels = max_pixels

    def problem_with(self, upload: Upload) -> str:
        """Return what is wrong with a file, "" if it is accepted. Raises OSError if it can't be read."""
        if not upload.size:
            return "is empty"
        facts = upload.find_image()
        if facts is None:
            return f"is no {_titles(self.formats)} image"
        if facts.format not in self.formats:
            return f"is a {FORMATS[facts.format].title} image, and must be {_titles(self.formats)}"
        # SECURITY: tests/binding/test_image_check.py: a small file that fills the memory when it is decoded
        if facts.pixels > self.max_pixels:
            return f"is {facts.width:,} by {facts.height:,} pixels; at most {self.max_pixels:,} pixels are accepted"
        return ""

    @property
    def description(self) -> str:
        """What is accepted, in words: "a PNG or JPEG image of at most 64,000,000 pixels"."""
        return f"a {_titles(self.formats)} image of at most {self.max_pixels:,} pixels"

    @property
    def media_types(self) -> tuple[str, ...]:
        """The media types of the formats."""
        return tuple(FORMATS[each].media_type for each in self.formats)

    def __repr__(self) -> str:
        given = [repr(each) for each in self.formats if len(self.formats) < len(FORMATS)]
        if self.max_pixels != MAX_PIXELS:
            given.append(f"max_pixels={self.max_pixels:_}")
        return f"Image({', '.join(given)})"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _titles(formats: tuple[str, ...]) -> str:
    """Return formats in words: "PNG, JPEG or GIF"."""
    *others, last = (FORMATS[each].title for each in formats)
    return f"{', '.join(others)} or {last}" if others else last


def _hint(name: object) -> str:
    if not isinstance(name, str):
        return 'write Image("png", "jpeg")'
    if name.lower() in _DOCUMENTS:
        return "such a file is a document, which can run scripts; take it as an Upload without this check"
    close = "jpeg" if name.lower() == "jpg" else closest_name(name.lower(), list(FORMATS))
    return f'did you mean "{close}"?' if close else f"there are {', '.join(FORMATS)}"
