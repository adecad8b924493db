// node check_vectors.mjs FILE
import { readFileSync } from 'node:fs';
import { verifyStandard, verifyVendor } from './webhook.mjs';

const { verify } = JSON.parse(readFileSync(process.argv[2]));
const wrong = verify.filter(({ dialect, valid, secret, headers, body, now, tolerance_s: tolerance }) => {
  const options = { now, tolerance };
  const answer =
    dialect === 'vendor'
      ? verifyVendor(secret, headers['X-Skylight-Signature'], body, options)
      : verifyStandard(secret, headers, body, options);
  return answer !== valid;
});
for (const { dialect, name } of wrong) console.log(`wrong: ${dialect}, ${name}`);
console.log(`${verify.length} checked, ${wrong.length} wrong`);
process.exit(wrong.length || !verify.length ? 1 : 0);
