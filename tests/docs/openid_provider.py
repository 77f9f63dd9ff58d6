"""A small OpenID provider, itself a site of Fanlight on the loopback, for the test of the how-to.

In: the requests of a browser (`/authorize`) and of a site (metadata, `/token`, `/keys`). Out: a code for each sign-in,
and an id token for it, once. A test makes it lie by `Lies`. Refuses what the specifications have it refuse.
https://openid.net/specs/openid-connect-core-1_0.html
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # it has no types
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from fanlight import App, BadRequest, BasicCredentials, Request, Response, json_response, redirect

CLIENT_ID, CLIENT_SECRET = "cats", "the secret of the site"
Claims = dict[str, Any]


@dataclass
class Lies:
    """What an attacker, or a provider that has gone wrong, does."""

    claims: Claims = field(default_factory=dict)  # instead of the right ones; None leaves one out
    token: Callable[[Claims], object] | None = None  # makes another id token of the claims
    status: int = 200  # of the token


class Provider:
    """A provider with one person, `ada`, who is always willing to sign in."""

    def __init__(self) -> None:
        self.issuer = ""  # known when it is served
        self.redirect_uri = ""  # of its one client
        self.key = RSAKey.generate_key(2048, {"kid": "2026"})
        self.lies = Lies()
        self.requested: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.app = App(
            {
                "/.well-known/openid-configuration": self._metadata,
                "/authorize": self._authorize,
                "POST /token": self._token,
                "/keys": self._keys,
            }
        )

    def _metadata(self) -> Claims:
        self.requested.append("metadata")
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in names.items()}

    def _authorize(self, request: Request) -> Response:
        asked = dict(request.query.items())
        if asked.get("redirect_uri") != self.redirect_uri or asked.get("client_id") != CLIENT_ID:
            raise BadRequest("No such client, or not its address.")
        if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
            raise BadRequest("It must be a code, for openid.")
        if asked.get("code_challenge_method") != "S256" or not asked.get("state") or not asked.get("nonce"):
            raise BadRequest("PKCE, a state and a nonce are wanted.")
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        return redirect(f"{self.redirect_uri}?{urlencode({'code': code, 'state': asked['state']})}")

    def _token(
        self, client: BasicCredentials, grant_type: str, code: str, code_verifier: str, redirect_uri: str
    ) -> Response:
        self.requested.append("token")
        asked = self._codes.pop(code, None)
        if (
            asked is None
            or (client.name, client.password) != (CLIENT_ID, CLIENT_SECRET)
            or (grant_type, redirect_uri) != ("authorization_code", asked["redirect_uri"])
            or create_s256_code_challenge(code_verifier) != asked["code_challenge"]
        ):
            return json_response({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims: Claims = {"iss": self.issuer, "sub": "ada", "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"], "email": "ada@example.com"} | self.lies.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.lies.token(claims) if self.lies.token else self.signed(claims)
        sent = {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 300, "id_token": token}
        return json_response({name: value for name, value in sent.items() if value is not None}, self.lies.status)

    def _keys(self) -> object:
        self.requested.append("keys")
        return KeySet([self.key]).as_dict(private=False)

    def signed(self, claims: Claims, key: RSAKey | None = None, kid: str = "2026") -> str:
        """Return an id token, signed by its key or by another."""
        return jwt.encode({"alg": "RS256", "kid": kid}, claims, key or self.key)

    def without_signature(self, claims: Claims) -> str:
        """Return an id token that says that it is not signed."""
        return _parts({"alg": "none", "kid": "2026"}, claims) + "."

    def by_public_key(self, claims: Claims) -> str:
        """Return an id token that is signed with the public key as if that were a shared secret."""
        signed = _parts({"alg": "HS256", "kid": "2026"}, claims)
        return f"{signed}.{_text(hmac.digest(self.key.as_pem(private=False), signed.encode(), 'sha256'))}"


def _parts(*parts: Claims) -> str:
    return ".".join(_text(json.dumps(each).encode()) for each in parts)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
