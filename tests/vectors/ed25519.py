"""Ed25519 (RFC 8032) in a few lines of whole numbers, to make test vectors with: slow, not in constant time, and
independent of the library that the service uses."""

import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def recovered_x(y):
    """The even x of the curve's point with that y."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square
    return x if x % 2 == 0 else P - x


BASE_Y = 4 * pow(5, -1, P) % P
BASE = (recovered_x(BASE_Y), BASE_Y)


def add(a, b):
    product = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P)
    return x % P, y % P


def times(factor, point):
    result = (0, 1)
    while factor:
        if factor & 1:
            result = add(result, point)
        point = add(point, point)
        factor >>= 1
    return result


def encoded(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def expanded(seed):
    """The secret number and the prefix that the seed stands for."""
    digest = hashlib.sha512(seed).digest()
    secret = int.from_bytes(digest[:32], "little")
    return secret & ((1 << 254) - 8) | 1 << 254, digest[32:]


def public_key(seed):
    return encoded(times(expanded(seed)[0], BASE))


def sign(seed, message):
    secret, prefix = expanded(seed)
    nonce = number(prefix, message) % ORDER
    commitment = encoded(times(nonce, BASE))
    answer = (nonce + number(commitment, public_key(seed), message) * secret) % ORDER
    return commitment + answer.to_bytes(32, "little")
