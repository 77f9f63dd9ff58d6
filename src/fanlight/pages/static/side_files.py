"""Side files: `app.css.br`, `app.css.zst` and `app.css.gz` beside `app.css`.

In: what a client says that it can read. Out: the codings that it takes, the best first. Knows nothing of files.
"""

from __future__ import annotations

from fanlight.compression.negotiation import acceptable_encodings

# The coding, and the ending of its files; among what a client likes equally, the first is taken.
ENDINGS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
_OFFERS = tuple(ENDINGS)


def codings_for(accept_encoding: str) -> tuple[str, ...]:
    """Return the codings of side files that a client takes instead of the plain file, the best first."""
    return acceptable_encodings(accept_encoding, _OFFERS)
