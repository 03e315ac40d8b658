"""A security key made of software: it answers what a page asks as a browser with a device would (WebAuthn, ES256)."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

#: Somebody is there; they gave PIN, finger or face; the answer tells of a new key; kept in step on several devices.
PRESENT, VERIFIED, SYNCABLE, NEW = 0x01, 0x04, 0x08, 0x40


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(words: str) -> bytes:
    return urlsafe_b64decode(words + "=" * (-len(words) % 4))


@dataclass
class Device:
    """One key for one site. What it says can be bent, to see whether it is believed."""

    origin: str = "http://localhost:8000"
    domain: str = "localhost"
    flags: int = PRESENT | VERIFIED
    #: How many times it was used; one that does not count stays at 0.
    used: int = 0
    counts: bool = True
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    owner: bytes = b""

    def create(self, options: str) -> str:
        """What ``navigator.credentials.create`` gives the page."""
        asked = json.loads(options)
        self.owner = raw(asked["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + cbor2.dumps(public)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(NEW) + attested}
        response = {"attestationObject": text(cbor2.dumps(attestation)), "transports": ["usb"]}
        return self._answer("webauthn.create", asked["challenge"], response)

    def get(self, options: str, **bent: Any) -> str:
        """What ``navigator.credentials.get`` gives the page; ``bent`` parts of the response are put in place of its own."""
        asked = json.loads(options)
        self.used += self.counts
        data = self._data()
        client = self._client("webauthn.get", asked["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {"authenticatorData": text(data), "signature": text(signature), "userHandle": text(self.owner)}
        return self._answer("webauthn.get", asked["challenge"], response | bent)

    def _data(self, more: int = 0) -> bytes:
        return hashlib.sha256(self.domain.encode()).digest() + bytes([self.flags | more]) + self.used.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, kind: str, challenge: str, response: dict[str, Any]) -> str:
        client = text(self._client(kind, challenge))
        known = text(self.credential)
        return json.dumps({"id": known, "rawId": known, "type": "public-key", "response": {"clientDataJSON": client, **response}})
