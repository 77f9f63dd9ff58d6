"""Choose how content is encoded for a client (RFC 9110 section 12.5.3), and which content is worth it.

In: the field `accept-encoding` and what there is to offer; a media type. Out: the name of a coding, "" for
none. What makes no sense in the field is as if it were not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from fanlight.message.accept import read_range

MOST_ACCEPT_CHARACTERS = 1024  # of a field that is looked at: a browser sends about 25
_KNOWN = 256

# Media types that become smaller: "kind/*" is all of a kind, "+suffix" all that end so (RFC 6839). What
# is not here (images, sound, films, archives, most fonts) is compressed already.
COMPRESSIBLE: tuple[str, ...] = (
    *("text/*", "+json", "+xml", "+yaml", "application/json", "application/xml", "application/javascript"),
    *("application/ecmascript", "application/jsonlines", "application/x-ndjson", "application/json-seq"),
    *("application/graphql", "application/manifest+json", "application/rtf", "application/sql", "application/toml"),
    *("application/wasm", "application/x-javascript", "application/x-sh", "application/x-tar", "application/x-yaml"),
    *("application/yaml", "application/postscript", "application/vnd.ms-fontobject", "font/otf", "font/ttf"),
    *("font/collection", "image/bmp", "image/svg+xml", "image/x-icon", "image/vnd.microsoft.icon"),
    *("application/vnd.apple.mpegurl", "application/vnd.sqlite3", "model/gltf-binary", "model/stl"),
)
# Each event would be as big as before, and each reader would cost the memory of a compressor: so it is
# compressed only where its whole name is in the table.
_NAMED_ONLY = frozenset({"text/event-stream"})


@lru_cache(_KNOWN)
def is_compressible(content_type: str, table: tuple[str, ...] = COMPRESSIBLE) -> bool:
    """Say whether content of a type, as `content-type` says it, is in a table such as COMPRESSIBLE."""
    name = content_type.partition(";")[0].strip().lower()
    if name in table:
        return True
    kind, slash, subtype = name.partition("/")
    if not slash or name in _NAMED_ONLY:
        return False
    plus, suffix = subtype.rpartition("+")[1:]
    return f"{kind}/*" in table or (plus == "+" and f"+{suffix}" in table)


def best_encoding(accept_encoding: str, offers: tuple[str, ...]) -> str:
    """Return which of the offered codings a client likes best, "" for the content as it is."""
    taken = acceptable_encodings(accept_encoding, offers)
    return taken[0] if taken else ""


def acceptable_encodings(accept_encoding: str, offers: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the offered codings a client takes rather than the content as it is, the best first.

    Among equals the first offer wins. One that nobody asks for is not used; where not even the content as it is
    would do, it is sent all the same, as section 12.5.3 has it.
    """
    if not accept_encoding or len(accept_encoding) > MOST_ACCEPT_CHARACTERS:
        return ()
    return _taken(accept_encoding, offers)


@lru_cache(_KNOWN)
def _taken(accept_encoding: str, offers: tuple[str, ...]) -> tuple[str, ...]:
    asked = dict(_read(accept_encoding.split(",")))
    others = asked.get("*", 0.0)
    plain = asked.get("identity", others)
    liked = {offer: asked.get(offer, others) for offer in offers}
    # Equal to the content as it is: smaller is better.
    return tuple(sorted((each for each in offers if 0 < liked[each] >= plain), key=lambda each: -liked[each]))


def _read(codings: Iterable[str]) -> Iterable[tuple[str, float]]:
    for coding in codings:
        name, quality = read_range(coding)
        if name:
            yield ("gzip" if name == "x-gzip" else name), quality  # section 8.4.1.3
