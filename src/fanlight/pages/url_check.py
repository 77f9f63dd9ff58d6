"""Try a call of `url_for` or `asset` that is written in a site, before anything calls it.

In: the function, its first argument, and its parameters, of which some are unknown. Out: a mistake if no values of the
unknown ones could make the call succeed, else None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fanlight.errors import Mistake, NoSuchURL, UnfittingValue

UNKNOWN: Final = object()  # the value of a parameter that is computed
_AFTER_PATH = frozenset({"query", "fragment"})  # of a URL: `url_for` may take them for any view


def wrong_url(url_for: Callable[..., str], view: object, parameters: Mapping[str, object]) -> Mistake | None:
    """Return what is wrong with a call of `url_for`."""
    found = _tried(url_for, view, **parameters)
    if found is not None and not _AFTER_PATH.isdisjoint(parameters):
        return _tried(url_for, view, **{name: parameters[name] for name in parameters.keys() - _AFTER_PATH})
    return found


def wrong_asset(asset: Callable[..., str], name: str) -> Mistake | None:
    """Return what is wrong with a call of `asset`."""
    return _tried(asset, name)


def _tried(function: Callable[..., str], *arguments: object, **named: Any) -> Mistake | None:
    try:
        function(*arguments, **named)
    except UnfittingValue as error:
        return None if error.value is UNKNOWN else Mistake(message=str(error))
    except NoSuchURL as error:
        message, _, hint = str(error).partition("; ")
        return Mistake(message=message, hint=hint)
    except (TypeError, ValueError):  # an unknown value, where only some kinds can be tried
        return None
    return None
