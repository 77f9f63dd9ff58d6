"""Fill the parameters of a function that is no view: middleware, an error view, a context function of templates.

In: such a function, and the names that its caller gives it. Out: its signature, if it takes more than that. It may take
the request, `State`, cookies, header fields and dependencies. Refuses what a client would send under the parameter's
name: such a function runs for many addresses, and what the names of their fields mean is a matter of the views.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from fanlight.binding.annotations import describe_marker
from fanlight.binding.markers import FieldName, WholeBody
from fanlight.binding.sentinels import MISSING
from fanlight.binding.signature import Signature, markers_of, read_signature
from fanlight.errors import Mistake, SetupError


def read_injected(function: Any, kind: str, folder: Path | None, given: Iterable[str] = ()) -> Signature | None:
    """Return the signature of a function without what it is `given`; None if it takes nothing else but the request.

    `kind` names it in messages. Raises SetupError for parameters that nothing fills.
    """
    if not markers_of(function):
        return None
    signature = read_signature(function, folder)
    parameters, mistakes = [], list[Mistake]()
    for each in signature.parameters:
        if each.name in given:
            if each.marker is not None:
                what = describe_marker(each.marker)
                message = f"{each.name} in {signature.name} is {what}, but the {kind} gets the {each.name} by that name"
                mistakes.append(signature.mistake(message, "give the parameter another name"))
        elif isinstance(each.marker, FieldName | WholeBody):
            message = f"{each.name} in {signature.name} is {describe_marker(each.marker)}, which only views take"
            mistakes.append(signature.mistake(message, "take the request, and read it there"))
        elif each.marker is not None or each.name == "request":
            parameters.append(each)
        elif each.default is MISSING:
            names = ", ".join(("request", *given))
            message = f"nothing fills {each.name} in {signature.name}"
            hint = f"its parameters are {names}, and what is annotated with State, Cookie, Header or a dependency"
            mistakes.append(signature.mistake(message, hint))
    if mistakes:
        raise SetupError(mistakes)
    return replace(signature, parameters=tuple(parameters), has_kwargs=False)
