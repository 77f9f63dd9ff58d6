"""Decode what an answer was compressed by, as browsers do.

In: content as it was sent, and its `content-encoding`. Out: the content. Leaves it as it is where a coding is
unknown, or its package is not installed.
"""

from __future__ import annotations

from fanlight.compression.codecs import CODECS


def decoded(content: bytes, content_encoding: str) -> bytes:
    """Return content as it was before it was encoded. Raises what the codec raises for what is broken."""
    codings = [each.strip().lower().removeprefix("x-") for each in content_encoding.split(",") if each.strip()]
    if not content or not all(coding in CODECS for coding in codings):
        return content
    for coding in reversed(codings):
        content = CODECS[coding].decode(content)
    return content
