"""The errors of a form, for a view that shows the form again.

In: a message for each bad field, and the submitted values. Out: a mapping with both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fanlight.errors import ContentTooLarge
from fanlight.message.form import MultiMapping


class FormErrors(dict[str, str]):
    """The message for each bad field, by name; empty, and false, if the form is valid.

    A field without an error has the message "", so a template can use any name. `posted` has the submitted values as
    text: `errors.posted.get("name")`. A view can add errors of its own: `errors["name"] = "is taken"`. An error that
    concerns no single field has the name "".
    """

    posted: MultiMapping[Any]
    refusal: ContentTooLarge | None  # why the rest of the form was not read; its message is in the mapping

    def __init__(
        self,
        messages: Mapping[str, str] | None = None,
        posted: MultiMapping[Any] | None = None,
        *,
        refusal: ContentTooLarge | None = None,
    ) -> None:
        """Make errors of messages and the submitted values."""
        super().__init__(messages or {})
        self.posted = MultiMapping() if posted is None else posted
        self.refusal = refusal

    def __missing__(self, name: str) -> str:
        return ""
