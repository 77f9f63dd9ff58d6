"""Side files: `app.css.br`, `app.css.zst` and `app.css.gz` beside `app.css`.

In: what a client says that it can read (RFC 9110 section 12.5.3). Out: the codings that it takes, the best first.
Knows nothing of files.
"""

from __future__ import annotations

from functools import lru_cache

# The coding, and the ending of its files; among what a client likes equally, the first is taken.
ENDINGS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
_ALSO = {"x-gzip": "gzip"}
_MOST_ASKED = 32  # more members than any client sends


@lru_cache(256)
def codings_for(accept_encoding: str) -> tuple[str, ...]:
    """Return the codings of side files that a client takes instead of the plain file, the best first."""
    liked: dict[str, float] = {}
    for member in accept_encoding.lower().split(",")[:_MOST_ASKED]:
        name, _, parameters = member.partition(";")
        liked.setdefault(_ALSO.get(name.strip(), name.strip()), _quality(parameters))
    others = liked.get("*", 0.0)
    plain = liked.get("identity", 0.0)
    offered = {coding: liked.get(coding, others) for coding in ENDINGS}
    taken = [coding for coding, quality in offered.items() if quality > 0 and quality >= plain]
    return tuple(sorted(taken, key=lambda coding: -offered[coding]))


def _quality(parameters: str) -> float:
    key, equals, value = parameters.strip().partition("=")
    if not equals or key.strip() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
