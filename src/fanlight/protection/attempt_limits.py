"""How often a sign-in may be tried: the limits, without what counts.

In: rates as they are written. Out: the same, read; and whether one is weaker than another.
"""

from __future__ import annotations

from msgspec import Struct

from fanlight.protection.rate_text import read_rate
from fanlight.stores.rate import Rate

# The field that names an account, if the site does not say: the first of these that a form has.
ACCOUNT_FIELDS = ("email", "e_mail", "username", "user", "login", "account", "phone", "name")


class AttemptLimits(Struct, frozen=True, kw_only=True):
    """How often a sign-in may be tried; None: without a limit."""

    address: Rate | None
    account: Rate | None
    account_fields: tuple[str, ...] = ACCOUNT_FIELDS


def read_attempts(address: object, account: object, field: str) -> AttemptLimits:
    """Return the limits for an address and for an account, None for none. Raises AppError for what is no rate."""
    return AttemptLimits(
        address=None if address is None else read_rate(address),
        account=None if account is None else read_rate(account),
        account_fields=(field,) if field else ACCOUNT_FIELDS,
    )


def is_weaker(rate: Rate | None, usual: Rate | None) -> bool:
    """Return whether a rate allows more than the usual one."""
    if usual is None:
        return False
    return rate is None or rate.count * usual.seconds > usual.count * rate.seconds
