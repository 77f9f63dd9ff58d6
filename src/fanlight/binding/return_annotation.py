"""Read the return annotation of a view.

In: a view. Out: the type that it is annotated to return, with aliases resolved as in its parameters; MISSING without an
annotation. Raises one of `ANNOTATION_ERRORS` for text that can't be evaluated (a name that is imported for type
checkers only), and for metadata that means nothing here.
"""

from __future__ import annotations

import inspect
from typing import Any

from fanlight.binding.annotations import fill_type_variables, parse_type
from fanlight.binding.callables import View, unwrap_callable
from fanlight.binding.describe import annotation_text
from fanlight.binding.scope import scope_of
from fanlight.binding.sentinels import MISSING


def return_annotation(view: View) -> Any:
    """Return the type that a view returns, MISSING if it has no annotation. Raises TypeError, NameError and others."""
    written = _written(view)
    if written is MISSING:
        return MISSING
    return fill_type_variables(parse_type(written, scope_of(unwrap_callable(view)), "in a return annotation"))


def return_text(view: View) -> str:
    """Return the return annotation as it is written, "" without one."""
    written = _written(view)
    if written is MISSING:
        return ""
    return written if isinstance(written, str) else "None" if written is None else annotation_text(written)


def _written(view: View) -> Any:
    try:
        written = inspect.signature(view).return_annotation
    except (TypeError, ValueError):  # not written in Python
        return MISSING
    return MISSING if written is inspect.Signature.empty else written
