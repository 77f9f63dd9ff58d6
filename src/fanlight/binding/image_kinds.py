"""Carry the check of an image from an annotation to its field: `Annotated[Upload, Image()]`.

In: the check, or a kind with the metadata around it. Out: the `msgspec.Meta` that carries it; the check of a field's
files; whether it is somewhere else, where it would have no effect.
"""

from __future__ import annotations

from msgspec import Meta
from msgspec import inspect as kinds

from fanlight.binding.kinds import COLLECTIONS, Kind, inner_kinds, is_upload, split_optional, strip_metadata
from fanlight.message.image_check import Image

_KEY = "fanlight.image"


def image_meta(image: Image) -> Meta:
    """Return the metadata that carries a check through a type."""
    return Meta(extra={_KEY: image})


def carries_image(meta: Meta) -> bool:
    """Return whether metadata carries a check."""
    return _KEY in (meta.extra or {})


def image_of(kind: Kind) -> Image | None:
    """Return the check of a file, or of each file of a collection; None if they have none."""
    found: Image | None = None
    while found is None:
        if isinstance(kind, kinds.Metadata):
            found, kind = (kind.extra or {}).get(_KEY), kind.type
        elif isinstance(kind, kinds.UnionType):
            members = [each for each in kind.types if not isinstance(each, kinds.NoneType)]
            if len(members) > 1:
                return None
            kind = members[0]
        elif type(kind) in COLLECTIONS:
            kind = kind.item_type  # type: ignore[attr-defined]  # every collection has it
        else:
            return None
    return found


def has_misplaced_image(kind: Kind, seen: set[int] | None = None) -> bool:
    """Return whether a check stands at something else than a file, anywhere in a kind."""
    seen = set() if seen is None else seen
    if id(kind) in seen:  # a class that contains itself
        return False
    seen.add(id(kind))
    if isinstance(kind, kinds.Metadata):
        is_misplaced = _KEY in (kind.extra or {}) and not is_upload(split_optional(strip_metadata(kind))[0])
        return is_misplaced or has_misplaced_image(kind.type, seen)
    return any(has_misplaced_image(each, seen) for each in inner_kinds(kind))
