"""The element of a script in a page: `{{ script_tag("app.js") }}` in a template.

In: the URL of the script, the nonce of the page, attributes. Out: the element, as HTML.
"""

from __future__ import annotations

from collections.abc import Mapping

from fanlight.message.html_text import escape


class Element(str):
    """Text that is HTML already."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return it as it is."""
        return self


def tag_of_script(source: str, nonce: str, attributes: Mapping[str, object]) -> Element:
    """Return the element of a script; it is deferred, unless it is a module or `defer=False` is given.

    An attribute that is True has no value, one that is False or None is left out; "_" in a name is "-".
    """
    named = {"src": source, **({"nonce": nonce} if nonce else {}), **_with_defer(attributes)}
    parts = (_attribute(name.rstrip("_").replace("_", "-"), value) for name, value in named.items())
    return Element(f"<script {' '.join(filter(None, parts))}></script>")


def _with_defer(attributes: Mapping[str, object]) -> dict[str, object]:
    is_module = attributes.get("type") == "module"
    has_own = is_module or "defer" in attributes or attributes.get("async_") or attributes.get("async")
    return {**attributes} if has_own else {"defer": True, **attributes}


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    return escape(name) if value is True else f'{escape(name)}="{escape(str(value))}"'
