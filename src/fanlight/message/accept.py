"""Content negotiation by the `Accept` field (RFC 9110 section 12.5.1)."""

from __future__ import annotations

from fanlight.lazy_pattern import lazy_pattern

# Section 12.4.2 allows 0 or 1, and three digits after a point. Numbers without the 0, and longer ones, are accepted;
# digits of other scripts, signs, exponents, "inf" and "nan", which float() would accept too, are not.
_WEIGHT = lazy_pattern(r"[0-9]{1,16}(?:\.[0-9]{0,32})?|\.[0-9]{1,32}")


def best_match(accept: str, offers: tuple[str, ...]) -> str | None:
    """Return the offered media type that an Accept field prefers, None if it accepts none.

    Of several with the same weight the first offer is returned; without a field all have the same.
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


def names(accept: str, media_type: str) -> bool:
    """Return whether an Accept field names a media type itself, and does not refuse it (q=0)."""
    if media_type not in accept.lower():
        return False
    return any(name == media_type and quality for name, quality in map(read_range, accept.split(",")))


def read_range(text: str) -> tuple[str, float]:
    """Return the name in a member of an Accept field, in lower case, and its weight (0 to 1; 0 if malformed)."""
    name, *parameters = text.split(";")
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.strip(" \t").partition("=")
        if key.lower() == "q":
            quality = min(float(value), 1.0) if _WEIGHT.fullmatch(value) else 0.0
    return name.strip(" \t").lower(), quality


def _quality_of(offer: str, ranges: list[tuple[str, float]]) -> float:
    """Return the weight of an offer: that of the most specific range that matches it."""
    kind = offer.partition("/")[0]
    for candidate in (offer, f"{kind}/*", "*/*"):
        for name, quality in ranges:
            if name == candidate:
                return quality
    return 0.0
