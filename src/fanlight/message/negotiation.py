"""Choose what a client likes best (RFC 9110 section 12.5.1)."""

from __future__ import annotations


def best_of(accept: str, offers: tuple[str, ...]) -> str | None:
    """Return the offered media type that an Accept field likes best, None if it takes none.

    Among equals the first offer wins; without a field everything is equal.
    """
    if not accept.strip():
        return offers[0] if offers else None
    ranges = [read_range(each) for each in accept.split(",")]
    best, best_quality = None, 0.0
    for offer in offers:
        quality = _quality_of(offer.lower(), ranges)
        if quality > best_quality:
            best, best_quality = offer, quality
    return best


def read_range(text: str) -> tuple[str, float]:
    """Return the name in one member of an Accept field, in lower case, and how much it is liked (0 to 1)."""
    name, *parameters = text.split(";")
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.strip().partition("=")
        if key.lower() == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                quality = 0.0
    return name.strip().lower(), quality if quality == quality else 0.0  # noqa: PLR0124 - NaN is not itself


def _quality_of(offer: str, ranges: list[tuple[str, float]]) -> float:
    """Return how much an offer is liked: the most specific range that covers it decides."""
    kind = offer.partition("/")[0]
    for covering in (offer, f"{kind}/*", "*/*"):
        for name, quality in ranges:
            if name == covering:
                return quality
    return 0.0
