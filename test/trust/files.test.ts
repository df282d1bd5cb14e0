import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../src/kernel/bytes.ts";
import { replay } from "../../src/kernel/pcr.ts";
import {
  alreadyIn,
  codeDigest,
  configDigest,
  decodeEventLog,
  encodeEventLog,
  eventsOf,
  explain,
  holdsOnly,
  ownState,
} from "../../src/attest/logs/own.ts";
import { decodeSealed, encodeSealed, type SealedKey } from "../../src/trust/key-files.ts";
import { keyId } from "../../src/trust/store-keys.ts";
import { decodeAttest, quoteFindings } from "../../src/attest/quote.ts";
import { changedPaths, decodeReference, describeChanges, encodeReference } from "../../src/trust/reference.ts";
import { seeded } from "../fakes/seeded.ts";
import { sha256 } from "../fakes/tpm.ts";

const file = (path: string, content = path) => ({ path, sha256: sha256(content) });
const bytes = (length: number) => new Uint8Array(randomBytes(length));

describe("the measurement log", () => {
  const own = ownState([file("src/a.ts"), file("src/b.ts")], utf8("config"));
  const [code, config] = eventsOf(own);
  if (code === undefined || config === undefined) throw new Error("two events");
  const zero = new Uint8Array(32);

  test("comes back as it was written", () => {
    const log = { pcr: 14, base: bytes(32), events: [code, config, code] };
    expect(decodeEventLog(encodeEventLog(log))).toEqual({ ok: true, value: log });
  });

  test("explains every value on its way and no other", () => {
    const log = { pcr: 14, base: zero, events: [code, config] };
    expect(explain(log, zero)?.events).toEqual([]);
    expect(explain(log, replay([code.digest]))?.events).toEqual([code]);
    expect(explain(log, replay([code.digest, config.digest]))?.events).toEqual([code, config]);
    expect(explain(log, replay([config.digest]))).toBeUndefined();
  });

  test("knows how much of a measurement it ends with", () => {
    const ends = (...events: (typeof code)[]) => alreadyIn({ pcr: 14, base: zero, events }, [code, config]);
    expect([ends(), ends(code), ends(code, config), ends(config), ends(code, config, code)]).toEqual([0, 1, 2, 0, 1]);
  });

  test("is clean only with the two events alone, from zero", () => {
    const clean = (base: Uint8Array<ArrayBuffer>, ...events: (typeof code)[]) =>
      holdsOnly({ pcr: 14, base, events }, [code, config]);
    expect(clean(zero, code, config)).toBe(true);
    expect(clean(bytes(32), code, config)).toBe(false);
    expect(clean(zero, code, config, code, config)).toBe(false);
    expect(clean(zero, code)).toBe(false);
  });

  test("code and configuration are measured apart from each other", () => {
    expect(codeDigest([])).not.toEqual(configDigest(new Uint8Array()));
    expect(codeDigest([file("a")])).not.toEqual(codeDigest([file("b", "a")]));
    expect(codeDigest([file("a"), file("b")])).not.toEqual(codeDigest([file("b"), file("a")]));
  });
});

describe("the reference", () => {
  const reference = {
    own: ownState([file("src/a.ts"), file("src/b.ts")], utf8("config")),
    keyName: bytes(34),
    resetCount: 7,
    restartCount: 0xffff_ffff,
  };

  test("comes back as it was written", () => {
    expect(decodeReference(encodeReference(reference))).toEqual({ ok: true, value: reference });
  });

  test("names what was added, removed and changed", () => {
    const before = [file("a"), file("b"), file("c")];
    const now = [file("a"), file("b", "other"), file("d")];
    expect(changedPaths(before, now)).toEqual(["b", "c", "d"]);
    const state = (files: typeof before, config: string) => ownState(files, utf8(config));
    expect(describeChanges(state(before, "x"), state(now, "y"))).toBe("code changed: b, c, d; configuration changed");
    expect(describeChanges(state(before, "x"), state(before, "x"))).toBe("");
    const many = Array.from({ length: 9 }, (_, i) => file(`f${i}`));
    expect(describeChanges(state([], "x"), state(many, "x"))).toBe("code changed: f0, f1, f2, f3, f4 and 4 more");
  });
});

describe("a sealed file", () => {
  const sealed: SealedKey = {
    pcrs: [0, 14],
    policyDigest: bytes(32),
    keyId: keyId(bytes(32)),
    nextKeyId: undefined,
    authority: undefined,
    blob: { publicPart: bytes(78), privatePart: bytes(158) },
  };

  test("comes back as it was written", () => {
    expect(decodeSealed(encodeSealed(sealed))).toEqual({ ok: true, value: sealed });
  });

  test("is refused with any bit flipped and at any shorter length", () => {
    const whole = encodeSealed(sealed);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Uint8Array.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      expect(decodeSealed(damaged).ok).toBe(false);
      expect(decodeSealed(whole.subarray(0, at)).ok).toBe(false);
    }
  });
});

describe("bytes from outside", () => {
  const decoders = [decodeEventLog, decodeReference, decodeSealed, decodeAttest];

  test("never make a decoder throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (soup) => {
        for (const decode of decoders) expect(decode(soup).ok).toBe(false);
      }),
    );
  });

  test("in JSON of any shape never make a decoder throw", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(decodeEventLog(utf8(json)).ok).toBe(false);
        expect(decodeReference(utf8(json)).ok).toBe(false);
      }),
    );
  });

  test("as 100,000 garbled quotes are never taken for good ones", () => {
    const { below, random } = seeded(3);
    const header = [0xff, 0x54, 0x43, 0x47, 0x80, 0x18];
    for (let i = 0; i < 100_000; i++) {
      const attest = random.bytes(below(160));
      if (i % 2 === 0) attest.set(header.slice(0, attest.length));
      const quote = { attest, signature: random.bytes(below(80)) };
      const claim = { quote, publicArea: random.bytes(below(100)), nonce: random.bytes(32), pcrs: [14] };
      if (quoteFindings({ ...claim, values: new Map([[14, random.bytes(32)]]) }).length === 0) throw new Error("good?");
    }
  });
});
