"""Vectors that Python makes for the HTML5 client's tests: what is signed, and zstd data (tests/vectors/).

`python -m tests.support.web_vectors` writes the files anew; a unit test says when signatures.json is stale. The
signatures were made once by WebCrypto in node, so that Python's verifier is held against what a browser makes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import zstandard

from portcullis.tickets import attach_message, request_message

FOLDER = Path(__file__).parent.parent / "vectors"
SIGNATURES = FOLDER / "signatures.json"
ZSTD = FOLDER / "zstd.json"

CLIENT_KEY = "BDUyKQGn7li90e_YE0p9Zy86tJSqJal9h721AcqfzXvNlfyFF8T8wEB2JEe9ObUiM0_4LI1qMtx7SkLmKELwjSA"
REQUEST_SIGNATURE = "mFTe_kliSTeae8y7XVAH_vjFOnEjjfYZ68375lrOS_P1P5cx2tlA3A2Yn-nZUT9cH910pNtcY574eGxWMUA9eA"
ATTACH_SIGNATURE = "MlZ5toAlM6NjPZbMO5L0rko29lEJoUAV2xKzvHQGbAaf6cN6lxwQhuPCcHYQnCIGtoiCwTM1AbsIbbEJzU3-gQ"
GRANT = "grant.v1.kid.payload.signature"
NONCE = "AAECAwQFBgcICQoLDA0ODw"
UNIX_MS = 1763676000123


def signature_vectors() -> dict[str, Any]:
    return {
        "client_key": CLIENT_KEY,
        "requests": [_request(name, *fields) for name, fields in _requests().items()],
        "attaches": [_attach(name, *fields) for name, fields in _attaches().items()],
    }


def _requests() -> dict[str, tuple[str, str, str, str | None]]:
    return {
        "a launch": ("POST", "/api/v1/sessions", "{}", REQUEST_SIGNATURE),
        "without a body": ("DELETE", "/api/v1/login", "", None),
        "a path with a query": ("POST", "/api/v1/sessions?a=%20b&c", '{"e":7}', None),
        "text beyond ASCII": ("POST", "/api/v1/login", '{"username":"Zoë 漢字 😀"}', None),
    }


def _request(name: str, method: str, path: str, body: str, signature: str | None) -> dict[str, Any]:
    message = request_message(method, path, body.encode(), UNIX_MS, NONCE)
    return {
        "name": name,
        "method": method,
        "path": path,
        "body": body,
        "unix_ms": UNIX_MS,
        "nonce": NONCE,
        "message": message.hex(),
        "signature": signature,
    }


def _attaches() -> dict[str, tuple[str, int, str, int, str | None]]:
    return {
        "a resume": (GRANT, 0xFFFFFFFF, "0123456789abcdef", 7, ATTACH_SIGNATURE),
        "a first attach": (GRANT, 0, "fedcba9876543210", 1, None),
        "the largest epoch": (GRANT, 3, "0123456789abcdef", 0xFFFFFFFF, None),
    }


def _attach(
    name: str, grant: str, last_acknowledged: int, session: str, e: int, signature: str | None
) -> dict[str, Any]:
    nonce = bytes(range(32))
    message = attach_message(nonce, grant, 1, last_acknowledged, session, e)
    return {
        "name": name,
        "nonce": nonce.hex(),
        "grant": grant,
        "last_acknowledged": last_acknowledged,
        "session": session,
        "e": e,
        "message": message.hex(),
        "signature": signature,
    }


def zstd_vectors() -> list[dict[str, Any]]:
    """zstd frames of tiles with the SHA-256 of what they hold; some are long, so the content is not repeated."""
    contents = {
        "one pixel": (b"\x01\x02\x03", 1),
        "text-like": (
            b"".join(bytes([n % 7 * 40] * 5) for n in range(64 * 64 * 3 // 5 + 1))[: 64 * 64 * 3],
            1,
        ),
        "noise": (b"".join(hashlib.sha256(bytes([n % 256])).digest() for n in range(96)), 1),
        "one colour, a whole 4K display": (b"\x20\x40\x60" * (3840 * 2160), 1),
        "a high level": (bytes(n * n % 251 for n in range(30000)), 19),
    }
    return [
        {
            "name": name,
            "hex": zstandard.ZstdCompressor(level=level).compress(content).hex(),
            "length": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, (content, level) in contents.items()
    ]


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(SIGNATURES, signature_vectors())
    write(ZSTD, zstd_vectors())
