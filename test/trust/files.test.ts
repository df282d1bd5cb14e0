import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromUtf8, toHex, utf8 } from "../../src/kernel/bytes.ts";
import { replay } from "../../src/kernel/pcr.ts";
import {
  alreadyIn,
  changedDigests,
  codeDigest,
  configDigest,
  decodeEventLog,
  encodeEventLog,
  eventsOf,
  expectedValue,
  explain,
  holdsOnly,
  ownDigestsOf,
  ownState,
  policyDigest,
  runtimeDigest,
  type MeasuredEvent,
  type OwnParts,
} from "../../src/attest/logs/own.ts";
import { decodeSealed, encodeSealed, type SealedKey } from "../../src/trust/key-files.ts";
import { keyId } from "../../src/trust/store-keys.ts";
import { decodeAttest, quoteFindings } from "../../src/attest/quote.ts";
import {
  changedPaths,
  decodeReference,
  describeChanges,
  encodeReference,
  linesOf,
  resetStep,
  withBoot,
  type SeenBoot,
} from "../../src/trust/reference.ts";
import { seeded } from "../fakes/seeded.ts";
import { sha256 } from "../fakes/tpm.ts";

const file = (path: string, content = path) => ({ path, sha256: sha256(content) });
const bytes = (length: number) => new Uint8Array(randomBytes(length));
const runtime = { nodeVersion: "v24.0.0", files: [file("node"), file("node_modules/a/index.js")] };
const state = (changes: Partial<OwnParts> = {}) =>
  ownState({
    runtime,
    files: [file("src/a.ts")],
    configBytes: utf8("config"),
    policyBytes: utf8("policy"),
    ...changes,
  });

describe("the measurement log", () => {
  const own = state();
  const events = eventsOf(own);
  const [first, second] = events;
  if (first === undefined || second === undefined) throw new Error("four events");
  const zero = new Uint8Array(32);

  test("comes back as it was written", () => {
    const log = { pcr: 14, base: bytes(32), events: [...events, first] };
    expect(decodeEventLog(encodeEventLog(log))).toEqual({ ok: true, value: log });
  });

  test("has four events, in the order in which they are extended", () => {
    expect(events.map(({ name }) => name)).toEqual(["runtime", "code", "config", "policy"]);
    expect(expectedValue(own)).toEqual(replay([own.runtime, own.code, own.config, own.policy]));
    expect(expectedValue(own, bytes(32))).not.toEqual(expectedValue(own));
  });

  test("explains every value on its way and no other", () => {
    const log = { pcr: 14, base: zero, events };
    const digests = events.map(({ digest }) => digest);
    for (const count of [0, 1, 2, 3, 4]) {
      expect(explain(log, replay(digests.slice(0, count)))?.events).toEqual(events.slice(0, count));
    }
    expect(explain(log, replay([second.digest]))).toBeUndefined();
  });

  test("knows how much of a measurement it ends with", () => {
    const ends = (...held: readonly MeasuredEvent[]) => alreadyIn({ pcr: 14, base: zero, events: held }, events);
    expect([ends(), ends(first), ends(first, second), ends(second), ends(...events), ends(...events, first)]).toEqual([
      0, 1, 2, 0, 4, 1,
    ]);
  });

  test("is clean only with the four events alone", () => {
    const clean = (...held: readonly MeasuredEvent[]) => holdsOnly({ pcr: 14, base: zero, events: held }, events);
    expect([clean(...events), clean(...events, ...events), clean(first), clean()]).toEqual([true, false, false, false]);
  });

  test("says what the state is only when it holds nothing else", () => {
    const { runtime: r, code, config, policy } = own;
    expect(ownDigestsOf({ pcr: 14, base: zero, events })).toEqual({ runtime: r, code, config, policy });
    for (const held of [[], events.slice(0, 3), events.toReversed(), [...events, first]]) {
      expect(ownDigestsOf({ pcr: 14, base: zero, events: held })).toBeUndefined();
    }
  });

  test("of an earlier version is told from one that is damaged", () => {
    const earlier = { version: 1, pcr: 14, base: "00".repeat(32), events: [{ name: "code", digest: "ab".repeat(32) }] };
    expect(decodeEventLog(utf8(JSON.stringify(earlier)))).toEqual({ ok: false, reason: "of an earlier version" });
    expect(decodeEventLog(utf8("{}"))).toEqual({ ok: false, reason: "not a measurement log" });
  });

  test("has one form", () => {
    const text = fromUtf8(encodeEventLog({ pcr: 14, base: zero, events })) ?? "";
    for (const other of [` ${text}`, text.trimEnd(), text.toUpperCase(), JSON.stringify(JSON.parse(text))]) {
      expect(decodeEventLog(utf8(other)).ok).toBe(false);
    }
  });

  test("measures the four apart from each other", () => {
    const nothing = [
      runtimeDigest({ nodeVersion: "", files: [] }),
      codeDigest([]),
      configDigest(zero),
      policyDigest(zero),
    ];
    expect(new Set(nothing.map(String)).size).toBe(4);
    expect(codeDigest([file("a")])).not.toEqual(codeDigest([file("b", "a")]));
    expect(codeDigest([file("a"), file("b")])).not.toEqual(codeDigest([file("b"), file("a")]));
    expect(runtimeDigest({ ...runtime, nodeVersion: "v24.0.1" })).not.toEqual(runtimeDigest(runtime));
    const lines = `caye runtime v1\nv24.0.0\n${toHex(sha256("node"))}  node\n`;
    expect(runtimeDigest({ nodeVersion: "v24.0.0", files: [file("node")] })).toEqual(sha256(lines));
  });

  test("of a planned change differs in what was named alone", () => {
    const next = changedDigests(own, { files: [file("src/b.ts")] });
    expect(next).toEqual({ ...changedDigests(own, {}), code: codeDigest([file("src/b.ts")]) });
    const all = { runtime: { ...runtime, nodeVersion: "v25" }, configBytes: utf8("c"), policyBytes: utf8("p") };
    const changed = changedDigests(own, all);
    expect(changed.code).toEqual(own.code);
    for (const name of ["runtime", "config", "policy"] as const) expect(changed[name]).not.toEqual(own[name]);
  });
});

describe("the reference", () => {
  const own = state({ files: [file("src/a.ts"), file("src/b.ts")] });
  const { runtime: r, code, config, policy } = own;
  const boots = [
    { bootId: bytes(16), counts: { resetCount: 6, restartCount: 0 } },
    { bootId: bytes(16), counts: { resetCount: 7, restartCount: 0 } },
  ];
  const reference = {
    own: { runtime: r, code, config, policy },
    lines: linesOf(own),
    keyName: bytes(34),
    resetCount: 7,
    restartCount: 0xffff_ffff,
    boots,
  };

  test("comes back as it was written", () => {
    expect(decodeReference(encodeReference(reference))).toEqual({ ok: true, value: reference });
  });

  test("of an earlier version is none", () => {
    const text = fromUtf8(encodeReference(reference)) ?? "";
    expect(decodeReference(utf8(text.replace('"version": 2', '"version": 1'))).ok).toBe(false);
  });

  test("names what was added, removed and changed", () => {
    const of = (changes: Partial<OwnParts>) => ({ own: state(changes), lines: linesOf(state(changes)) });
    const before = [file("a"), file("b"), file("c")];
    const now = [file("a"), file("b", "other"), file("d")];
    expect(changedPaths(of({ files: before }).lines.code, of({ files: now }).lines.code)).toEqual(["b", "c", "d"]);
    const all = {
      runtime: { nodeVersion: "v24.0.0", files: [file("node", "other")] },
      files: now,
      configBytes: utf8("y"),
      policyBytes: utf8("z"),
    };
    expect(describeChanges(of({ files: before }), of(all))).toBe(
      "runtime changed: node, node_modules/a/index.js; code changed: b, c, d; configuration changed; policy changed",
    );
    expect(describeChanges(of({}), of({}))).toBe("");
    const version = { runtime: { ...runtime, nodeVersion: "v24.0.1" } };
    expect(describeChanges(of({}), of(version))).toBe("runtime changed");
    const many = Array.from({ length: 9 }, (_, i) => file(`f${i}`));
    expect(describeChanges(of({ files: [] }), of({ files: many }))).toBe("code changed: f0, f1, f2, f3, f4 and 4 more");
  });

  const counts = (resetCount: number, restartCount = 0) => ({ resetCount, restartCount });

  test("remembers the last 32 starts of the machine, each once", () => {
    const [first, second] = boots;
    if (first === undefined || second === undefined) throw new Error("two starts");
    expect(withBoot([first], second.bootId, counts(7))).toEqual(boots);
    expect(withBoot(boots, second.bootId, counts(9, 2))).toEqual([first, { ...second, counts: counts(9, 2) }]);
    expect(withBoot(boots, undefined, counts(9))).toEqual(boots);
    const many = Array.from({ length: 40 }, (_, i) => new Uint8Array(16).fill(i));
    const kept = many.reduce<readonly SeenBoot[]>((seen, bootId, i) => withBoot(seen, bootId, counts(i)), []);
    expect(kept.map((boot) => boot.counts.resetCount)).toEqual(Array.from({ length: 32 }, (_, i) => i + 8));
  });

  test("tells a reset with a start of the machine from one without", () => {
    const latest = boots[1]?.bootId;
    expect(resetStep(boots, latest, counts(8))).toEqual({ kind: "same-boot", resets: 1 });
    expect(resetStep(boots, latest, counts(7))).toEqual({ kind: "same-boot", resets: 0 });
    expect(resetStep(boots, latest, counts(7, 1))).toEqual({ kind: "same-boot", resets: 1 });
    expect(resetStep(boots, bytes(16), counts(8))).toEqual({ kind: "later-boot", resets: 1 });
    expect(resetStep([], latest, counts(8))).toEqual({ kind: "unknown" });
    expect(resetStep(boots, undefined, counts(8))).toEqual({ kind: "unknown" });
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
