/** What every store must do, whatever it stands on. @module */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import type { Range, Store } from "../../src/ports/store.ts";

const ALL: Range = { from: new Uint8Array(), until: new Uint8Array(40).fill(255) };

export function describeStore(name: string, open: () => Promise<Store>): void {
  describe(`store: ${name}`, () => {
    let store: Store;

    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store[Symbol.asyncDispose]());

    test("gives back what was written, and undefined for what never was", async () => {
      await store.write([{ key: utf8("a"), value: utf8("1") }]);
      expect(await store.get(utf8("a"))).toEqual(utf8("1"));
      expect(await store.get(utf8("b"))).toBeUndefined();
      expect(await store.has(utf8("a"))).toBe(true);
      expect(await store.has(utf8("b"))).toBe(false);
    });

    test("takes empty keys and empty values", async () => {
      await store.write([
        { key: new Uint8Array(), value: utf8("empty key") },
        { key: utf8("empty value"), value: new Uint8Array() },
      ]);
      expect(await store.get(new Uint8Array())).toEqual(utf8("empty key"));
      expect(await store.get(utf8("empty value"))).toEqual(new Uint8Array());
      expect(await keysOf(store, ALL)).toEqual(["", toHex(utf8("empty value"))]);
    });

    test("deletes, and deleting what is not there is no failure", async () => {
      await store.write([{ key: utf8("a"), value: utf8("1") }]);
      await store.write([
        { key: utf8("a"), value: undefined },
        { key: utf8("never"), value: undefined },
      ]);
      expect(await store.has(utf8("a"))).toBe(false);
    });

    test("applies the changes of one write in their order", async () => {
      const key = utf8("a");
      await store.write([
        { key, value: utf8("1") },
        { key, value: undefined },
        { key, value: utf8("2") },
      ]);
      expect(await store.get(key)).toEqual(utf8("2"));
    });

    test("a write of nothing succeeds", async () => {
      await store.write([]);
      expect(await keysOf(store, ALL)).toEqual([]);
    });

    test("keeps its own copy of keys and values", async () => {
      const key = utf8("key");
      const value = utf8("value");
      const written = store.write([{ key, value }]);
      key.fill(0);
      value.fill(0);
      await written;
      const got = await store.get(utf8("key"));
      expect(got).toEqual(utf8("value"));
      got?.fill(0);
      expect(await store.get(utf8("key"))).toEqual(utf8("value"));
    });

    test("writes that come together all succeed, and the later one wins", async () => {
      const writes = Array.from({ length: 200 }, (_, i) =>
        store.write([
          { key: utf8("last"), value: Uint8Array.of(i) },
          { key: Uint8Array.of(0xee, i), value: Uint8Array.of(i) },
        ]),
      );
      await Promise.all(writes);
      expect(await store.get(utf8("last"))).toEqual(Uint8Array.of(199));
      expect(await keysOf(store, { from: Uint8Array.of(0xee), until: Uint8Array.of(0xef) })).toHaveLength(200);
    });

    test("iterates in key order, from inclusive to exclusive, forwards and backwards, up to a limit", async () => {
      await store.write([3, 1, 4, 1, 5, 9, 2, 6].map((i) => ({ key: Uint8Array.of(i), value: Uint8Array.of(i, i) })));
      const range = { from: Uint8Array.of(2), until: Uint8Array.of(6) };
      expect(await keysOf(store, range)).toEqual(["02", "03", "04", "05"]);
      expect(await keysOf(store, { ...range, reverse: true })).toEqual(["05", "04", "03", "02"]);
      expect(await keysOf(store, { ...range, limit: 2 })).toEqual(["02", "03"]);
      expect(await keysOf(store, { ...range, limit: 2, reverse: true })).toEqual(["05", "04"]);
      expect(await keysOf(store, { ...range, limit: 0 })).toEqual([]);
      expect(await keysOf(store, { from: range.until, until: range.from })).toEqual([]);
      const values: string[] = [];
      for await (const { key, value } of store.entries(range)) values.push(`${toHex(key)}=${toHex(value)}`);
      expect(values).toEqual(["02=0202", "03=0303", "04=0404", "05=0505"]);
    });

    test("iterates over more than it reads at once, both ways, while others write", async () => {
      const keys = Array.from({ length: 700 }, (_, i) => Uint8Array.of(i >> 8, i & 255));
      await store.write(keys.map((key) => ({ key, value: key })));
      const expected = keys.map(toHex);
      const seen: string[] = [];
      for await (const key of store.keys(ALL)) {
        if (seen.length === 300) await store.write([{ key: Uint8Array.of(255), value: Uint8Array.of(1) }]);
        seen.push(toHex(key));
      }
      expect(seen.filter((key) => key !== "ff")).toEqual(expected);
      expect((await keysOf(store, { ...ALL, reverse: true })).filter((key) => key !== "ff")).toEqual(
        expected.reverse(),
      );
    });

    test("an iteration that is given up holds nothing open", async () => {
      await store.write(Array.from({ length: 100 }, (_, i) => ({ key: Uint8Array.of(i), value: Uint8Array.of(i) })));
      for await (const key of store.keys(ALL)) if (key[0] === 3) break;
      const never = store.entries(ALL)[Symbol.asyncIterator]();
      await never.next();
      await store[Symbol.asyncDispose]();
      await expect(never.return?.()).resolves.toMatchObject({ done: true });
    });

    test("behaves as a sorted map would, whatever is done to it", async () => {
      const key = fc.uint8Array({ maxLength: 3, max: 3 });
      const change = fc.record({ key, value: fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined }) });
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 6 }),
          key,
          key,
          async (writes, a, b) => {
            const model = new Map<string, Uint8Array>();
            const clean: string[] = await keysOf(store, ALL);
            await store.write(
              clean.map((hex) => ({ key: Uint8Array.from(Buffer.from(hex, "hex")), value: undefined })),
            );
            for (const write of writes) {
              await store.write(write);
              for (const { key, value } of write) {
                if (value === undefined) model.delete(toHex(key));
                else model.set(toHex(key), value);
              }
            }
            const inRange = [...model.keys()].filter((hex) => hex >= toHex(a) && hex < toHex(b)).sort();
            expect(await keysOf(store, { from: a, until: b })).toEqual(inRange);
            for (const [hex, value] of model) {
              expect(await store.get(Uint8Array.from(Buffer.from(hex, "hex")))).toEqual(new Uint8Array(value));
            }
          },
        ),
        { numRuns: 25 },
      );
    });

    test("after closing everything fails with STORE_CLOSED, and closing again does nothing", async () => {
      const written = store.write([{ key: utf8("a"), value: utf8("1") }]);
      await written;
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      const closed = { code: "STORE_CLOSED" };
      await expect(store.get(utf8("a"))).rejects.toMatchObject(closed);
      await expect(store.has(utf8("a"))).rejects.toMatchObject(closed);
      await expect(store.write([{ key: utf8("a"), value: undefined }])).rejects.toMatchObject(closed);
      await expect(keysOf(store, ALL)).rejects.toMatchObject(closed);
    });
  });
}

async function keysOf(store: Store, range: Range): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.keys(range)) keys.push(toHex(key));
  return keys;
}
