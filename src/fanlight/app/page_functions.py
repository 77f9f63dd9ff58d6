"""The functions of templates that belong to the protection of a site: the nonce of a page, the token of a form.

In: the Content-Security-Policy of an app, and its `asset`. Out: `csp_nonce` and `script_tag`, as templates get them. In
an app without such a policy they exist too, and cost nothing: the same template works with and without it. `csrf_field`
and `csrf_token` are refused in an app without tokens: a field that nothing checks would look like protection.
"""

from __future__ import annotations

from collections.abc import Callable

from fanlight.message.request import Request
from fanlight.pages.request_function import RefusedFunction, RequestFunction
from fanlight.protection.content_security_policy import PolicyTexts
from fanlight.protection.page_nonces import Element, PageNonces, tag_of_script
from fanlight.sessions.form_tokens import csrf_field, csrf_token


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


def token_functions(*, has_tokens: bool) -> dict[str, object]:
    """Return the functions that give a page its token, or what refuses them in an app that has no tokens."""
    functions = {"csrf_field": csrf_field, "csrf_token": csrf_token}
    if has_tokens:
        return {name: RequestFunction(each, needs_services=True) for name, each in functions.items()}
    hint = "write Security(tokens=True); or leave it out, as browsers say from which site a form comes"
    return {name: RefusedFunction(f"{name}() is for a site with tokens", hint) for name in functions}
