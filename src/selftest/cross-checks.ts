/**
 * Checks over random values, where one algorithm must agree with itself, with another way to compute it, or with what
 * it must refuse. They find what no list of known answers foresaw, and prove less: the same fault twice agrees, too.
 * @module
 */
import { concatBytes, equalBytes } from "../kernel/bytes.ts";
import { withoutBit } from "./known-answers.ts";
import type { LatticeSignatures, Primitives } from "./primitives.ts";

export interface CrossCheck {
  readonly name: string;
  readonly holds: (primitives: Primitives, draw: Draw) => boolean;
}

/** Random bytes. */
export type Draw = (length: number) => Uint8Array;

export const CROSS_CHECKS: readonly CrossCheck[] = [
  {
    name: "HMAC-SHA-256 is what FIPS 198-1 makes of SHA-256",
    holds: (primitives, draw) => {
      const [key, message] = [draw(below(draw, 64) + 1), draw(below(draw, 200))];
      return equalBytes(primitives.hmacSha256(key, message), hmacByTheBook(primitives, key, message));
    },
  },
  {
    name: "HMAC_DRBG is what SP 800-90A makes of HMAC",
    holds: (primitives, draw) => {
      const seed = { entropy: draw(32), nonce: draw(16), personalisation: draw(below(draw, 40)) };
      const additional = draw(below(draw, 40) + 1);
      const drbg = primitives.hmacDrbg(seed);
      const given = [drbg.generate(50, {}), drbg.generate(100, { additional })];
      const expected = drbgByTheBook(
        primitives,
        concatBytes(seed.entropy, seed.nonce, seed.personalisation),
        additional,
      );
      return equalBytes(concatBytes(...given), expected);
    },
  },
  {
    name: "AES-256-GCM opens what it sealed, and nothing else",
    holds: (primitives, draw) => {
      const sealing = { key: draw(32), nonce: draw(12), additional: draw(below(draw, 40)) };
      const plaintext = draw(below(draw, 300));
      const sealed = primitives.sealAes256Gcm(sealing, plaintext);
      const opened = primitives.openAes256Gcm(sealing, sealed);
      if (opened === undefined || !equalBytes(opened, plaintext)) return false;
      const other = { ...sealing, nonce: withoutBit(sealing.nonce, 0) };
      const spoiled = withoutBit(sealed, below(draw, sealed.length));
      return [primitives.openAes256Gcm(sealing, spoiled), primitives.openAes256Gcm(other, sealed)].every(
        (result) => result === undefined,
      );
    },
  },
  {
    name: "Ed25519 verifies what it signed, and nothing else",
    holds: (primitives, draw) => {
      const signer = primitives.ed25519FromSeed(draw(32));
      const message = draw(below(draw, 200) + 1);
      const verify = (...of: readonly [Uint8Array, Uint8Array]): boolean =>
        primitives.verifyEd25519(signer.publicKey, ...of);
      return tellsSpoiledApart(draw, message, signer.sign(message), verify);
    },
  },
  signatureCheck("ML-DSA-44", ({ mlDsa44 }) => mlDsa44),
  signatureCheck("ML-DSA-65", ({ mlDsa65 }) => mlDsa65),
  {
    name: "ML-KEM-768 agrees on a secret, and rejects as FIPS 203 says",
    holds: ({ mlKem768, digest }, draw) => {
      const seed = draw(64);
      const { encapsulationKey, decapsulationKey } = mlKem768.fromSeed(seed);
      const { secret, ciphertext } = mlKem768.encapsulate(encapsulationKey);
      const spoiled = withoutBit(ciphertext, below(draw, ciphertext.length));
      const rejected = digest("shake256", concatBytes(seed.subarray(32), spoiled));
      return (
        equalBytes(mlKem768.decapsulate(decapsulationKey, ciphertext), secret) &&
        equalBytes(mlKem768.decapsulate(decapsulationKey, spoiled), rejected)
      );
    },
  },
];

function signatureCheck(name: string, of: (primitives: Primitives) => LatticeSignatures): CrossCheck {
  return {
    name: `${name} verifies what it signed, and nothing else`,
    holds: (primitives, draw) => {
      const { fromSeed, verify } = of(primitives);
      const { publicKey, sign } = fromSeed(draw(32));
      const message = draw(below(draw, 200) + 1);
      return tellsSpoiledApart(draw, message, sign(message), (...parts) => verify(publicKey, ...parts));
    },
  };
}

function tellsSpoiledApart(
  draw: Draw,
  message: Uint8Array,
  signature: Uint8Array,
  verify: (message: Uint8Array, signature: Uint8Array) => boolean,
): boolean {
  return (
    verify(message, signature) &&
    !verify(withoutBit(message, below(draw, message.length)), signature) &&
    !verify(message, withoutBit(signature, below(draw, signature.length)))
  );
}

const SHA_256_BLOCK_BYTES = 64;

function hmacByTheBook({ digest }: Primitives, key: Uint8Array, message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(SHA_256_BLOCK_BYTES);
  padded.set(key);
  const inner = digest("sha256", concatBytes(xored(padded, 0x36), message));
  return digest("sha256", concatBytes(xored(padded, 0x5c), inner));
}

/** 50 bytes, and then 100 with additional input; 10.1.2 of the standard, step by step. */
function drbgByTheBook({ hmacSha256 }: Primitives, seed: Uint8Array, additional: Uint8Array): Uint8Array {
  let key = new Uint8Array(32);
  let value = new Uint8Array(32).fill(1);
  const next = (): Uint8Array => {
    value = Uint8Array.from(hmacSha256(key, value));
    return value;
  };
  const update = (input: Uint8Array): void => {
    for (const round of input.length === 0 ? [0] : [0, 1]) {
      key = Uint8Array.from(hmacSha256(key, concatBytes(value, Uint8Array.of(round), input)));
      next();
    }
  };
  const generate = (length: number): Uint8Array => {
    const blocks = Array.from({ length: Math.ceil(length / 32) }, next);
    return concatBytes(...blocks).slice(0, length);
  };
  update(seed);
  const first = generate(50);
  update(new Uint8Array());
  update(additional);
  const second = generate(100);
  update(additional);
  return concatBytes(first, second);
}

function xored(bytes: Uint8Array, mask: number): Uint8Array {
  return bytes.map((byte) => byte ^ mask);
}

/** 0 … limit − 1, limit ≤ 65,536; not quite even, which is no matter here. */
function below(draw: Draw, limit: number): number {
  const [low = 0, high = 0] = draw(2);
  return ((high << 8) | low) % limit;
}
