"""The functions of templates that belong to the protection of a site: the nonce of a page, and tags that have it.

In: the Content-Security-Policy of an app, and its `asset`. Out: `csp_nonce` and `script_tag`, as templates get them. In
an app without such a policy they exist too, and cost nothing: the same template works with and without it.
"""

from __future__ import annotations

from collections.abc import Callable

from fanlight.message.request import Request
from fanlight.pages.request_function import RequestFunction
from fanlight.protection.content_security_policy import PolicyTexts
from fanlight.protection.page_nonces import Element, PageNonces, tag_of_script


def page_functions(policy: PolicyTexts | None, asset: Callable[[str], str]) -> dict[str, object]:
    """Return the functions by their names."""

    def tag_without(name: str, /, **attributes: object) -> Element:
        return tag_of_script(asset(name), "", attributes)

    if policy is None or not policy.with_gap:
        return {"csp_nonce": lambda: "", "script_tag": tag_without}
    nonce = PageNonces(policy).nonce

    def tag(request: Request, name: str, /, **attributes: object) -> Element:
        return tag_of_script(asset(name), nonce(request), attributes)

    return {"csp_nonce": RequestFunction(nonce), "script_tag": RequestFunction(tag)}
