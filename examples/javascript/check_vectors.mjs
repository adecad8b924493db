// node check_vectors.mjs FILE...
import { readFileSync } from 'node:fs';
import { verifyEd25519, verifyStandard, verifyVendor } from './webhook.mjs';

const verifiers = {
  vendor: ({ secret, headers, body }, options) => verifyVendor(secret, headers['X-Skylight-Signature'], body, options),
  standard: ({ secret, headers, body }, options) => verifyStandard(secret, headers, body, options),
  ed25519: ({ public_key: key, headers, body }, options) => verifyEd25519(key, headers, body, options),
};
const cases = process.argv.slice(2).flatMap((file) => JSON.parse(readFileSync(file)).verify);
const wrong = cases.filter((one) => verifiers[one.dialect](one, { now: one.now, tolerance: one.tolerance_s }) !== one.valid);
for (const { dialect, name } of wrong) console.log(`wrong: ${dialect}, ${name}`);
console.log(`${cases.length} checked, ${wrong.length} wrong`);
process.exit(wrong.length || !cases.length ? 1 : 0);
