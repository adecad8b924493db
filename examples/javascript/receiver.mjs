// SECRET=whsec_… node receiver.mjs 3000        (DIALECT=vendor checks X-Skylight-Signature instead)
import { createServer } from 'node:http';
import { verifyStandard, verifyVendor } from './webhook.mjs';

const { SECRET, DIALECT } = process.env;

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks); // the raw bytes: parse only after they verified
  const good =
    DIALECT === 'vendor'
      ? verifyVendor(SECRET, request.headers['x-skylight-signature'], body)
      : verifyStandard(SECRET, request.headers, body);
  console.log(good ? 'verified' : 'refused', body.toString());
  response.writeHead(good ? 204 : 401).end();
}).listen(Number(process.argv[2]), '127.0.0.1');
