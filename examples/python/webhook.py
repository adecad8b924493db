"""Verifies what Skyhook sends to a webhook. Python 3.9 or later, standard library only; verify_ed25519
needs the package `cryptography`.

Hand in the body as it was received (bytes), never the parsed object written again. Prefer
verify_standard: its timestamp is that of the attempt. The vendor dialect's is that of the delivery's
creation, so its tolerance must be longer than the retry schedule.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time


def verify_standard(secret, headers, raw_body, now=None, tolerance=300):
    """Standard Webhooks: the headers webhook-id, webhook-timestamp and webhook-signature."""
    text, signatures = _signed(headers, raw_body, now, tolerance)
    expected = b"v1," + base64.b64encode(hmac.new(_key_of(secret), text, hashlib.sha256).digest())
    return any([hmac.compare_digest(one.encode(), expected) for one in signatures])


def verify_ed25519(public_key, headers, raw_body, now=None, tolerance=300):
    """The same headers, of a webhook that signs with an Ed25519 key too: `whpk_...` in place of the secret."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    text, signatures = _signed(headers, raw_body, now, tolerance)
    if not signatures:
        return False
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key[len("whpk_"):]))
    for one in signatures:
        try:
            if one.startswith("v1a,"):
                key.verify(base64.b64decode(one[len("v1a,"):], validate=True), text)
                return True
        except (binascii.Error, InvalidSignature):
            pass
    return False


def verify_vendor(secret, signature, raw_body, now=None, tolerance=86400):
    """X-Skylight-Signature: `sha256=<hex>` over the raw body; the timestamp is the body's own."""
    expected = "sha256=" + hmac.new(secret.encode(), raw_body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest((signature or "").encode(), expected.encode()):
        return False
    try:
        return _is_recent(str(json.loads(raw_body)["timestamp"]), now, tolerance)
    except (ValueError, KeyError, TypeError):
        return False


def _signed(headers, raw_body, now, tolerance):
    """What Standard Webhooks signs, and its signatures; none where a header is missing, or the delivery is not recent."""
    message_id = headers.get("webhook-id")
    timestamp = headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    if not message_id or not signatures or not _is_recent(timestamp, now, tolerance):
        return b"", []
    return f"{message_id}.{timestamp}.".encode() + raw_body, signatures.split(" ")


def _key_of(secret):
    text = secret[6:] if secret.startswith("whsec_") else secret
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text.encode()


def _is_recent(timestamp, now, tolerance):
    if not timestamp or not (timestamp.isascii() and timestamp.isdigit()):
        return False
    return abs((time.time() if now is None else now) - int(timestamp)) <= tolerance
