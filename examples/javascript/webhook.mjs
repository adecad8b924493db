// Verifies what Skyhook sends to a webhook. Node 18 or later, nothing to install.
//
// Hand in the body as it was received (a Buffer or string), never the parsed object written again.
// Prefer verifyStandard: its timestamp is that of the attempt. The vendor dialect's is that of the
// delivery's creation, so its tolerance must be longer than the retry schedule.
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';

const unixNow = () => Math.floor(Date.now() / 1000);

const same = (a, b) => {
  const left = Buffer.from(a ?? '');
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
};

const isRecent = (timestamp, now, tolerance) =>
  /^\d{1,15}$/.test(timestamp ?? '') && Math.abs(now - Number(timestamp)) <= tolerance;

const keyOf = (secret) => {
  const text = secret.replace(/^whsec_/, '');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : text;
};

/** Standard Webhooks: the headers webhook-id, webhook-timestamp, webhook-signature. */
export function verifyStandard(secret, headers, rawBody, { now = unixNow(), tolerance = 300 } = {}) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (!id || !signatures || !isRecent(timestamp, now, tolerance)) return false;
  const hmac = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.`).update(rawBody);
  const expected = `v1,${hmac.digest('base64')}`;
  return signatures.split(' ').filter((signature) => same(signature, expected)).length > 0;
}

/** The same headers, of a webhook that signs with an Ed25519 key too: `whpk_…` in place of the secret. */
export function verifyEd25519(publicKey, headers, rawBody, { now = unixNow(), tolerance = 300 } = {}) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (!id || !signatures || !isRecent(timestamp, now, tolerance)) return false;
  const x = Buffer.from(publicKey.replace(/^whpk_/, ''), 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const text = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), Buffer.from(rawBody)]);
  const bytesOf = (signature) => Buffer.from(signature.slice('v1a,'.length), 'base64');
  return signatures.split(' ').some((one) => one.startsWith('v1a,') && verify(null, text, key, bytesOf(one)));
}

/** X-Skylight-Signature: `sha256=<hex>` over the raw body; the timestamp is the body's own. */
export function verifyVendor(secret, signature, rawBody, { now = unixNow(), tolerance = 86400 } = {}) {
  const expected = `sha256=${createHmac('sha256', secret).update(rawBody).digest('hex')}`;
  if (!same(signature, expected)) return false;
  try {
    return isRecent(String(JSON.parse(rawBody).timestamp), now, tolerance);
  } catch {
    return false;
  }
}
