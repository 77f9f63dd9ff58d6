"""Choose what a client likes best (RFC 9110 section 12.5.1)."""

from __future__ import annotations

import re

# Section 12.4.2 has three digits behind a point that follows a 0 or a 1. Clients that leave out the 0, or calculate the
# number, are understood; digits of other scripts, signs, exponents, "inf" and "nan", which float() takes too, are not.
_WEIGHT = re.compile(r"[0-9]{1,16}(?:\.[0-9]{0,32})?|\.[0-9]{1,32}")


def best_match(accept: str, offers: tuple[str, ...]) -> str | None:
    """Return the offered media type that an Accept field likes best, None if it takes none.

    Among equals the first offer wins; without a field everything is equal.
    """
    ranges = [read_range(each) for member in accept.split(",") if (each := member.strip(" \t"))]
    if not ranges:
        return offers[0] if offers else None
    best, best_quality = None, 0.0
    for offer in offers:
        quality = _quality_of(offer.lower(), ranges)
        if quality > best_quality:
            best, best_quality = offer, quality
    return best


def read_range(text: str) -> tuple[str, float]:
    """Return the name in one member of an Accept field, in lower case, and its weight (0 to 1; 0 for no number)."""
    name, *parameters = text.split(";")
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.strip(" \t").partition("=")
        if key.lower() == "q":
            quality = min(float(value), 1.0) if _WEIGHT.fullmatch(value) else 0.0
    return name.strip(" \t").lower(), quality


def _quality_of(offer: str, ranges: list[tuple[str, float]]) -> float:
    """Return how much an offer is liked: the most specific range that covers it decides."""
    kind = offer.partition("/")[0]
    for covering in (offer, f"{kind}/*", "*/*"):
        for name, quality in ranges:
            if name == covering:
                return quality
    return 0.0
