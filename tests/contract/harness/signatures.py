"""Both signatures of a delivery, checked by programs that are not ours."""

import json
import subprocess

import standardwebhooks


def openssl_signature(secret, body):
    """`sha256=…` as the openssl command computes it over the raw body."""
    output = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"key:{secret}", "-hex"],
        input=body, capture_output=True, check=True,
    ).stdout.decode()
    return "sha256=" + output.strip().rsplit(" ", 1)[-1]


def assert_signed(request, secret):
    assert request.header("X-Skylight-Signature") == openssl_signature(secret, request.body)
    headers = {name: request.header(name)
               for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    verified = standardwebhooks.Webhook(secret).verify(request.body, headers)
    assert verified is None or verified == json.loads(request.body)


def is_signed(request, secret):
    try:
        assert_signed(request, secret)
    except (AssertionError, standardwebhooks.WebhookVerificationError):
        return False
    return True
