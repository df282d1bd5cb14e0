/** HMAC_DRBG against NIST's vectors, against an independent computation of ours, and at its limits. */
import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HmacDrbg, MOST_BYTES } from "../../src/entropy/drbg.ts";
import { fromHex, toHex, utf8 } from "../../src/kernel/bytes.ts";

interface Case {
  readonly name: string;
  readonly entropy: string;
  readonly nonce: string;
  readonly personalisation: string;
  readonly reseed?: { readonly entropy: string; readonly additional: string };
  readonly requests: readonly { readonly additional: string; readonly fresh?: string }[];
  readonly output: string;
}

const file = join(import.meta.dirname, "../vectors/entropy/hmac-drbg.json");
const { cases }: { readonly cases: readonly Case[] } = JSON.parse(readFileSync(file, "utf8"));
const bytes = (hex: string): Uint8Array => fromHex(hex) ?? expect.unreachable("not hex");

test("NIST's vectors are there: with and without reseed, prediction resistance, personalisation and additional input", () => {
  expect(cases.length).toBe(48);
  expect(new Set(cases.map(({ name }) => name.replace(/ #\d+/, ""))).size).toBe(12);
});

test.each(cases)("NIST: $name", ({ entropy, nonce, personalisation, reseed, requests, output }) => {
  const drbg = new HmacDrbg({
    entropy: bytes(entropy),
    nonce: bytes(nonce),
    personalisation: bytes(personalisation),
  });
  if (reseed !== undefined) drbg.reseed(bytes(reseed.entropy), bytes(reseed.additional));
  let last = "";
  for (const { additional, fresh } of requests) {
    const request = { additional: bytes(additional), ...(fresh === undefined ? {} : { fresh: bytes(fresh) }) };
    last = toHex(drbg.generate(output.length / 2, request));
  }
  expect(last).toBe(output);
});

/** As the standard's pseudocode has it, step by step, on its own: nothing of ours is used. */
class ByTheBook {
  #k: Buffer = Buffer.alloc(32, 0);
  #v: Buffer = Buffer.alloc(32, 1);

  constructor(material: Uint8Array) {
    this.#update(material);
  }

  #mac(...parts: readonly Uint8Array[]): Buffer {
    return createHmac("sha256", this.#k).update(Buffer.concat(parts)).digest();
  }

  #update(provided: Uint8Array): void {
    this.#k = this.#mac(this.#v, Buffer.from("00", "hex"), provided);
    this.#v = this.#mac(this.#v);
    if (provided.length === 0) return;
    this.#k = this.#mac(this.#v, Buffer.from("01", "hex"), provided);
    this.#v = this.#mac(this.#v);
  }

  reseed(material: Uint8Array): void {
    this.#update(material);
  }

  generate(length: number, additional: Uint8Array): Buffer {
    if (additional.length > 0) this.#update(additional);
    let temp: Buffer = Buffer.alloc(0);
    while (temp.length < length) {
      this.#v = this.#mac(this.#v);
      temp = Buffer.concat([temp, this.#v]);
    }
    this.#update(additional);
    return temp.subarray(0, length);
  }
}

test("any row of requests gives what an independent computation gives", () => {
  const input = fc.uint8Array({ maxLength: 100 });
  const step = fc.record({
    length: fc.integer({ min: 0, max: 200 }),
    additional: input,
    reseed: fc.option(fc.uint8Array({ minLength: 32, maxLength: 80 })),
  });
  const seed = fc.record({
    entropy: fc.uint8Array({ minLength: 32, maxLength: 100 }),
    nonce: fc.uint8Array({ minLength: 16, maxLength: 40 }),
    personalisation: input,
  });
  fc.assert(
    fc.property(seed, fc.array(step, { maxLength: 6 }), (given, steps) => {
      const ours = new HmacDrbg(given);
      const book = new ByTheBook(Buffer.concat([given.entropy, given.nonce, given.personalisation]));
      for (const { length, additional, reseed } of steps) {
        if (reseed !== null) {
          ours.reseed(reseed, additional);
          book.reseed(Buffer.concat([reseed, additional]));
        }
        expect(toHex(ours.generate(length, { additional }))).toBe(book.generate(length, additional).toString("hex"));
      }
    }),
    { numRuns: 50 },
  );
});

const sha = (name: string): Uint8Array => new Uint8Array(createHash("sha256").update(name).digest());

test("OpenSSL's generator gave the same bytes", () => {
  const entropy = sha("caye-drbg-entropy");
  const nonce = sha("caye-drbg-nonce").subarray(0, 16);
  const drbg = new HmacDrbg({ entropy, nonce });
  drbg.generate(128);
  // The output of OpenSSL 3.0's HMAC-DRBG through EVP_RAND with TEST-RAND as its parent, second request of 128 bytes.
  expect(toHex(drbg.generate(128))).toBe(
    "7260413e64f86b35f7d8ff69c5fe7f4f1219d3b865171a0b950bb51349f19de22bedda5a905995a06afcf30c12ba4cd09fdb698af1122aea7b5fe431ac400e96abca989c113deaf0a5bb82a97cac49a7e76daa09d68d3fb8c5d2d4834c5e7fde6a384910999b50e4f55bc7769165cd6ba311f4ef0b90701beb730d844aea40e3",
  );
});

describe("the limits", () => {
  const seed = { entropy: sha("entropy"), nonce: sha("nonce").subarray(0, 16) };

  test("of a seed: less entropy than the strength, or a nonce too short, is refused", () => {
    expect(() => new HmacDrbg({ ...seed, entropy: new Uint8Array(31) })).toThrow(RangeError);
    expect(() => new HmacDrbg({ ...seed, nonce: new Uint8Array(15) })).toThrow(RangeError);
    expect(() => new HmacDrbg(seed).reseed(new Uint8Array(31))).toThrow(RangeError);
    expect(() => new HmacDrbg(seed).generate(1, { fresh: new Uint8Array(31) })).toThrow(RangeError);
  });

  test("of a request: 65,536 bytes", () => {
    const drbg = new HmacDrbg(seed);
    expect(drbg.generate(MOST_BYTES)).toHaveLength(MOST_BYTES);
    for (const length of [MOST_BYTES + 1, -1, 1.5, Number.NaN]) expect(() => drbg.generate(length)).toThrow(RangeError);
  });

  test("of requests between two reseeds: then it gives nothing until it is reseeded", () => {
    const drbg = new HmacDrbg({ ...seed, reseedInterval: 3 });
    for (let i = 0; i < 3; i++) drbg.generate(1);
    expect(drbg.exhausted).toBe(true);
    expect(() => drbg.generate(1)).toThrow(expect.objectContaining({ code: "DRBG_EXHAUSTED" }));
    expect(drbg.generate(1, { fresh: sha("fresh") })).toHaveLength(1);
    expect(drbg.requests).toBe(1);
    for (let i = 0; i < 2; i++) drbg.generate(1);
    drbg.reseed(sha("again"));
    expect(drbg.requests).toBe(0);
    expect(drbg.generate(1)).toHaveLength(1);
  });

  test("a wiped one gives nothing any more", () => {
    const drbg = new HmacDrbg(seed);
    drbg.wipe();
    expect(() => drbg.generate(1)).toThrow(expect.objectContaining({ code: "DRBG_WIPED" }));
    expect(() => drbg.reseed(sha("x"))).toThrow(expect.objectContaining({ code: "DRBG_WIPED" }));
  });

  test("who is asked differently answers differently", () => {
    const answers = [
      new HmacDrbg(seed).generate(32),
      new HmacDrbg({ ...seed, personalisation: utf8("caye") }).generate(32),
      new HmacDrbg(seed).generate(32, { additional: utf8("a") }),
      new HmacDrbg(seed).generate(32, { fresh: sha("a") }),
    ];
    expect(new Set(answers.map(toHex)).size).toBe(4);
  });
});
