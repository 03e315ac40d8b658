"""What lies in the database sealed with the installation's key: a copy of the database alone opens nothing.

Whatever is sealed is bound to its place (an account, a credential), so that no row fits another one's.
"""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derived(key: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose; what is sealed for one opens with no other."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"jiaoyan {purpose}".encode()).derive(key)


def seal(key: bytes, purpose: str, bound: str, text: str) -> str:
    """The text sealed (AES-256-GCM), for the place that it is bound to."""
    nonce = os.urandom(12)
    box = AESGCM(derived(key, purpose))
    return base64.b64encode(nonce + box.encrypt(nonce, text.encode(), bound.encode())).decode()


def unseal(key: bytes, purpose: str, bound: str, sealed: str) -> str | None:
    """The text, or nothing when the installation's key is another one, or the row was moved from elsewhere."""
    try:
        raw = base64.b64decode(sealed)
        return AESGCM(derived(key, purpose)).decrypt(raw[:12], raw[12:], bound.encode()).decode()
    except (InvalidTag, binascii.Error, ValueError):
        return None
