"""The functions of templates that belong to the protection of a site, and to its visitors.

In: the Content-Security-Policy of an app, and its `asset`. Out: `csp_nonce` and `script_tag` (the nonce of a page),
`csrf_field` and `csrf_token` (the token of a form), and `flashes`, as templates get them. In an app without such a
policy the first two exist too, and cost nothing: the same template works with and without it. Those of a token are
refused in an app without tokens: a field that nothing checks would look like protection. What a function needs is
imported when a template mentions it, before the port opens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fanlight.message.request import Request
from fanlight.pages.request_function import RefusedFunction, RequestFunction
from fanlight.protection.script_tags import Element, tag_of_script

if TYPE_CHECKING:
    from fanlight.protection.content_security_policy import PolicyTexts
    from fanlight.sessions.flash_messages import FlashMessage


def url_functions(
    url_for: Callable[..., str], asset: Callable[[str], str], *, by_request: bool = False
) -> dict[str, object]:
    """Return the functions that give a page its URLs; in some apps these depend on the host or path of the request."""
    if not by_request:
        return {"url_for": url_for, "asset": asset}
    return {
        "url_for": RequestFunction(_url_for, without_request=url_for),
        "asset": RequestFunction(_asset, without_request=asset),
    }


def _url_for(request: Request, view: object, /, **parameters: object) -> str:
    return request.url_for(view, **parameters)


def _asset(request: Request, name: str, /) -> str:
    return request.asset(name)


def page_functions(
    policy: PolicyTexts | None, asset: Callable[[str], str], *, by_request: bool = False
) -> dict[str, object]:
    """Return the functions of a page with a policy by their names."""
    has_nonce = policy is not None and policy.with_gap
    if not has_nonce and not by_request:

        def tag_without(name: str, /, **attributes: object) -> Element:
            return tag_of_script(asset(name), "", attributes)

        return {"csp_nonce": lambda: "", "script_tag": tag_without}
    nonce: Callable[[Request], str] = _no_nonce
    if policy is not None and has_nonce:
        from fanlight.protection.page_nonces import PageNonces  # noqa: PLC0415 - for a site with such a policy

        nonce = PageNonces(policy).nonce
    find = _asset if by_request else lambda _, name: asset(name)

    def tag(request: Request, name: str, /, **attributes: object) -> Element:
        return tag_of_script(find(request, name), nonce(request), attributes)

    return {"csp_nonce": RequestFunction(nonce), "script_tag": RequestFunction(tag)}


def _no_nonce(_: Request) -> str:
    return ""


def session_functions(*, has_tokens: bool) -> dict[str, object]:
    """Return `flashes`, and the functions that give a page its token, or what refuses them in an app without tokens."""
    flash: dict[str, object] = {"flashes": RequestFunction(_flashes, needs_services=True)}
    if has_tokens:
        from fanlight.sessions.form_tokens import csrf_field, csrf_token  # noqa: PLC0415 - for a site with tokens

        functions = {"csrf_field": csrf_field, "csrf_token": csrf_token}
        return flash | {name: RequestFunction(each, needs_services=True) for name, each in functions.items()}
    hint = "write Security(tokens=True); or leave it out, as browsers say from which site a form comes"
    names = ("csrf_field", "csrf_token")
    return flash | {name: RefusedFunction(f"{name}() is for a site with tokens", hint) for name in names}


def form_token_name(*, has_tokens: bool) -> str:
    """Return the name of the field of a form that has its token, "" in an app without tokens."""
    if not has_tokens:
        return ""
    from fanlight.sessions.form_tokens import FORM_FIELD  # noqa: PLC0415 - as above

    return FORM_FIELD


def _flashes(request: Request) -> Sequence[FlashMessage]:
    from fanlight.sessions.flash import flashes  # noqa: PLC0415 - loaded at start if a template mentions it

    return flashes(request)
