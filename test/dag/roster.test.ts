/** Lists of authors: kept in step with each change, and what was handed out stays as it was. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { AuthorRecord } from "../../src/dag/records.ts";
import { Roster } from "../../src/dag/roster.ts";
import { fromHex } from "../../src/kernel/bytes.ts";

const idOf = (i: number): string => i.toString(16).padStart(16, "0");

function record(count: number, quarantined = false): AuthorRecord {
  return { publicKey: new Uint8Array(32), head: new Uint8Array(32), count, name: `author ${count}`, quarantined };
}

test("lists say at any time what was set last, in the order of coming", () => {
  const change = fc.record({ author: fc.nat(5), count: fc.nat(99), quarantined: fc.boolean(), look: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const roster = new Roster(new Map());
      const model = new Map<string, AuthorRecord>();
      for (const { author, count, quarantined, look } of changes) {
        const value = record(count, quarantined);
        roster.set(idOf(author), value);
        model.set(idOf(author), value);
        if (!look) continue;
        expect(roster.rows().map(({ id, count }) => [id, count])).toEqual([...model].map(([id, r]) => [id, r.count]));
        const sound = [...model].filter(([, { quarantined }]) => !quarantined);
        expect(roster.vector()).toEqual(sound.map(([id, { count }]) => ({ author: fromHex(id), count })));
      }
    }),
  );
});

test("a list is the same one until something changes, and then another", () => {
  const roster = new Roster(
    new Map([
      [idOf(1), record(1)],
      [idOf(2), record(2)],
    ]),
  );
  const [vector, rows] = [roster.vector(), roster.rows()];
  expect([roster.vector(), roster.rows()]).toEqual([vector, rows]);
  expect(roster.vector()).toBe(vector);
  roster.set(idOf(2), record(9));
  expect([vector[1]?.count, rows[1]?.count]).toEqual([2, 2]);
  expect([roster.vector()[1]?.count, roster.rows()[1]?.count]).toEqual([9, 9]);
  expect(roster.vector()[0]).toBe(vector[0]);
});
