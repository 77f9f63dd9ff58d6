"""Browsers in which an account has been signed in to before: a signed cookie, and nothing in the store.

In: a request, and the account that it wants to sign in to. Out: the name of the browser, if it is known for that
account; then a cookie that makes it known. So the tries of strangers are counted together, apart from those of the
account's owner. OWASP calls that device cookies ("Slow Down Online Guessing Attacks with Device Cookies"). It is no
session: the cookie signs no one in.
"""

from __future__ import annotations

import secrets

from fanlight.errors import BadSignature
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.services import services_of

PURPOSE = "known-browser"
MAX_AGE_SECONDS = 365 * 86400
NAME_BYTES = 8


def known_browser(request: Request, cookie: str, account: bytes) -> str:
    """Return the name of a browser that is known for an account, "" for any other."""
    text = request.cookies.get(cookie)
    if not text:
        return ""
    try:
        data = services_of(request).keys.read(PURPOSE, text, MAX_AGE_SECONDS)
    except BadSignature:
        return ""
    # SECURITY: tests/protection/test_sign_in_attempts.py: the cookie of one account is nothing for another
    return data[len(account) :].hex() if data.startswith(account) and len(data) == len(account) + NAME_BYTES else ""


def make_known(request: Request, response: Response, cookie: str, account: bytes) -> None:
    """Have a browser be known for an account from now on."""
    if known_browser(request, cookie, account):
        return
    text = services_of(request).keys.sign(PURPOSE, account + secrets.token_bytes(NAME_BYTES))
    response.set_cookie(cookie, text, max_age=MAX_AGE_SECONDS, path="/", http_only=True, same_site="Lax")
