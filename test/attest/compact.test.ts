/** Evidence in few bytes: what comes back is the TPM's own, byte for byte; nothing else is taken for it. @module */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import {
  compactOf,
  expandCompact,
  expectationTag,
  firmwareBytes,
  type CompactFrame,
  type Expectations,
} from "../../src/attest/compact.ts";
import { encodeEventLog, eventsOf } from "../../src/attest/logs/own.ts";
import { quoteForTools } from "../../src/attest/quote-files.ts";
import { quoteFindings } from "../../src/attest/quote.ts";
import { OWN_EVENTS, type Evidence, type OwnDigests } from "../../src/kernel/attest.ts";
import { fromHex, toHex, type Bytes } from "../../src/kernel/bytes.ts";
import type { Tpm } from "../../src/ports/tpm.ts";
import { SoftChip } from "../../src/sim/soft-chip.ts";
import golden from "../vectors/wire/attest.json" with { type: "json" };
import { isInstalled, openSwtpm, temporaryDirectory } from "../fakes/chips.ts";
import { seeded } from "../fakes/seeded.ts";
import { sha256 } from "../fakes/tpm.ts";

const OWN_PCR = 14;
const own: OwnDigests = {
  runtime: sha256("runtime"),
  code: sha256("code"),
  config: sha256("config"),
  policy: sha256("policy"),
};
const cleanups: (() => void)[] = [];
afterAll(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const slotsOf = (digests: OwnDigests, firmware: bigint, others: readonly Uint8Array[] = []): Expectations => [
  ...OWN_EVENTS.map((name) => digests[name]),
  firmwareBytes(firmware),
  ...others,
];
const tagsOf = (expected: Expectations): readonly number[] => expected.map(expectationTag);

function frameOf({ akPublic, pcrs }: Evidence, nonce: Uint8Array): CompactFrame {
  return { akPublic, nonce, pcrs, ownPcr: OWN_PCR };
}

function compact(evidence: Evidence, frame: CompactFrame, tags: readonly number[] = []): Bytes {
  const outcome = compactOf(evidence, frame, tags);
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.value;
}

/** Of a real TPM whose own register the events were extended into. */
async function evidenceOf(tpm: Tpm, nonce: Uint8Array, pcrs: readonly number[]): Promise<Evidence> {
  const { publicArea: akPublic } = await tpm.attestationKey();
  const quote = await tpm.quote(nonce, pcrs);
  const log = encodeEventLog({ pcr: OWN_PCR, base: new Uint8Array(32), events: eventsOf(own) });
  const logs = { own: pcrs.includes(OWN_PCR) ? log : undefined, tcg: undefined, ima: undefined, cel: undefined };
  return { ...quote, akPublic, pcrs, values: await tpm.pcrRead(pcrs), logs };
}

describe("quotes of a real software TPM", () => {
  test.for([[14], [7], [0, 7, 14], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14]])(
    "over PCR %j come back byte for byte, and tpm2_checkquote accepts what came back",
    async (pcrs, context) => {
      for (const program of ["swtpm", "tpm2_checkquote"]) {
        if (!isInstalled(program)) context.skip(`${program} is not installed`);
      }
      const directory = temporaryDirectory();
      cleanups.push(directory.remove);
      await using tpm = await openSwtpm(join(directory.path, "swtpm"));
      for (const { digest } of eventsOf(own)) await tpm.pcrExtend(OWN_PCR, digest);
      await tpm.pcrExtend(7, sha256("another"));
      const { firmware } = await tpm.identity();
      const nonce = new Uint8Array(randomBytes(16));
      const evidence = await evidenceOf(tpm, nonce, pcrs);
      const frame = frameOf(evidence, nonce);
      const others = pcrs.filter((pcr) => pcr !== OWN_PCR).map((pcr) => evidence.values.get(pcr) ?? new Uint8Array());
      const everything = slotsOf(own, firmware, others);
      const known = compact(evidence, frame, tagsOf(everything));
      expect(expandCompact(known, frame, everything)).toEqual({ ok: true, value: evidence });
      expect(known.length).toBeLessThanOrEqual(64 + 20);
      const unknown = compact(evidence, frame);
      expect(expandCompact(unknown, frame, [])).toEqual({ ok: true, value: evidence });
      const back = expandCompact(known, frame, everything);
      if (!back.ok) throw new Error(back.reason);
      const { attest, signature, values } = back.value;
      const quote = { attest, signature };
      const report = quoteForTools({ quote, publicArea: frame.akPublic, nonce, pcrs, values });
      const write = (name: string, bytes: Uint8Array | string): string => {
        writeFileSync(join(directory.path, name), bytes);
        return join(directory.path, name);
      };
      const hex = (text: string): Uint8Array => fromHex(text) ?? new Uint8Array();
      const files = ["-u", write("ak.pem", report.ak_pem), "-m", write("quote.msg", hex(report.msg))];
      files.push("-s", write("quote.sig", hex(report.sig)), "-f", write("quote.pcrs", hex(report.pcrs)));
      expect(spawnSync("tpm2_checkquote", [...files, "-g", "sha256", "-q", report.nonce]).status).toBe(0);
    },
  );

  test("three hundred in a row come back, those among them whose r or s begins with zeros", async (context) => {
    if (!isInstalled("swtpm")) context.skip("swtpm is not installed");
    const directory = temporaryDirectory();
    cleanups.push(directory.remove);
    await using tpm = await openSwtpm(join(directory.path, "swtpm"));
    for (const { digest } of eventsOf(own)) await tpm.pcrExtend(OWN_PCR, digest);
    for (let i = 0; i < 300; i++) {
      const nonce = new Uint8Array(randomBytes(16));
      const evidence = await evidenceOf(tpm, nonce, [OWN_PCR]);
      const frame = frameOf(evidence, nonce);
      expect(expandCompact(compact(evidence, frame), frame, [])).toEqual({ ok: true, value: evidence });
    }
  });
});

describe("a quote of swtpm", () => {
  const bytes = (hex: string): Bytes => fromHex(hex) ?? new Uint8Array();
  const nonce = bytes(golden.nonce);
  const values = new Map(golden.values.map(([pcr, value]) => [Number(pcr), bytes(String(value))]));
  const [runtime, code, config, policy] = golden.own.map(bytes);
  const digests: OwnDigests = { runtime: runtime!, code: code!, config: config!, policy: policy! };
  const said: Evidence = {
    attest: bytes(golden.attest),
    signature: bytes(golden.signature),
    akPublic: bytes(golden.akPublic),
    pcrs: golden.pcrs,
    values,
    logs: {
      own: encodeEventLog({ pcr: golden.ownPcr, base: new Uint8Array(32), events: eventsOf(digests) }),
      tcg: undefined,
      ima: undefined,
      cel: undefined,
    },
  };
  const everything = slotsOf(digests, BigInt(golden.firmware), [values.get(7)!]);

  test.each(golden.cases)(
    "is $bytes.length hex digits when $expected is expected",
    ({ expected: tags, bytes: hex }) => {
      const context = frameOf(said, nonce);
      expect(toHex(compact(said, context, tags))).toBe(hex);
      const slots = everything.map((slot, i) => ((tags[i] ?? 0) === 0 ? undefined : slot));
      expect(expandCompact(bytes(hex), context, slots)).toEqual({ ok: true, value: said });
    },
  );
});

const chip = new SoftChip("compact");
const FIRMWARE = 0x2017_0619_0016_3636n;
const state = { own, clock: 5_000_000_123n, resetCount: 200, restartCount: 3, safe: true, firmware: FIRMWARE };
const NONCE = sha256("nonce").slice(0, 16);
const evidence = chip.evidence(NONCE, OWN_PCR, state);
const frame = frameOf(evidence, NONCE);
const expected = slotsOf(own, FIRMWARE);

function findings({ attest, signature, akPublic, pcrs, values }: Evidence): readonly string[] {
  return quoteFindings({ quote: { attest, signature }, publicArea: akPublic, nonce: NONCE, pcrs, values });
}

describe("what is sent", () => {
  test("is 75 bytes when all is as expected: one packet, sealed or not", () => {
    const bytes = compact(evidence, frame, tagsOf(expected));
    expect(bytes.length).toBe(1 + 5 + 2 + 1 + 2 + 64);
    expect(expandCompact(bytes, frame, expected)).toEqual({ ok: true, value: evidence });
    expect(findings(evidence)).toEqual([]);
  });

  test("fits one packet of a sealed village when nothing at all is as expected", () => {
    const most = { ...state, clock: 2n ** 40n, resetCount: 2 ** 20, restartCount: 2 ** 20 };
    const worst = chip.evidence(NONCE, OWN_PCR, most);
    expect(compact(worst, frame).length).toBe(1 + 6 + 3 + 3 + 8 + 2 + 128 + 64);
    expect(expandCompact(compact(worst, frame), frame, [])).toEqual({ ok: true, value: worst });
    expect(compact(worst, frame).length).toBeGreaterThan(218 - 8);
    // The firmware alone is expected of every node.
    const tags = tagsOf([undefined, undefined, undefined, undefined, firmwareBytes(FIRMWARE)]);
    expect(compact(worst, frame, tags).length).toBeLessThanOrEqual(218 - 8);
  });

  test("is what differs: a new program costs 32 bytes more, and comes back", () => {
    const changed = { ...own, code: sha256("new code") };
    const other = chip.evidence(NONCE, OWN_PCR, { ...state, own: changed });
    const bytes = compact(other, frame, tagsOf(expected));
    expect(bytes.length).toBe(compact(evidence, frame, tagsOf(expected)).length + 32);
    expect(expandCompact(bytes, frame, expected)).toEqual({ ok: true, value: other });
  });

  test("is every event when the agent measured twice since the start, and a base that somebody else left", () => {
    const events = [...eventsOf(own), ...eventsOf({ ...own, config: sha256("other config") })];
    const log = encodeEventLog({ pcr: OWN_PCR, base: sha256("base"), events });
    const strange = { ...evidence, logs: { ...evidence.logs, own: log } };
    // It does not explain the register: the register's value is sent in its place.
    const bytes = compact(strange, frame, tagsOf(expected));
    const back = expandCompact(bytes, frame, expected);
    expect(back).toEqual({ ok: true, value: { ...evidence, logs: { ...evidence.logs, own: undefined } } });
  });

  test("is refused for another key, other registers, an RSA signature", () => {
    const other = new SoftChip("another");
    const reason = "not a quote of these registers by that key";
    expect(compactOf(evidence, { ...frame, akPublic: other.akPublic }, [])).toEqual({ ok: false, reason });
    expect(compactOf(evidence, { ...frame, pcrs: [7, 14] }, [])).toEqual({ ok: false, reason });
    expect(compactOf(evidence, { ...frame, nonce: sha256("x").slice(0, 16) }, [])).toEqual({ ok: false, reason });
    const rsa = { ...evidence, signature: Uint8Array.of(0, 0x14, 0, 0x0b, 1, 0, ...new Uint8Array(256)) };
    expect(compactOf(rsa, frame, [])).toEqual({ ok: false, reason: "not a P-256 signature" });
  });
});

describe("what comes", () => {
  const known = compact(evidence, frame, tagsOf(expected));
  const whole = compact(evidence, frame);

  test("needs what was expected: with another digest the signature fails, with none it is refused", () => {
    const wrong = slotsOf({ ...own, policy: sha256("another policy") }, FIRMWARE);
    const back = expandCompact(known, frame, wrong);
    expect(back.ok ? findings(back.value) : back.reason).toEqual(["signature"]);
    const reason = "nothing expected in place of what is left out";
    expect(expandCompact(known, frame, [])).toEqual({ ok: false, reason });
  });

  test("is of one nonce: under another the signature fails", () => {
    const back = expandCompact(known, { ...frame, nonce: sha256("later").slice(0, 16) }, expected);
    expect(back.ok ? findings(back.value) : back.reason).toEqual(["signature", "nonce"]);
  });

  test("is refused or does not hold after any bit was flipped, or any byte cut off", () => {
    for (const [bytes, given] of [
      [known, expected],
      [whole, []],
    ] as const) {
      for (let bit = 0; bit < 8 * bytes.length; bit++) {
        const flipped = bytes.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const back = expandCompact(flipped, frame, given);
        if (back.ok) expect(findings(back.value), `bit ${bit}`).not.toEqual([]);
      }
      for (let length = 0; length < bytes.length; length++) {
        expect(expandCompact(bytes.subarray(0, length), frame, given).ok).toBe(false);
      }
    }
  });

  test("is any bytes: never an exception, never good, and the same bytes again where it is taken", () => {
    const { below } = seeded(20_261_121);
    let taken = 0;
    for (let round = 0; round < 20_000; round++) {
      const start = Uint8Array.from(round % 2 === 0 ? known : whole);
      for (let change = below(4); change >= 0; change--) start[below(start.length)] = below(256);
      const bytes = below(4) === 0 ? start.slice(0, below(start.length)) : start;
      const pcrs = below(2) === 0 ? [14] : [0, 7, 10, 11, 12, 13, 14, 15, 16];
      const context = { ...frame, pcrs };
      const back = expandCompact(bytes, context, expected);
      if (!back.ok) continue;
      taken++;
      const again = compactOf(back.value, context, []);
      expect(again.ok && expandCompact(again.value, context, [])).toEqual(back);
    }
    expect(taken).toBeGreaterThan(1_000);
  });

  test("comes back for any counters, digests and expectations", () => {
    const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const digests = fc.record({ runtime: digest, code: digest, config: digest, policy: digest });
    const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
    const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const content = fc.record({
      own: digests,
      clock: u64,
      resetCount: u32,
      restartCount: u32,
      safe: fc.boolean(),
      firmware: u64,
    });
    const some = fc.array(fc.boolean(), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(content, some, (given, mask) => {
        const said = chip.evidence(NONCE, OWN_PCR, given);
        const slots = slotsOf(given.own, given.firmware).map((slot, i) => (mask[i] === true ? slot : undefined));
        expect(expandCompact(compact(said, frame, tagsOf(slots)), frame, slots)).toEqual({ ok: true, value: said });
      }),
      { seed: 12, numRuns: 100 },
    );
  });
});
