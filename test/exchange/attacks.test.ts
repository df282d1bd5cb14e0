/** Attacks with alerts, forks and clocks: what may follow from each is a few packets and a counted reason. */
import { describe, expect, test } from "vitest";
import { Membership } from "../../src/dag/membership.ts";
import { authorFromSeed } from "../../src/dag/author.ts";
import { openShard } from "../../src/dag/open-shard.ts";
import { villageTools } from "../../src/dag/authority.ts";
import { decodeStatementFile, encodeRequest } from "../../src/dag/statement-file.ts";
import { authorityOf } from "../../src/dag/statement.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { groupKey } from "../../src/exchange/sealed-box.ts";
import { Sealing } from "../../src/exchange/sealing.ts";
import { isTimeUnsure } from "../../src/alert/held-alert.ts";
import { fromHex, toHex } from "../../src/kernel/bytes.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { decodeMessage } from "../../src/wire/codec.ts";
import type { Fork } from "../../src/wire/fork.ts";
import type { Message } from "../../src/wire/messages.ts";
import { Scribe } from "../dag/scribe.ts";
import { authorNumber, noticeWith, openBookRig, signedBy } from "../fakes/alerts.ts";
import { silentLog } from "../fakes/log.ts";
import { openLoneNode, type LoneNode } from "../fakes/lone-node.ts";

const HOUR_MS = 3_600_000;
const YEAR_2100_MS = Date.UTC(2100, 0, 1);
const friend = authorNumber(2);

const alertOf = (...signed: Parameters<typeof signedBy>): Message => ({ type: "alert", ...signedBy(...signed) });
const nowS = ({ clock }: LoneNode): number => Math.floor(clock.nowMs() / 1000);
const counter = ({ node }: LoneNode, name: string): number => node.exchange.counters()[name] ?? 0;

describe("an author whose alerts count", () => {
  test("and who signs one after the other fills a bounded part of the book, of the disk and of the air", async () => {
    const store = openMemoryStore();
    await using rig = await openLoneNode("flood", { store, authorised: [toHex(friend.id)] });
    for (let number = 1; number <= 120; number++) {
      const sentUnixS = nowS(rig) - 3_600 * (number % 40);
      const kind = number % 3 === 0 ? { msgType: "Cancel" as const, references: [number - 1] } : {};
      await rig.hear(5, alertOf(friend, number, noticeWith({ sentUnixS, expiresS: 30 * 86_400, ...kind })));
    }
    await rig.clock.advance(HOUR_MS);
    expect(rig.node.alerts.list().length).toBeLessThanOrEqual(16);
    expect(counter(rig, "alerts_over-limit")).toBeGreaterThan(90);
    const onDisk = Array.fromAsync(store.keys({ from: new Uint8Array(), until: Uint8Array.of(0xff) }));
    expect((await onDisk).length).toBeLessThan(60);
    expect(rig.said().filter(({ type }) => type === "alert").length).toBeLessThanOrEqual(16);
    expect(counter(rig, "failures")).toBe(0);
    const other = alertOf(authorNumber(3), 1, noticeWith({ sentUnixS: nowS(rig) }));
    await rig.hear(6, other);
    expect(rig.node.alerts.list().some(({ authorHex }) => authorHex === toHex(authorNumber(3).id))).toBe(true);
  });

  test("and whose cancelled and ended alerts are said again is not heard: not before, and not after a restart", async () => {
    const store = openMemoryStore();
    const authorised = [toHex(friend.id)];
    const replays: Message[] = [];
    {
      await using rig = await openLoneNode("first life", { store, authorised });
      const cancelled = alertOf(friend, 1, noticeWith({ sentUnixS: nowS(rig), expiresS: 30 * 86_400 }));
      const short = alertOf(friend, 2, noticeWith({ sentUnixS: nowS(rig), expiresS: 600 }));
      const cancel = noticeWith({ sentUnixS: nowS(rig), expiresS: 86_400, msgType: "Cancel", references: [1] });
      for (const message of [cancelled, short, alertOf(friend, 3, cancel)]) await rig.hear(5, message);
      replays.push(cancelled, short);
      await rig.clock.advance(50 * HOUR_MS);
      for (const message of replays) await rig.hear(6, message);
      expect(rig.node.alerts.list()).toEqual([]);
      expect(counter(rig, "alerts_stale")).toBe(2);
    }
    await using again = await openLoneNode("second life", { store, authorised });
    for (const message of replays) await again.hear(6, message);
    expect(again.node.alerts.list()).toEqual([]);
    expect(counter(again, "alerts_stale")).toBe(2);
  });
});

test("false proofs of forks, from one radio and from three hundred made-up ones, put nobody in quarantine and cost no air; a true one still does", async () => {
  await using rig = await openLoneNode("forks");
  const { node } = rig;
  const [one, two] = [new Scribe(5, 3), new Scribe(5, 3, " again")];
  const id = toHex(one.id);
  await node.shard.merge(...one.update(1, 4));
  const proof = await proofOf(one, two);
  const random = seededRandom("false proofs");
  for (let i = 0; i < 600; i++) {
    const body = i % 2 === 0 ? random.bytes(proof.body.length) : proof.body.slice();
    body[i % body.length] = (body[i % body.length] ?? 0) ^ 1;
    const cut = i % 5 === 0 ? { piece: 1, pieces: 3 } : {};
    await rig.hear(i < 300 ? 66 : 1_000 + i, { ...proof, body, ...cut });
  }
  expect(node.shard.inQuarantine(id)).toBe(false);
  expect(counter(rig, "forks_refused_budget")).toBeGreaterThan(150);
  expect(rig.said().filter(({ type }) => type === "fork")).toEqual([]);
  expect(counter(rig, "failures")).toBe(0);
  await rig.hear(7, proof);
  expect(node.shard.inQuarantine(id)).toBe(true);
});

/** What a node that has seen both histories tells. */
async function proofOf(one: Scribe, two: Scribe): Promise<Fork> {
  await using teller = await openLoneNode("teller");
  await teller.node.shard.merge(...one.update(1, 4));
  await teller.node.shard.merge(...two.update(1, 4));
  await teller.clock.runUntil(() => teller.said().some(({ type }) => type === "fork"), HOUR_MS);
  const fork = teller.said().find((message) => message.type === "fork");
  return fork!;
}

describe("a clock that stands in 2100 for a while", () => {
  test("ends no alert and lets none be lost: ages are unsure until it is set", async () => {
    const rig = await openBookRig();
    const before = signedBy(friend, 1, noticeWith({ sentUnixS: rig.nowS() }));
    const meanwhile = signedBy(friend, 2, noticeWith({ sentUnixS: rig.nowS() }));
    await rig.book.take(before);
    const rightMs = rig.clock.nowMs();
    rig.clock.setWall(YEAR_2100_MS);
    await rig.book.sweep();
    expect((await rig.book.take(meanwhile)).verdict).toBe("new");
    expect(rig.book.active().length).toBe(2);
    expect(rig.book.list().every((held) => isTimeUnsure(held, rig.clock))).toBe(true);
    const own = await rig.book.issue(noticeWith({ sentUnixS: 0 }));
    rig.clock.setWall(rightMs);
    expect(rig.book.active().map(({ id }) => id)).toContain(own.id);
    expect(
      rig.book
        .list()
        .filter((held) => isTimeUnsure(held, rig.clock))
        .map(({ id }) => id),
    ).toEqual([own.id]);
    expect((await rig.reopen()).active().length).toBe(3);
  });

  test("or in 1970 uses up no counters of sealed messages, and repeats none", async () => {
    const store = openMemoryStore();
    const counters: number[] = [];
    for (const nowMs of [0, YEAR_2100_MS, Date.UTC(2026, 5, 1), YEAR_2100_MS, 0]) {
      const clock = { nowMs: () => nowMs, monotonicMs: () => 0, sleep: () => Promise.resolve() };
      const keys = [groupKey(1, new Uint8Array(32))];
      const sealing = await Sealing.open({ store, clock, log: silentLog, keys, number: () => 7 });
      const sealed = sealing.seal(Uint8Array.of(0xd9, 0, 0));
      const message = sealed.ok ? decodeMessage(sealed.value) : sealed;
      if (message.ok && message.value.type === "sealed") counters.push(message.value.counter);
    }
    expect(counters).toEqual(counters.toSorted((a, b) => a - b));
    expect(new Set(counters).size).toBe(5);
    expect(counters.at(-1)).toBeLessThan(2 ** 26);
  });

  test("calls every certificate expired, or in 1970 none, and forgets nobody", async () => {
    const tools = villageTools(seededRandom("clocks"));
    const { file, authority } = tools.createAuthority(undefined);
    const author = authorFromSeed(new Uint8Array(32).fill(4));
    const nowS2026 = Date.UTC(2026, 0, 1) / 1000;
    const shard = await openShard(openMemoryStore(), { random: seededRandom("m"), nodeName: "m", log: silentLog });
    const request = encodeRequest({ radio: 1, mlDsaFingerprint: shard.author.mlDsa.fingerprint, name: "ann" }, author);
    const key = { file, passphrase: undefined };
    const made = decodeStatementFile(tools.enrol(key, request, nowS2026, nowS2026 + 86_400 * 365).file);
    const clock = { ms: 1000 * nowS2026 + 1, nowMs: () => clock.ms };
    const membership = await Membership.open({
      store: openMemoryStore(),
      clock,
      authority: authorityOf(fromHex(authority)!)!,
      strangers: "refuse",
    });
    expect(made.ok && (await membership.take(made.value.entry))).toBe("new");
    const id = toHex(author.id);
    const standings = [YEAR_2100_MS, 0, 1000 * nowS2026 + 1].map((ms) => {
      clock.ms = ms;
      return membership.standing(id);
    });
    expect(standings).toEqual(["expired", "enrolled", "enrolled"]);
  });
});
