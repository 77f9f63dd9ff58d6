"""Negotiate the content coding (RFC 9110 section 12.5.3); table of media types worth compressing.

In: the field `accept-encoding` and the codings on offer; a media type. Out: the name of a coding, "" for none. Members
of the field that are malformed are ignored.
"""

from __future__ import annotations

from functools import lru_cache

from fanlight.message.accept import read_range
from fanlight.message.media_types import essence_of

MOST_ACCEPT_CHARACTERS = 1024  # a longer field is ignored; a browser sends about 25
_KNOWN = 256

# Media types worth compressing: "type/*" is all of a type, "+suffix" all with this suffix (RFC 6839). Others (images,
# audio, video, archives, most fonts) are compressed by their format.
COMPRESSIBLE: tuple[str, ...] = (
    *("text/*", "+json", "+xml", "+yaml", "application/json", "application/xml", "application/javascript"),
    *("application/ecmascript", "application/jsonlines", "application/x-ndjson", "application/json-seq"),
    *("application/graphql", "application/manifest+json", "application/rtf", "application/sql", "application/toml"),
    *("application/wasm", "application/x-javascript", "application/x-sh", "application/x-tar", "application/x-yaml"),
    *("application/yaml", "application/postscript", "application/vnd.ms-fontobject", "font/otf", "font/ttf"),
    *("font/collection", "image/bmp", "image/svg+xml", "image/x-icon", "image/vnd.microsoft.icon"),
    *("application/vnd.apple.mpegurl", "application/vnd.sqlite3", "model/gltf-binary", "model/stl"),
)
# Not included by "text/*": single events hardly become smaller, and each client costs the memory of a compressor.
_NAMED_ONLY = frozenset({"text/event-stream"})


@lru_cache(_KNOWN)
def is_compressible(content_type: str, table: tuple[str, ...] = COMPRESSIBLE) -> bool:
    """Return whether a table such as COMPRESSIBLE includes a `content-type`."""
    name = essence_of(content_type)
    if name in table:
        return True
    kind, slash, subtype = name.partition("/")
    if not slash or name in _NAMED_ONLY:
        return False
    plus, suffix = subtype.rpartition("+")[1:]
    return f"{kind}/*" in table or (plus == "+" and f"+{suffix}" in table)


def best_encoding(accept_encoding: str, offers: tuple[str, ...]) -> str:
    """Return the offered coding that a client prefers, "" for none."""
    acceptable = acceptable_encodings(accept_encoding, offers)
    return acceptable[0] if acceptable else ""


def acceptable_encodings(accept_encoding: str, offers: tuple[str, ...]) -> tuple[str, ...]:
    """Return the offered codings that a client prefers to unencoded content, best first; ties keep the offered order.

    A client that accepts neither the codings nor unencoded content gets the latter, as section 12.5.3 recommends.
    """
    if not accept_encoding or len(accept_encoding) > MOST_ACCEPT_CHARACTERS:
        return ()
    return _ranked(accept_encoding, offers)


@lru_cache(_KNOWN)
def _ranked(accept_encoding: str, offers: tuple[str, ...]) -> tuple[str, ...]:
    read = (read_range(coding) for coding in accept_encoding.split(","))
    weights = {"gzip" if name == "x-gzip" else name: quality for name, quality in read if name}  # section 8.4.1.3
    others = weights.get("*", 0.0)
    identity = weights.get("identity", others)
    offered = {offer: weights.get(offer, others) for offer in offers}
    # A tie with unencoded content goes to the coding, which is smaller.
    return tuple(sorted((each for each in offers if 0 < offered[each] >= identity), key=lambda each: -offered[each]))
