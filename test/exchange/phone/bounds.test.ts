/** What people can make a node remember and send has bounds, and what they send can do it no harm. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openPhones, type PhoneSettings } from "../../../src/exchange/phone/open-phones.ts";
import { GAP_MS, MAX_LETTERS, Outbox, PATIENCE_MS } from "../../../src/exchange/phone/outbox.ts";
import { MAX_PERSONS, MAX_TEXTS_A_MINUTE, Persons, WINDOW_MS } from "../../../src/exchange/phone/person.ts";
import { Agenda } from "../../../src/exchange/agenda.ts";
import { utf8 } from "../../../src/kernel/bytes.ts";
import type { Frame } from "../../../src/radio/frame.ts";
import { fullMesh } from "../../../src/sim/topology.ts";
import { VirtualClock } from "../../../src/sim/virtual-clock.ts";
import { Phone, PHONE_RULES } from "../../fakes/phone.ts";
import { openVillage } from "../../fakes/village.ts";

const DAY_MS = 86_400_000;

describe("what is remembered of people", () => {
  test("is of the last ones, and of a day at most", () => {
    const persons = new Persons({ questions: 6, questionsOfAll: 30 });
    for (let number = 1; number <= 2 * MAX_PERSONS; number++) {
      persons.hears(number, number);
      persons.speaks(number, "es", number);
    }
    expect(persons.size).toBe(MAX_PERSONS);
    expect(persons.find(1, 200).language).toBeUndefined();
    expect(persons.find(2 * MAX_PERSONS, 200).language).toBe("es");
    expect(persons.find(2 * MAX_PERSONS, 200 + DAY_MS).language).toBeUndefined();
    expect(persons.find(2 * MAX_PERSONS, 300 + DAY_MS)).toMatchObject({ list: undefined, answer: undefined });
  });

  test("lets nobody ask without end, by whatever numbers", () => {
    const persons = new Persons({ questions: 2, questionsOfAll: 5 });
    const kinds = Array.from({ length: 5 }, () => persons.admit(7, 1_000).kind);
    expect(kinds).toEqual(["answer", "answer", "refuse", "silent", "silent"]);
    const others = [8, 9, 10, 11].map((number) => persons.admit(number, 2_000).kind);
    expect(others).toEqual(["answer", "answer", "silent", "silent"]);
    expect(persons.admit(7, 1_000 + WINDOW_MS).kind).toBe("answer");
  });

  test("hears no machine, and hears it again once it has been silent", () => {
    const persons = new Persons({ questions: 6, questionsOfAll: 30 });
    for (let i = 0; i < MAX_TEXTS_A_MINUTE; i++) expect(persons.hears(7, i)).toBe(true);
    expect(persons.hears(7, 100)).toBe(false);
    expect(persons.hears(7, 100_000)).toBe(false);
    expect(persons.hears(7, 100_000 + WINDOW_MS)).toBe(true);
  });

  test("hints once an hour", () => {
    const persons = new Persons({ questions: 6, questionsOfAll: 30 });
    expect([0, 1_000, 3_599_999, 3_600_000].map((ms) => persons.admitHint(7, ms))).toEqual([true, false, false, true]);
  });
});

class Desk {
  readonly clock = new VirtualClock();
  readonly frames: Frame[] = [];
  readonly counts: string[] = [];
  readonly outbox: Outbox;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  /** What the scheduler says; a frame that it takes is sent at once unless it is told to keep it. */
  full = false;
  keeps = false;

  constructor() {
    const onFailure = (error: unknown): never => {
      throw error;
    };
    const agenda = new Agenda({ clock: this.clock, capacity: 8, onFailure });
    this.#ended = agenda.run(this.#stop.signal);
    const offer = (frame: Frame): "queued" | "dropped" => {
      if (this.full) return "dropped";
      this.frames.push(frame);
      if (!this.keeps) frame.onSent?.(1);
      return "queued";
    };
    this.outbox = new Outbox({
      queue: { offer, cancel: () => undefined },
      agenda,
      monotonicMs: () => this.clock.monotonicMs(),
      count: (event) => void this.counts.push(event),
    });
  }

  get said(): readonly string[] {
    return this.frames.map(({ payload, to }) => `${to}:${new TextDecoder().decode(payload)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.clock.advance(1);
    await this.#ended;
  }
}

const way = (to: number): { to: number; hopLimit: number; channel: undefined } => ({
  to,
  hopLimit: 1,
  channel: undefined,
});

describe("texts on their way", () => {
  test("go one by one, people in turn, with a gap that the radio wants", async () => {
    await using desk = new Desk();
    desk.outbox.send(way(1), ["a", "b", "c"], true);
    desk.outbox.send(way(2), ["x", "y"], true);
    await desk.clock.advance(GAP_MS - 1);
    expect(desk.said).toEqual(["1:a"]);
    await desk.clock.advance(10 * GAP_MS);
    expect(desk.said).toEqual(["1:a", "1:b", "2:x", "1:c", "2:y"]);
    expect(desk.frames.every(({ wantAck }) => wantAck === undefined)).toBe(true);
    expect(desk.outbox.length).toBe(0);
  });

  test("may be repeated by the radio when they are the whole answer", async () => {
    await using desk = new Desk();
    desk.outbox.send(way(1), ["only"], true);
    expect(desk.frames[0]).toMatchObject({ wantAck: true, to: 1, port: 1, priority: 2 });
  });

  test("are dropped above the bound, and when nobody waits for them any more; then it goes on", async () => {
    await using desk = new Desk();
    desk.keeps = true;
    for (let to = 1; to <= 20; to++) desk.outbox.send(way(to), ["1", "2", "3", "4", "5", "6", "7", "8"], true);
    expect(desk.outbox.length).toBeLessThanOrEqual(MAX_LETTERS);
    expect(desk.counts).toContain("phone_texts_dropped");
    await desk.clock.advance(PATIENCE_MS + 1_000);
    expect(desk.counts).toContain("phone_texts_late");
    desk.keeps = false;
    desk.outbox.send(way(99), ["late"], true);
    await desk.clock.advance(GAP_MS);
    expect(desk.said.at(-1)).toBe("99:late");
  });

  test("are offered again, since a full queue may have dropped them", async () => {
    await using desk = new Desk();
    desk.keeps = true;
    desk.outbox.send(way(1), ["a"], true);
    desk.keeps = false;
    await desk.clock.advance(60_000);
    expect(desk.counts).toEqual(["phone_texts_sent"]);
    expect(desk.said).toEqual(["1:a", "1:a"]);
  });

  test("are tried again while the scheduler has no room", async () => {
    await using desk = new Desk();
    desk.full = true;
    desk.outbox.send(way(1), ["a"], true);
    await desk.clock.advance(60_000);
    desk.full = false;
    await desk.clock.advance(60_000);
    expect(desk.said).toEqual(["1:a"]);
  });
});

describe("whether people are answered", () => {
  const settings: PhoneSettings = { answer: "auto", language: "es", max_texts: 4, questions: 3, max_file_bytes: 100 };
  const number = (): number => 7;

  test("is as configured, and in a private village only when it is said so", () => {
    const rules = { language: "es", maxTexts: 4, questions: 3, maxFileBytes: 100, number };
    expect(openPhones(settings, false, number)).toEqual({ phones: rules });
    expect(openPhones(settings, true, number)).toEqual({});
    expect(openPhones({ ...settings, answer: "everyone" }, true, number)).toEqual({ phones: rules });
    expect(openPhones({ ...settings, answer: "nobody" }, false, number)).toEqual({});
  });
});

test("whatever people send, nothing fails in the node, and no answer exceeds a text", async () => {
  await using village = await openVillage(11, fullMesh(2), [0], () => ({
    phones: { ...PHONE_RULES, questions: 1_000 },
  }));
  await village.nodes[0]!.put("a.txt", utf8("some words"));
  const phone = new Phone(village, 1);
  const words = fc.constantFrom("ls ", "get ", "again ", "more", "who", "dame ", "alertas", "xyz ");
  const tails = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.constantFrom("0", "1", "999", "a", "../", "b".repeat(60)),
  );
  const texts = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
    fc.tuple(words, tails).map(([word, tail]) => utf8(word + tail).subarray(0, 200)),
  );
  for (const text of fc.sample(texts, { numRuns: 250, seed: 5 })) {
    phone.say(text);
    await village.clock.advance(25_000);
  }
  expect(village.nodes[0]!.exchange.counters()["failures"]).toBeUndefined();
  expect(phone.heard.length).toBeGreaterThan(10);
  for (const { bytes } of phone.heard) expect(bytes).toBeLessThanOrEqual(200);
});
