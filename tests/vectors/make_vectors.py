#!/usr/bin/env python3
"""Writes signatures.json and ed25519.json beside this file: what every verifier of Skyhook's two dialects must
answer, and of the Ed25519 signatures that a webhook may ask for.

Independent of the C++ code on purpose: Python's standard library alone (hmac, hashlib, base64), so
that a mistake in the service cannot repeat itself here. The known answers of Standard Webhooks
are checked against their published values before anything is written.

Run it again after a change; the output is the same to the byte for the same script.
"""

import base64
import hashlib
import hmac
import json
import pathlib

import ed25519

NOW = 1741093210
SENT = 1741093200
TOLERANCE_S = 300
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LONG_SECRET = "whsec_" + base64.b64encode(bytes(range(48))).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(range(100, 148))).decode()
PLAIN_SECRET = "whsec_not-base64!"
# Of the published example of Standard Webhooks, and one of our own.
SEED = base64.b64decode("6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=")
OTHER_SEED = bytes(range(32))
DELIVERY = "01956f3c-7d80-7000-8000-000000000400"


def vendor(secret, body):
    """`sha256=` and the hex HMAC-SHA256 of the raw body, keyed with the whole secret string."""
    return "sha256=" + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()


def standard_key(secret):
    text = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return text.encode()


def standard(secret, message_id, timestamp, body):
    """Standard Webhooks: `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`."""
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(standard_key(secret), signed, hashlib.sha256).digest()).decode()


def public_key(seed):
    return "whpk_" + base64.b64encode(ed25519.public_key(seed)).decode()


def private_key(seed):
    """Skyhook's form of it: the seed, and the public key after it."""
    return "whsk_" + base64.b64encode(seed + ed25519.public_key(seed)).decode()


def asymmetric(seed, message_id, timestamp, body):
    """Standard Webhooks: `v1a,` and the base64 Ed25519 signature of `id.timestamp.body`."""
    return "v1a," + base64.b64encode(ed25519.sign(seed, f"{message_id}.{timestamp}.{body}".encode())).decode()


def check_known_answers():
    assert public_key(SEED) == "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
    assert asymmetric(SEED, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}') == \
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    assert standard(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}') == \
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert standard("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
                    '{"email":"test@example.com","username":"test_user"}') == \
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="


def body_of(data, timestamp=SENT):
    return f'{{"event":"contact.created","delivery_id":"{DELIVERY}","timestamp":{timestamp},"data":{data}}}'


BODIES = {
    "plain": body_of('{"id":7,"name":"Ada Lovelace"}'),
    "spacing and key order": body_of('{ "z" : 1.0,  "a":\t1e2 ,"n": 10000000000000000001 }'),
    "unicode": body_of('{"name":"Zoë 🙂 مرحبا"}'),
    "escapes": body_of('{"name":"Zo\\u00eb \\"x\\" \\/ \\n"}'),
    "empty object": body_of("{}"),
    "large": body_of(json.dumps({"text": "0123456789abcdef" * 512})),
}


def signing_vectors():
    """What a signer must produce."""
    cases = [("known answer 1", SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'),
             ("known answer 2", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
              1649367553, '{"email":"test@example.com","username":"test_user"}')]
    cases += [(name, LONG_SECRET, DELIVERY, SENT, body) for name, body in BODIES.items()]
    cases += [("empty body", LONG_SECRET, DELIVERY, SENT, ""),
              ("secret that is not base64", PLAIN_SECRET, DELIVERY, SENT, BODIES["plain"]),
              ("secret without its prefix", LONG_SECRET.removeprefix("whsec_"), DELIVERY, SENT, BODIES["plain"])]
    return [{"name": name, "secret": secret, "id": message_id, "timestamp": timestamp, "body": body,
             "vendor": vendor(secret, body), "standard": standard(secret, message_id, timestamp, body)}
            for name, secret, message_id, timestamp, body in cases]


def verification(name, dialect, valid, secret, headers, body, now=NOW):
    return {"name": name, "dialect": dialect, "valid": valid, "secret": secret, "now": now,
            "tolerance_s": TOLERANCE_S, "headers": headers, "body": body}


def vendor_vectors():
    body = BODIES["plain"]
    good = vendor(LONG_SECRET, body)

    def case(name, valid, signature, sent_body=body, now=NOW, secret=LONG_SECRET):
        headers = {} if signature is None else {"X-Skylight-Signature": signature}
        return verification(name, "vendor", valid, secret, headers, sent_body, now)

    cases = [case(f"good: {name}", True, vendor(LONG_SECRET, text), text) for name, text in BODIES.items()]
    reserialised = json.dumps(json.loads(body))
    assert reserialised != body
    cases += [
        case("good: just inside the tolerance", True, good, now=SENT + TOLERANCE_S),
        case("good: a clock behind, inside the tolerance", True, good, now=SENT - TOLERANCE_S),
        case("forged: wrong secret", False, vendor(OTHER_SECRET, body)),
        case("forged: re-serialised body", False, good, reserialised),
        case("forged: escaped characters re-serialised", False, vendor(LONG_SECRET, BODIES["escapes"]),
             json.dumps(json.loads(BODIES["escapes"]), separators=(",", ":"), ensure_ascii=False)),
        case("forged: old timestamp", False, good, now=SENT + TOLERANCE_S + 1),
        case("forged: timestamp in the future", False, good, now=SENT - TOLERANCE_S - 1),
        case("forged: missing prefix", False, good.removeprefix("sha256=")),
        case("forged: another prefix", False, good.replace("sha256=", "sha1=")),
        case("forged: tampered body", False, good, body.replace("Ada", "Eve")),
        case("forged: a byte appended", False, good, body + "\n"),
        case("forged: signature cut short", False, good[:-2]),
        case("forged: signature with one bit changed", False, good[:-1] + ("0" if good[-1] != "0" else "1")),
        case("forged: upper-case hex", False, "sha256=" + good[7:].upper()),
        case("forged: key without whsec_", False, vendor(LONG_SECRET.removeprefix("whsec_"), body)),
        case("forged: the other dialect's signature", False, standard(LONG_SECRET, DELIVERY, SENT, body)),
        case("forged: empty signature", False, ""),
        case("forged: no signature header", False, None),
        case("forged: a body that is not JSON", False, vendor(LONG_SECRET, "hello"), "hello"),
        case("forged: a body without timestamp", False, vendor(LONG_SECRET, '{"event":"contact.created"}'),
             '{"event":"contact.created"}'),
    ]
    return cases


def standard_vectors():
    body = BODIES["plain"]
    good = standard(LONG_SECRET, DELIVERY, SENT, body)

    def case(name, valid, signature, sent_body=body, now=NOW, timestamp=str(SENT), message_id=DELIVERY,
             secret=LONG_SECRET):
        headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
        return verification(name, "standard", valid, secret,
                            {key: value for key, value in headers.items() if value is not None}, sent_body, now)

    cases = [case(f"good: {name}", True, standard(LONG_SECRET, DELIVERY, SENT, text), text)
             for name, text in BODIES.items()]
    wrong = standard(OTHER_SECRET, DELIVERY, SENT, body)
    cases += [
        case("good: known answer 1", True, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", '{"test": 2432232314}',
             1614265330, "1614265330", "msg_p5jXN8AQM9LWM0D4loKWxJek", SECRET),
        case("good: known answer 2", True, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
             '{"email":"test@example.com","username":"test_user"}', 1649367553, "1649367553",
             "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
        case("good: second of several signatures", True, f"{wrong} {good}"),
        case("good: first of several signatures", True, f"{good} {wrong}"),
        case("good: beside a version of the future", True, f"v9,AAAA v1a,AAAA {good}"),
        case("good: just inside the tolerance", True, good, now=SENT + TOLERANCE_S),
        case("good: a clock behind, inside the tolerance", True, good, now=SENT - TOLERANCE_S),
        case("forged: wrong secret", False, wrong),
        case("forged: several signatures, none right", False, f"{wrong} v1,AAAA {wrong}"),
        case("forged: re-serialised body", False, good, json.dumps(json.loads(body))),
        case("forged: old timestamp", False, good, now=SENT + TOLERANCE_S + 1),
        case("forged: timestamp in the future", False, good, now=SENT - TOLERANCE_S - 1),
        case("forged: timestamp header moved to now", False, good, timestamp=str(NOW)),
        case("forged: timestamp that is no number", False, good, timestamp="yesterday"),
        case("forged: timestamp with a fraction", False,
             "v1," + base64.b64encode(hmac.new(standard_key(LONG_SECRET), f"{DELIVERY}.{SENT}.5.{body}".encode(),
                                               hashlib.sha256).digest()).decode(), timestamp=f"{SENT}.5"),
        case("forged: missing prefix", False, good.removeprefix("v1,")),
        case("forged: another version", False, good.replace("v1,", "v2,")),
        case("forged: tampered body", False, good, body.replace("Ada", "Eve")),
        case("forged: another id", False, good, message_id="01956f3c-7d80-7000-8000-000000000401"),
        case("forged: signature cut short", False, good[:-4]),
        case("forged: key of the whole string", False,
             "v1," + base64.b64encode(hmac.new(LONG_SECRET.encode(), f"{DELIVERY}.{SENT}.{body}".encode(),
                                               hashlib.sha256).digest()).decode()),
        case("forged: the other dialect's signature", False, vendor(LONG_SECRET, body)),
        case("forged: empty signature", False, ""),
        case("forged: no id header", False, good, message_id=None),
        case("forged: no timestamp header", False, good, timestamp=None),
        case("forged: no signature header", False, None),
    ]
    return cases


def asymmetric_signing_vectors():
    cases = [("known answer", SEED, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')]
    cases += [(name, OTHER_SEED, DELIVERY, SENT, body) for name, body in BODIES.items()]
    cases.append(("empty body", OTHER_SEED, DELIVERY, SENT, ""))
    return [{"name": name, "private_key": private_key(seed), "public_key": public_key(seed), "id": message_id,
             "timestamp": timestamp, "body": body, "signature": asymmetric(seed, message_id, timestamp, body)}
            for name, seed, message_id, timestamp, body in cases]


def asymmetric_vectors():
    body = BODIES["plain"]
    good = asymmetric(SEED, DELIVERY, SENT, body)
    wrong = asymmetric(OTHER_SEED, DELIVERY, SENT, body)
    beside = standard(LONG_SECRET, DELIVERY, SENT, body)
    # The same point and number, the number written with the order added: refused, as RFC 8032 asks.
    bytes_of_good = base64.b64decode(good.removeprefix("v1a,"))
    longer = int.from_bytes(bytes_of_good[32:], "little") + ed25519.ORDER
    malleable = "v1a," + base64.b64encode(bytes_of_good[:32] + longer.to_bytes(32, "little")).decode()

    def case(name, valid, signature, sent_body=body, now=NOW, timestamp=str(SENT), message_id=DELIVERY):
        headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
        return {"name": name, "dialect": "ed25519", "valid": valid, "public_key": public_key(SEED), "now": now, "tolerance_s": TOLERANCE_S,
                "headers": {key: value for key, value in headers.items() if value is not None}, "body": sent_body}

    return [case(f"good: {name}", True, asymmetric(SEED, DELIVERY, SENT, text), text)
            for name, text in BODIES.items()] + [
        case("good: after one that is made with a secret", True, f"{beside} {good}"),
        case("good: second of several keys", True, f"{wrong} {good}"),
        case("good: just inside the tolerance", True, good, now=SENT + TOLERANCE_S),
        case("forged: another key", False, wrong),
        case("forged: several keys, none right", False, f"{wrong} v1a,AAAA {wrong}"),
        case("forged: made with a secret alone", False, beside),
        case("forged: a secret's signature under the other name", False, "v1a," + beside.removeprefix("v1,")),
        case("forged: the right one under the other name", False, "v1," + good.removeprefix("v1a,")),
        case("forged: re-serialised body", False, good, json.dumps(json.loads(body))),
        case("forged: tampered body", False, good, body.replace("Ada", "Eve")),
        case("forged: another id", False, good, message_id="01956f3c-7d80-7000-8000-000000000401"),
        case("forged: old timestamp", False, good, now=SENT + TOLERANCE_S + 1),
        case("forged: timestamp in the future", False, good, now=SENT - TOLERANCE_S - 1),
        case("forged: timestamp header moved to now", False, good, timestamp=str(NOW)),
        case("forged: missing prefix", False, good.removeprefix("v1a,")),
        case("forged: signature cut short", False, good[:-4]),
        case("forged: a number beyond the order", False, malleable),
        case("forged: empty signature", False, ""),
        case("forged: no id header", False, good, message_id=None),
        case("forged: no timestamp header", False, good, timestamp=None),
        case("forged: no signature header", False, None),
    ]


def write(name, document):
    keys = [(case["dialect"], case["name"]) for case in document["verify"]]
    assert len(keys) == len(set(keys))
    path = pathlib.Path(__file__).with_name(name)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{name}: {len(document['sign'])} to sign, {len(document['verify'])} to verify")


def main():
    check_known_answers()
    write("signatures.json", {
        "about": "Test vectors for both signature dialects of a Skyhook delivery. `sign`: what a signer must produce. "
                 "`verify`: what a verifier must answer at the time `now` (Unix seconds) with the tolerance given. "
                 "Made by make_vectors.py.",
        "sign": signing_vectors(),
        "verify": vendor_vectors() + standard_vectors(),
    })
    write("ed25519.json", {
        "about": "The same for the Ed25519 signatures (v1a) of webhooks that ask for them. Made by make_vectors.py.",
        "sign": asymmetric_signing_vectors(),
        "verify": asymmetric_vectors(),
    })


if __name__ == "__main__":
    main()
