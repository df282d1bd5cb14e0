/** People with a phone and a radio ask an agent on a simulated air, and read what it answers. */
import { describe, expect, test } from "vitest";
import { utf8 } from "../../../src/kernel/bytes.ts";
import { runAll } from "../../../src/kernel/service.ts";
import { BROADCAST, TEXT_MESSAGE_APP, type OutgoingPacket } from "../../../src/ports/modem.ts";
import { GAP_MS } from "../../../src/exchange/phone/outbox.ts";
import { WINDOW_MS } from "../../../src/exchange/phone/person.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { openSimNode, type SimNode } from "../../../src/sim/sim-node.ts";
import { fullMesh, line, nodeNumber } from "../../../src/sim/topology.ts";
import { VirtualClock } from "../../../src/sim/virtual-clock.ts";
import { noticeWith } from "../../fakes/alerts.ts";
import { silentLog } from "../../fakes/log.ts";
import { FakeModem } from "../../fakes/modem.ts";
import { Phone, PHONE_RULES } from "../../fakes/phone.ts";
import { openVillage, type Village } from "../../fakes/village.ts";

const MINUTE_MS = 60_000;

function counters({ nodes }: Village): Readonly<Record<string, number>> {
  return nodes[0]?.exchange.counters() ?? {};
}

/** One agent and a person beside it. */
async function openHouse(rules = {}): Promise<{ village: Village; phone: Phone }> {
  const village = await openVillage(5, fullMesh(2), [0], () => ({ phones: { ...PHONE_RULES, ...rules } }));
  await village.clock.advance(1_000);
  return { village, phone: new Phone(village, 1) };
}

describe("a person", () => {
  test("is told what there is, gets a text by its number, and in the language that was spoken", async () => {
    const { village, phone } = await openHouse();
    await using _ = village;
    const [node] = village.nodes;
    await node!.put("Horario de médico.txt", utf8("El médico viene el martes."));
    await node!.put("tide.txt", utf8("High 06:10\nLow 12:30"));
    expect(await phone.ask("ls")).toEqual([
      "» 2 files:\n1 Horario de médico.txt 27 B\n2 tide.txt 20 B\nGet one: get NAME or get NUMBER.",
    ]);
    expect(await phone.ask("get 2")).toEqual(["» tide.txt:\nHigh 06:10\nLow 12:30"]);
    expect(await phone.ask("Dame HORARIO de medico")).toEqual(["» Horario de médico.txt:\nEl médico viene el martes."]);
    expect(await phone.ask("ls tide")).toEqual(["» 1 archivo:\n1 tide.txt 20 B\nPara uno: dame NOMBRE o dame NÚMERO."]);
    expect(await phone.ask("who")).toEqual([
      "» I am node-0, a Caye node.\nNo other nodes heard yet.\nKnown: 1 author, 2 files.",
    ]);
    expect(await phone.ask("alertas")).toEqual(["» No hay alertas ahora."]);
  });

  test("reads the alerts that hold, the most severe first", async () => {
    const { village, phone } = await openHouse();
    await using _ = village;
    const [node] = village.nodes;
    const sentUnixS = Math.floor(village.clock.nowMs() / 1000);
    const issue = async (severity: "Minor" | "Extreme", headline: string): Promise<void> => {
      node!.exchange.alerts.publish(await node!.alerts.issue(noticeWith({ sentUnixS, severity }, { headline })));
    };
    await issue("Minor", "School closed");
    await issue("Extreme", "Sea over the road");
    expect(await phone.ask("alerts", 120_000)).toEqual([
      "» 2 alerts:\nEXTREME: Storm surge. Sea over the road. Harbour. For another 6 h.\nMinor: Storm surge. School closed. Harbour. For another 6 h.",
    ]);
  });

  test("reads a long text in numbered parts, eight at a time, and asks for parts again", async () => {
    const { village, phone } = await openHouse({ maxTexts: 3, questions: 20 });
    await using _ = village;
    const words = Array.from({ length: 160 }, (_, i) => `word${i}`).join(" ");
    await village.nodes[0]!.put("long.txt", utf8(words));
    const first = await phone.ask("get long.txt");
    expect(first.map((text) => text.slice(0, 5))).toEqual(["(1/7)", "(2/7)", "(3/7)"]);
    expect(first[2]).toContain("[more: send more]");
    const others = [...(await phone.ask("more")), ...(await phone.ask("more"))];
    expect(others.map((text) => text.slice(0, 5))).toEqual(["(4/7)", "(5/7)", "(6/7)", "(7/7)"]);
    expect(await phone.ask("more")).toEqual(["» There is nothing more."]);
    expect(await phone.ask("again 2")).toEqual([first[1]]);
    const told = [...first, ...others].map((text) => text.slice(6).replace("\n[more: send more]", ""));
    expect(told.join(" ")).toBe(`long.txt:\n${words}`);
    for (const { bytes } of phone.heard) expect(bytes).toBeLessThanOrEqual(200);
    const gaps = phone.heard.slice(1, 3).map(({ atMs }, i) => atMs - (phone.heard[i]?.atMs ?? 0));
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(GAP_MS);
  });

  test("is told what can't be sent as text, and what else may be meant", async () => {
    const { village, phone } = await openHouse({ questions: 20 });
    await using _ = village;
    await village.nodes[0]!.put("map.png", Uint8Array.of(0x89, 0x50, 0xff, 0));
    await village.nodes[0]!.put("book.txt", utf8("x".repeat(1_501)));
    expect(await phone.ask("get map.png")).toEqual([
      "» map.png (4 B) is no plain text. At a computer beside a node: caye get",
    ]);
    expect(await phone.ask("get book")).toEqual([
      "» book.txt has 1.5 kB, too long for texts (at most 1.5 kB). At a computer beside a node: caye get",
    ]);
    expect(await phone.ask("get bok.txt")).toEqual(['» No file "bok.txt". Did you mean: "book.txt"?']);
    expect(await phone.ask("get")).toEqual(["» Which file? Send get NAME. The names: ls"]);
    expect(await phone.ask("halp")).toEqual(['» Did you mean "help"? All words: help']);
    expect(await phone.ask("good morning to all of you")).toEqual([]);
  });

  test("gets a file that a neighbour holds as soon as it is here, three hops and losses away", async () => {
    await using village = await openVillage(8, line(4, 0.1), [1, 2], () => ({ phones: PHONE_RULES }));
    const phone = new Phone(village, 0);
    const [near, far] = village.nodes;
    const gauge = Array.from({ length: 40 }, (_, i) => `${(i * i * 7919) % 9973} mm`).join(", ");
    await far!.put("rain.txt", utf8(gauge));
    await village.clock.runUntil(() => near!.shard.stats().files === 1, 60 * MINUTE_MS);
    phone.say("get rain.txt", nodeNumber(1));
    await village.clock.runUntil(() => phone.texts.some((text) => text.startsWith("(2/2)")), 20 * MINUTE_MS);
    expect(phone.texts[0]).toMatch(/^» rain\.txt \(\d+ B\) is not here\. Asking neighbours, about \d+ min\./);
    expect(phone.texts.at(-1)).toContain(gauge.slice(-100));
  });

  test("is told when a file does not come", async () => {
    await using village = await openVillage(9, fullMesh(3), [0, 1], () => ({ phones: PHONE_RULES }));
    const phone = new Phone(village, 2);
    await village.nodes[1]!.put("gone.txt", utf8("words that never come ".repeat(30)));
    await village.clock.runUntil(() => village.nodes[0]!.shard.stats().files === 1, 60 * MINUTE_MS);
    village.ether.setLink({ a: nodeNumber(0), b: nodeNumber(1), loss: 1 });
    village.ether.setLink({ a: nodeNumber(2), b: nodeNumber(1), loss: 1 });
    await phone.ask("get gone.txt", 20 * MINUTE_MS);
    expect(phone.texts.at(-1)).toBe("» gone.txt did not come. Try again later.");
  });
});

describe("whoever asks", () => {
  test("too often is told once, and then not answered until the window has passed", async () => {
    const { village, phone } = await openHouse({ questions: 2 });
    await using _ = village;
    for (let i = 0; i < 5; i++) await phone.ask("who", 20_000);
    expect(phone.texts).toHaveLength(3);
    expect(phone.texts[2]).toBe("» Too many questions, the air is shared. Ask again in 10 min.");
    await village.clock.advance(WINDOW_MS);
    expect(await phone.ask("who")).toHaveLength(1);
  });

  test("at once with many others is answered as far as all together may ask, and the ledger holds", async () => {
    await using village = await openVillage(6, fullMesh(8), [0], () => ({ phones: PHONE_RULES }));
    const phones = [1, 2, 3, 4, 5, 6, 7].map((index) => new Phone(village, index));
    for (let round = 0; round < 6; round++) {
      for (const phone of phones) await phone.ask("who", 5_000);
    }
    await village.clock.advance(WINDOW_MS);
    expect(counters(village)["phone_questions_answer"]).toBe(30);
    const { usedUs, budgetUs } = village.nodes[0]!.scheduler.status();
    expect(usedUs).toBeLessThanOrEqual(budgetUs);
  });

  test("without end is a machine, and not heard any more", async () => {
    const { village, phone } = await openHouse();
    await using _ = village;
    for (let i = 0; i < 12; i++) await phone.ask(`who ${"is ".repeat(i)}`, 4_000);
    expect(counters(village)["phone_ignored_machine"]).toBeGreaterThan(0);
  });

  test("anew is answered anew: what was left of the old answer is not sent", async () => {
    const { village, phone } = await openHouse();
    await using _ = village;
    await village.nodes[0]!.put("long.txt", utf8("many words ".repeat(130)));
    await phone.ask("get long.txt", 8_000);
    await phone.ask("alerts");
    expect(phone.texts.at(-1)).toBe("» No alerts now.");
    expect(phone.texts.length).toBeLessThan(6);
  });
});

describe("nobody is answered", () => {
  test("who speaks to all, or to another", async () => {
    const { village, phone } = await openHouse();
    await using _ = village;
    phone.say("help", BROADCAST);
    phone.say("help", nodeNumber(7));
    await village.clock.advance(MINUTE_MS);
    expect(phone.texts).toEqual([]);
    expect(counters(village)["phone_ignored_not_for_us"]).toBe(1);
  });

  test("who says what a node says, sends an emoji, or bytes that are no text", async () => {
    const { village, phone } = await openHouse();
    await using _ = village;
    for (const text of ["» help", "(1/3) ls", "👍", Uint8Array.of(0xff, 0xfe)]) {
      phone.say(text);
      await village.clock.advance(30_000);
    }
    expect(phone.texts).toEqual([]);
    expect(counters(village)["failures"]).toBeUndefined();
  });

  test("where phones are switched off", async () => {
    await using village = await openVillage(5, fullMesh(2), [0]);
    const phone = new Phone(village, 1);
    expect(await phone.ask("help")).toEqual([]);
  });

  test("by two nodes that are made to write to each other, whatever they are made to say", async () => {
    const clock = new VirtualClock();
    const stop = new AbortController();
    const open = async (number: number): Promise<{ modem: FakeModem; node: SimNode }> => {
      const modem = new FakeModem(clock);
      modem.current = {
        kind: "ready",
        settings: { nodeNumber: number, preset: "LongFast", region: "US", firmware: undefined },
      };
      const random = seededRandom(`loop ${number}`);
      const wishes = { preset: "auto", region: "auto", hopLimit: 3, share: 0.5 };
      const node = await openSimNode({
        name: "help",
        modem,
        clock,
        random,
        log: silentLog,
        wishes,
        phones: PHONE_RULES,
      });
      await node.shard.putFile("get help", utf8("get help"));
      return { modem, node };
    };
    const [a, b] = [await open(7), await open(8)];
    const running = runAll([a.node, b.node], stop.signal);
    const texts = (modem: FakeModem): readonly OutgoingPacket[] =>
      modem.sent.map(({ packet }) => packet).filter(({ port }) => port === TEXT_MESSAGE_APP);
    let id = 1;
    const carry = (from: number, to: FakeModem, packets: readonly OutgoingPacket[]): void => {
      for (const packet of packets) {
        to.hear({ ...packet, from, id: id++, hopsTaken: 0, rssiDbm: undefined, snrDb: undefined });
      }
    };
    // A liar writes to one in the name of the other.
    for (const words of ["help", "get get help", "xyzzy", "halp"]) {
      carry(8, a.modem, [{ to: 7, port: TEXT_MESSAGE_APP, payload: utf8(words), hopLimit: 0 }]);
    }
    const done = { a: 0, b: 0 };
    for (let round = 0; round < 120; round++) {
      await clock.advance(5_000);
      carry(7, b.modem, texts(a.modem).slice(done.a));
      carry(8, a.modem, texts(b.modem).slice(done.b));
      [done.a, done.b] = [texts(a.modem).length, texts(b.modem).length];
    }
    expect(done.a).toBeGreaterThan(0);
    expect(done).toEqual({ a: done.a, b: 0 });
    stop.abort();
    await clock.advance(1);
    await running;
  });
});
