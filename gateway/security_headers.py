"""The headers that every answer of the public listener carries (DESIGN: security decisions).

One policy for pages, scripts, API and errors alike: what is not named is forbidden. Workers and WASM need
`worker-src 'self'`, `'wasm-unsafe-eval'` and the one Trusted Types policy that passes our own worker URLs.
"""

from __future__ import annotations

from collections.abc import Collection

from gateway.origins import Origins

SERVER = "Portcullis"
"""Instead of aiohttp's, which tells its version; also of a 101, which carries no other of these headers."""
HSTS = "max-age=31536000"
PREFLIGHT_SECONDS = 7200  # browsers keep it no longer


def security_headers(origins: Origins | None, host: str = "", *, hsts: bool = False) -> dict[str, str]:
    """`host`: what the request called. `origins` None: the policy for answers that are made before a site is known or a
    request understood.

    `hsts` only where every browser trusts the certificate: it takes away the way round a warning.
    """
    transport = {"Strict-Transport-Security": HSTS} if hsts else {}
    return transport | {
        "Content-Security-Policy": content_security_policy(origins, host),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Server": SERVER,
    }


def sharing_headers(origins: Origins, origin: str | None, host: str) -> dict[str, str]:
    """For an answer that a page of another gateway of the site may read, with the login's cookie (CORS).

    A page of any other origin is told nothing, and one of our own needs nothing.
    """
    if not origins.allow(origin, host) or origin is None or origin == origins.called_by(host):
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Portcullis-Revision, Retry-After",
        "Vary": "Origin",
    }


def preflight_headers(methods: Collection[str]) -> dict[str, str]:
    """What a page of another gateway may ask with."""
    return {
        "Access-Control-Allow-Methods": ", ".join(sorted(methods)),
        "Access-Control-Allow-Headers": "Content-Type, Portcullis-Revision, Portcullis-Signature, Portcullis-Tenant",
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    }


def content_security_policy(origins: Origins | None, host: str = "") -> str:
    """Streams may go to any gateway of the site; `'self'` covers ws: in new browsers only."""
    gateways: list[str] = []
    for origin in origins.named_at(host) if origins else ():
        gateways += (origin, "ws" + origin.removeprefix("http"))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "worker-src 'self'",
            " ".join(("connect-src 'self'", *gateways)),
            "style-src 'self'",
            "img-src 'self' blob:",
            "frame-src blob:",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "require-trusted-types-for 'script'",
            "trusted-types portcullis",
        )
    )
