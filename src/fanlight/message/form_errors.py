"""What is wrong with a form, for the view that shows it again.

In: a message for each bad field, and what was posted. Out: a mapping, and the posted values.
Knows nothing of requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fanlight.errors import ContentTooLarge
from fanlight.message.form import MultiMapping


class FormErrors(dict[str, str]):
    """The message for each bad field, by the field's name; empty, and false, if all is well.

    A field without a message has "", so a template may ask for any. `posted` has what was sent, as
    text: `errors.posted.get("name")`. A view may add what only it can know:
    `errors["name"] = "is taken"`. What concerns no single field is named "".
    """

    posted: MultiMapping[Any]
    refusal: ContentTooLarge | None  # why no more of the form was read; its message is among the others

    def __init__(
        self,
        messages: Mapping[str, str] | None = None,
        posted: MultiMapping[Any] | None = None,
        *,
        refusal: ContentTooLarge | None = None,
    ) -> None:
        """Take the messages, and what was posted."""
        super().__init__(messages or {})
        self.posted = MultiMapping() if posted is None else posted
        self.refusal = refusal

    def __missing__(self, name: str) -> str:
        return ""
