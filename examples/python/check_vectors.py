"""python3 check_vectors.py FILE..."""

import json
import sys

from webhook import verify_ed25519, verify_standard, verify_vendor


def answer(case):
    limits = {"now": case["now"], "tolerance": case["tolerance_s"]}
    body = case["body"].encode()
    if case["dialect"] == "vendor":
        return verify_vendor(case["secret"], case["headers"].get("X-Skylight-Signature"), body, **limits)
    if case["dialect"] == "ed25519":
        return verify_ed25519(case["public_key"], case["headers"], body, **limits)
    return verify_standard(case["secret"], case["headers"], body, **limits)


cases = []
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        cases += json.load(file)["verify"]
wrong = [case for case in cases if answer(case) != case["valid"]]
for case in wrong:
    print(f"wrong: {case['dialect']}, {case['name']}")
print(f"{len(cases)} checked, {len(wrong)} wrong")
sys.exit(1 if wrong or not cases else 0)
