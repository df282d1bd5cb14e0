/** Private villages: the box against an independent computation, replays, counters over restarts, and a village on air. @module */
import { createCipheriv, createHmac, hkdfSync } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { plainOf } from "../../src/exchange/opening.ts";
import { LEAPS, LEAP_MS, MAX_PAGES, PAGE, ReplayWindow } from "../../src/exchange/replay-window.ts";
import { closeBox, groupKey, openBox } from "../../src/exchange/sealed-box.ts";
import { BLOCK, MAX_RADIOS, Sealing } from "../../src/exchange/sealing.ts";
import { fromHex, toHex, utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { Store } from "../../src/ports/store.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/codec.ts";
import { MAX_COUNTER, SEALED_OVERHEAD_BYTES, type Sealed } from "../../src/wire/sealed.ts";
import { nodeNumber } from "../../src/sim/topology.ts";
import { silentLog } from "../fakes/log.ts";
import { openVillage } from "../fakes/village.ts";
import { beaconOf } from "../fakes/beacon.ts";

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i);
const KEY = groupKey(1, SECRET);
const ME = 0x3f9a_1c20;

const clockAt = (nowMs: number) => ({
  nowMs: () => nowMs,
  monotonicMs: () => 0,
  sleep: () => Promise.resolve(),
});

function opened(options: { store?: Store; nowMs?: number; keys?: (typeof KEY)[]; number?: number | undefined } = {}) {
  const { store = openMemoryStore(), nowMs = 0, keys = [KEY] } = options;
  const number = "number" in options ? options.number : ME;
  return Sealing.open({ store, clock: clockAt(nowMs), log: silentLog, keys, number: () => number });
}

function sealedBy(sealing: Sealing, message: Uint8Array): Sealed {
  const sealed = sealing.seal(message);
  const decoded = sealed.ok ? decodeMessage(sealed.value) : sealed;
  if (!decoded.ok || decoded.value.type !== "sealed") throw new Error("not sealed");
  return decoded.value;
}

describe("the box", () => {
  test("is HMAC-SHA-256 and AES-256-CTR as documented, computed apart from the code under test", () => {
    const message = fromHex("d1003f9a1c20b4d5e6f7")!;
    const keys = Buffer.from(hkdfSync("sha256", SECRET, Buffer.alloc(0), "caye sealed v1", 64));
    const nonce = Buffer.from("3f9a1c2040000007", "hex");
    const tag = createHmac("sha256", keys.subarray(0, 32))
      .update(Buffer.concat([Buffer.from("caye sealed v1"), nonce, message]))
      .digest()
      .subarray(0, 8);
    const iv = Buffer.concat([nonce, tag.subarray(0, 7), Buffer.alloc(1)]);
    const text = createCipheriv("aes-256-ctr", keys.subarray(32), iv).update(message);
    expect(toHex(closeBox(KEY, ME, 7, message))).toBe(Buffer.concat([text, tag]).toString("hex"));
  });

  test("is what another implementation (Python's hmac, openssl enc) gave", () => {
    const message = fromHex("d1003f9a1c20b4d5e6f7")!;
    expect(toHex(closeBox(KEY, ME, 7, message))).toBe("2005291c024ca1d5abf4cee508be48376b46");
  });

  test("opens for its radio, counter and key alone, and with no bit changed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 218 }), fc.nat(), (message, at) => {
        const box = closeBox(KEY, ME, 7, message);
        expect(openBox(KEY, ME, 7, box)).toEqual(message);
        expect(openBox(KEY, ME + 1, 7, box)).toBeUndefined();
        expect(openBox(KEY, ME, 8, box)).toBeUndefined();
        expect(
          openBox(
            groupKey(
              5,
              SECRET.map((byte) => byte ^ 1),
            ),
            ME,
            7,
            box,
          ),
        ).toBeUndefined();
        const bit = at % (8 * box.length);
        box[bit >> 3]! ^= 1 << (bit & 7);
        expect(openBox(KEY, ME, 7, box)).toBeUndefined();
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  test("adds 13 bytes", async () => {
    const sealed = (await opened()).seal(new Uint8Array(100));
    expect(sealed.ok && sealed.value.length).toBe(100 + SEALED_OVERHEAD_BYTES);
    expect(SEALED_OVERHEAD_BYTES).toBe(13);
  });
});

describe("the window", () => {
  test("takes each counter once, in whatever order they come, and none again that was there before it forgot", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 300 }),
        fc.integer({ min: 0, max: 40_000 }),
        (steps, jumpAt) => {
          const window = new ReplayWindow();
          const taken = new Set<number>();
          let top = 0;
          for (const [i, step] of steps.entries()) {
            // Mostly the next ones, some late; once the radio starts again, and its counter leaps.
            top += step % 7 === 0 ? step : step % 5;
            if (i === jumpAt % 300) top += 20_000;
            const counter = Math.max(1, top - (step % 300));
            const verdict = window.judge(counter, i * LEAP_MS);
            if (taken.has(counter)) expect(verdict).not.toBe("fresh");
            if (verdict !== "fresh") continue;
            window.take(counter, i * LEAP_MS);
            taken.add(counter);
          }
          for (const counter of taken) expect(window.judge(counter, Infinity)).not.toBe("fresh");
          const again = new ReplayWindow(window.save());
          for (const counter of taken) expect(again.judge(counter, Infinity)).not.toBe("fresh");
        },
      ),
      { seed: 5, numRuns: 300 },
    );
  });

  test("hears a radio on that counts on, whatever counters somebody else uses under its number", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: MAX_COUNTER }), { maxLength: 100 }), (lies) => {
        const window = new ReplayWindow();
        const lied = new Set(lies);
        let nowMs = 0;
        let [own, missed] = [5_000, 0];
        for (const lie of [MAX_COUNTER, 5_900, 6_200, 7_300, 8_400, ...lies]) {
          for (let i = 0; i < 100; i++) {
            nowMs += 10_000;
            own++;
            if (window.judge(own, nowMs) === "fresh") window.take(own, nowMs);
            else if (!lied.has(own)) missed++;
          }
          if (window.judge(lie, nowMs) === "fresh") window.take(lie, nowMs);
        }
        // A lie that is a counter of its own costs that one.
        expect(missed).toBeLessThanOrEqual(4);
      }),
      { seed: 6, numRuns: 30 },
    );
  });

  test("lets a radio start again with a higher counter a few times at once, and then every twenty minutes", () => {
    const window = new ReplayWindow();
    const leap = (n: number, nowMs: number): string => {
      const verdict = window.judge(5_000 * n, nowMs);
      if (verdict === "fresh") window.take(5_000 * n, nowMs);
      return verdict;
    };
    expect(Array.from({ length: LEAPS + 2 }, (_, n) => leap(n + 1, 0)).at(-1)).toBe("ahead");
    expect(leap(50, LEAP_MS - 1)).toBe("ahead");
    expect(leap(50, LEAP_MS)).toBe("fresh");
  });

  test("is read from what an older version wrote: the highest counter", async () => {
    const store = openMemoryStore();
    await store.write([{ key: utf8(`~sealed:1:${ME}`), value: Uint8Array.of(0, 0, 0x13, 0x88) }]);
    const theirs = await opened({ store });
    const at = (counter: number): Sealed => ({
      type: "sealed",
      slot: 1,
      counter,
      box: closeBox(KEY, ME, counter, Uint8Array.of(1)),
    });
    expect(theirs.open(at(5_000), ME)).toEqual({ ok: false, reason: "stale" });
    expect(theirs.open(at(5_001), ME).ok).toBe(true);
  });
});

describe("what is refused", () => {
  const message = encodeMessage(beaconOf(new Uint8Array(8), []));

  test("tells forged, replayed, stale and unknown keys apart", async () => {
    const [mine, theirs] = [await opened(), await opened()];
    const first = sealedBy(mine, message);
    expect(theirs.open(first, ME)).toEqual({ ok: true, value: message });
    expect(theirs.open(first, ME)).toEqual({ ok: false, reason: "replayed" });
    expect(theirs.open(first, ME + 1)).toEqual({ ok: false, reason: "forged" });
    expect(theirs.open({ ...first, slot: 2 }, ME)).toEqual({ ok: false, reason: "key unknown" });
    const old = sealedBy(mine, message);
    for (let counter = old.counter + 10; counter < (MAX_PAGES + 2) * PAGE; counter += 10) {
      const box = closeBox(KEY, ME, counter, message);
      expect(theirs.open({ type: "sealed", slot: 1, counter, box }, ME).ok).toBe(true);
    }
    expect(theirs.open(old, ME)).toEqual({ ok: false, reason: "stale" });
  });

  test("who has the key and seals under another's number with the highest counter silences nobody", async () => {
    const [mine, theirs] = [await opened(), await opened()];
    expect(theirs.open(sealedBy(mine, message), ME).ok).toBe(true);
    const box = closeBox(KEY, ME, MAX_COUNTER, message);
    expect(theirs.open({ type: "sealed", slot: 1, counter: MAX_COUNTER, box }, ME).ok).toBe(true);
    expect(theirs.open(sealedBy(mine, message), ME).ok).toBe(true);
  });

  test("a forgery moves no window: it can't make what is genuine look old", async () => {
    const [mine, theirs] = [await opened(), await opened()];
    const first = sealedBy(mine, message);
    expect(theirs.open({ ...first, counter: 1_000_000 }, ME).ok).toBe(false);
    expect(theirs.open(first, ME).ok).toBe(true);
  });

  test("a private village drops what is not sealed, an open one what is; nothing is sealed twice", async () => {
    const sealing = await opened();
    const once = sealing.seal(message);
    const twice = once.ok ? sealing.seal(once.value) : once;
    if (!once.ok || !twice.ok) throw new Error("not sealed");
    expect(plainOf(message, ME, sealing)).toEqual({ ok: false, reason: "unsealed" });
    expect(plainOf(once.value, ME, undefined)).toEqual({ ok: false, reason: "sealed for others" });
    expect(plainOf(twice.value, ME, sealing)).toEqual({ ok: false, reason: "sealed twice" });
    expect(plainOf(once.value, ME, sealing).ok).toBe(true);
  });

  test("memory of radios is bounded, also when a member invents them", async () => {
    const store = openMemoryStore();
    const theirs = await opened({ store });
    for (let radio = 0; radio < MAX_RADIOS + 50; radio++) {
      const box = closeBox(KEY, radio, 5000, message);
      expect(theirs.open({ type: "sealed", slot: 1, counter: 5000, box }, radio).ok).toBe(true);
    }
    let kept = 0;
    for await (const { key } of store.entries({ from: Uint8Array.of(0), until: Uint8Array.of(255) }))
      kept += key.length > 5 ? 1 : 0;
    expect(kept).toBeLessThanOrEqual(MAX_RADIOS);
  });
});

describe("counters", () => {
  const message = new Uint8Array(5);

  test("never come again: not after a crash, not from an earlier clock", async () => {
    const store = openMemoryStore();
    const seen = new Set<number>();
    for (const nowMs of [0, Date.UTC(2026, 6, 1), 0, Date.UTC(2026, 5, 1), Date.UTC(2099, 0, 1)]) {
      const sealing = await opened({ store, nowMs });
      for (let i = 0; i < 100; i++) {
        const { counter } = sealedBy(sealing, message);
        expect(seen.has(counter)).toBe(false);
        seen.add(counter);
      }
    }
  });

  test("of a node that lost its disk go on beyond the earlier ones, by the clock", async () => {
    const before = await opened({ nowMs: Date.UTC(2026, 6, 1) });
    const after = await opened({ nowMs: Date.UTC(2026, 6, 2) });
    expect(sealedBy(after, message).counter).toBeGreaterThan(sealedBy(before, message).counter);
  });

  test("run out rather than repeat when the disk takes no more; and come back with it", async () => {
    const inner = openMemoryStore();
    let full = false;
    const store: Store = Object.create(inner, {
      get: { value: inner.get.bind(inner) },
      entries: { value: inner.entries.bind(inner) },
      write: {
        value: (changes: Parameters<Store["write"]>[0]) =>
          full ? Promise.reject(new AgentError("DISK_FULL", "full")) : inner.write(changes),
      },
    });
    const sealing = await opened({ store });
    full = true;
    for (let i = 0; i < BLOCK; i++) expect(sealing.seal(message).ok).toBe(true);
    await Promise.resolve();
    expect(sealing.seal(message)).toEqual({ ok: false, reason: "no counters" });
    full = false;
    await new Promise(setImmediate);
    sealing.seal(message);
    await new Promise(setImmediate);
    expect(sealing.seal(message).ok).toBe(true);
  });

  test("what was heard before a restart stays known, up to a step of 64", async () => {
    const [mine, store] = [await opened(), openMemoryStore()];
    const earlier = await opened({ store });
    const all = Array.from({ length: 200 }, () => sealedBy(mine, message));
    for (const sealed of all) earlier.open(sealed, ME);
    const later = await opened({ store });
    const again = all.filter((sealed) => later.open(sealed, ME).ok);
    expect(again.length).toBeLessThan(64);
  });

  test("nothing is sealed before the radio has told its number", async () => {
    expect((await opened({ number: undefined })).seal(message)).toEqual({ ok: false, reason: "radio unknown" });
  });
});

describe("the keys of a village", () => {
  test("are one, or two during a change: the first seals, both open", async () => {
    const next = groupKey(
      2,
      SECRET.map((byte) => byte ^ 255),
    );
    const [old, both, renewed] = [await opened(), await opened({ keys: [next, KEY] }), await opened({ keys: [next] })];
    expect(both.open(sealedBy(old, new Uint8Array(5)), ME).ok).toBe(true);
    expect(renewed.open(sealedBy(both, new Uint8Array(5)), ME).ok).toBe(true);
    expect(old.open(sealedBy(both, new Uint8Array(5)), ME)).toEqual({ ok: false, reason: "key unknown" });
  });

  test("are refused when there is none, or the air could not tell them apart", async () => {
    for (const keys of [[], [KEY, groupKey(5, SECRET)]]) {
      await expect(opened({ keys })).rejects.toMatchObject({ code: "GROUP_KEY_INVALID" });
    }
  });
});

test("two nodes with the key share a file; one without, in the same cell, learns nothing", async () => {
  const links = [
    { a: nodeNumber(0), b: nodeNumber(1), loss: 0 },
    { a: nodeNumber(0), b: nodeNumber(2), loss: 0 },
    { a: nodeNumber(1), b: nodeNumber(2), loss: 0 },
  ];
  const keysOf = (index: number) => (index < 2 ? { groupKeys: [KEY] } : {});
  await using village = await openVillage(77, links, [0, 1, 2], keysOf);
  const [one, two, outsider] = village.nodes;
  await one!.put("secret.txt", new Uint8Array(600).fill(7));
  for (let minute = 0; minute < 60 && two!.shard.count(toHex(one!.shard.author.id)) < 2; minute++) {
    await village.clock.advance(60_000);
  }
  expect((await two!.shard.resolve("secret.txt")).length).toBe(1);
  expect(await outsider!.shard.resolve("secret.txt")).toEqual([]);
  expect(outsider!.exchange.counters()["refused_sealed_for_others"]).toBeGreaterThan(0);
  expect(one!.exchange.counters()["failures"] ?? 0).toBe(0);
});
