"""Twilio's signature on a WebSocket's handshake: base64 of HMAC-SHA1 of the whole URL, keyed with the account's token."""

import base64
import hashlib
import hmac

from starlette.types import Scope

from agent.errors import NotAuthenticated

HEADER = "x-twilio-signature"
_SCHEMES = ("wss", "https", "ws", "http")
"""The URL is signed as the platform was given it; a proxy that ends TLS hides which one that was."""


def check_signature(scope: Scope, token: str, public_url: str) -> None:
    """``public_url``: where the platform reaches us, when that is not what the ``Host`` header says. Raises
    ``NotAuthenticated``."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    given = headers.get(HEADER.encode(), "").strip()
    if not given:
        raise NotAuthenticated("is missing; this server takes only calls that are signed", field=HEADER)
    place = public_url.partition("://")[2].rstrip("/") or headers.get(b"host", "")
    path: str = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    query: str = scope.get("query_string", b"").decode("latin-1")
    rest = f"://{place}{path}{'?' if query else ''}{query}"
    wanted = [signature(f"{scheme}{rest}", token) for scheme in _SCHEMES]
    if not any([hmac.compare_digest(one.encode(), given.encode()) for one in wanted]):  # noqa: C419 -- all, every time
        raise NotAuthenticated("is not the signature of this URL", field=HEADER)


def signature(url: str, token: str) -> str:
    return base64.b64encode(hmac.new(token.encode(), url.encode(), hashlib.sha1).digest()).decode()
