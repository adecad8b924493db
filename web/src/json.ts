// JSON of the API, read and written with every digit: a number that a browser would round (2^53 + 1) stays what it is. It is a
// LosslessNumber then; only what a customer wrote has such numbers: a filter, an example, a schema.
import { isSafeNumber, LosslessNumber, parse, stringify } from "lossless-json";

// Throws a SyntaxError. The last of several members of a name counts, as for the API.
export function readJson(text: string): unknown {
  return parse(text, null, {
    parseNumber: (digits) => (isSafeNumber(digits) ? Number(digits) : new LosslessNumber(digits)),
    onDuplicateKey: ({ newValue }) => newValue,
  });
}

export function writeJson(value: unknown, indent?: number): string {
  return stringify(value, null, indent) ?? "null";
}
