/** The operating system's random generator as the port `Random`. @module */
import { randomBytes } from "node:crypto";
import type { Random } from "../ports/random.ts";

export function systemRandom(): Random {
  // A copy: small buffers of Node share one pool, and a key must not lie there beside strangers' bytes.
  return { bytes: (length) => new Uint8Array(randomBytes(length)) };
}
