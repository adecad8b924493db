<?php
// Verifies what Skyhook sends to a webhook. PHP 8.0 or later, no extension beyond the default ones.
//
// Hand in the body as it was received (file_get_contents('php://input')), never json_encode() of the
// parsed one. Prefer verify_standard: its timestamp is that of the attempt. The vendor dialect's is
// that of the delivery's creation, so its tolerance must be longer than the retry schedule.
declare(strict_types=1);

namespace Skyhook\Webhook;

/** Standard Webhooks: the headers webhook-id, webhook-timestamp and webhook-signature. */
function verify_standard(string $secret, string $id, string $timestamp, string $signatures,
                         string $rawBody, ?int $now = null, int $tolerance = 300): bool
{
    if ($id === '' || !is_recent($timestamp, $now, $tolerance)) {
        return false;
    }
    $text = str_starts_with($secret, 'whsec_') ? substr($secret, 6) : $secret;
    $key = base64_decode($text, true);
    $mac = hash_hmac('sha256', "$id.$timestamp.$rawBody", $key === false ? $text : $key, true);
    $expected = 'v1,' . base64_encode($mac);
    $matches = false;
    foreach (explode(' ', $signatures) as $one) {
        $matches = hash_equals($expected, $one) || $matches;
    }
    return $matches;
}

/** The same headers, of a webhook that signs with an Ed25519 key too: `whpk_...` in place of the secret. */
function verify_ed25519(string $publicKey, string $id, string $timestamp, string $signatures,
                        string $rawBody, ?int $now = null, int $tolerance = 300): bool
{
    $key = base64_decode((string) preg_replace('/^whpk_/', '', $publicKey), true);
    if ($id === '' || !is_recent($timestamp, $now, $tolerance)
        || $key === false || strlen($key) !== SODIUM_CRYPTO_SIGN_PUBLICKEYBYTES) {
        return false;
    }
    foreach (explode(' ', $signatures) as $one) {
        $signature = str_starts_with($one, 'v1a,') ? (string) base64_decode(substr($one, 4), true) : '';
        if (strlen($signature) === SODIUM_CRYPTO_SIGN_BYTES
            && sodium_crypto_sign_verify_detached($signature, "$id.$timestamp.$rawBody", $key)) {
            return true;
        }
    }
    return false;
}

/** X-Skylight-Signature: `sha256=<hex>` over the raw body; the timestamp is the body's own. */
function verify_vendor(string $secret, string $signature, string $rawBody,
                       ?int $now = null, int $tolerance = 86400): bool
{
    if (!hash_equals('sha256=' . hash_hmac('sha256', $rawBody, $secret), $signature)) {
        return false;
    }
    $timestamp = json_decode($rawBody, true)['timestamp'] ?? null;
    return is_int($timestamp) && is_recent((string) $timestamp, $now, $tolerance);
}

function is_recent(string $timestamp, ?int $now, int $tolerance): bool
{
    return preg_match('/^\d{1,15}$/D', $timestamp) === 1
        && abs(($now ?? time()) - (int) $timestamp) <= $tolerance;
}
