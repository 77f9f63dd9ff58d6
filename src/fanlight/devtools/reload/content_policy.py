"""Let the script of the tools run under a site's content security policy (CSP, level 3).

In: the header fields of a page. Out: the nonce for the script's element, "" if it needs none; the fields are changed
where the policy would keep the script from running, or from connecting. A nonce of the page's own is used again. Else
the one folder of the tools is added to the sources, so that what the policy refuses in production is refused here too.
"""

from __future__ import annotations

import re
import secrets

from fanlight.message.headers import MutableHeaders

FIELD = "content-security-policy"
REPORT_ONLY_FIELD = "content-security-policy-report-only"  # changed as well, so that the tools cause no reports
POLICY_FIELDS = (FIELD, REPORT_ONLY_FIELD)
_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_=-]+)'")
_SCRIPTS = ("script-src-elem", "script-src", "default-src")
_CONNECTIONS = ("connect-src", "default-src")

Policy = dict[str, list[str]]  # the sources of each directive


def admit(fields: MutableHeaders, folder: str) -> str:
    """Let scripts in a folder (an absolute URL) run and connect; return the nonce that the element needs."""
    found = {name: _parsed_all(fields.get_all(name)) for name in POLICY_FIELDS if name in fields}
    if not found:
        return ""
    nonce = _nonce_in([each for policies in found.values() for each in policies]) or secrets.token_urlsafe(16)
    is_used = False
    for name, policies in found.items():
        for policy in policies:
            is_used |= _admit_script(policy, folder, nonce)
            _admit_folder(policy, _CONNECTIONS, "connect-src", folder)
        fields[name] = ", ".join(filter(None, map(_written, policies)))
    return nonce if is_used else ""


def _parsed_all(lines: list[str]) -> list[Policy]:
    return [_parsed(each) for line in lines for each in line.split(",")]


def _nonce_in(policies: list[Policy]) -> str:
    """Return the first nonce that scripts of the page have, "" if there is none."""
    sources = (source for policy in policies for source in _sources(policy, _SCRIPTS))
    return next((found[1] for each in sources if (found := _NONCE.fullmatch(each))), "")


def _admit_script(policy: Policy, folder: str, nonce: str) -> bool:
    """Let the script run; return whether it is by its nonce."""
    sources = _sources(policy, _SCRIPTS)
    if f"'nonce-{nonce}'" in sources:
        return True
    if any(each == "'strict-dynamic'" or _NONCE.fullmatch(each) for each in sources):
        policy["script-src-elem"] = [*sources, f"'nonce-{nonce}'"]
        return True
    _admit_folder(policy, _SCRIPTS, "script-src-elem", folder)
    return False


def _admit_folder(policy: Policy, names: tuple[str, ...], name: str, folder: str) -> None:
    """Add a folder to the sources of the directive that applies; as a directive of its own if that is a wider one."""
    applies = next((each for each in names if each in policy), None)
    if applies is None or not {"'self'", "*"}.isdisjoint(policy[applies]):
        return
    policy[name] = [*(each for each in policy[applies] if each != "'none'"), folder]


def _sources(policy: Policy, names: tuple[str, ...]) -> list[str]:
    return next((policy[each] for each in names if each in policy), [])


def _parsed(text: str) -> Policy:
    found: Policy = {}
    for directive in text.split(";"):
        name, *sources = directive.split() or [""]
        if name:
            found.setdefault(name.lower(), sources)  # a second directive of the name has no effect
    return found


def _written(policy: Policy) -> str:
    return "; ".join(" ".join((name, *sources)) for name, sources in policy.items())
