/**
 * Texts on their way to people: one at a time in the radio's queue, people in turn, as slowly as the radio takes texts.
 *
 * The firmware refuses a client's text that comes within 2 s of the one before, and says nothing: hence the gap.
 * @module
 */
import { utf8 } from "../../kernel/bytes.ts";
import { TEXT_MESSAGE_APP } from "../../ports/modem.ts";
import { ANSWER } from "../../radio/priority.ts";
import type { Agenda } from "../agenda.ts";
import type { FrameQueue } from "../air.ts";

/** How a person's packets find their way. */
export interface Way {
  readonly to: number;
  /** Relays, 0 … 7. */
  readonly hopLimit: number;
  /** The radio's channel that the question came by. */
  readonly channel: number | undefined;
}

interface Letter extends Way {
  readonly text: string;
  /** The only text of its answer: the radio may repeat it. */
  readonly single: boolean;
  readonly untilMs: number;
}

export interface OutboxParts {
  readonly queue: FrameQueue;
  readonly agenda: Agenda;
  readonly monotonicMs: () => number;
  readonly count: (event: string) => void;
}

/** Texts that wait, of all people. */
export const MAX_LETTERS = 96;
export const GAP_MS = 2_500;
/** After so long nobody waits for an answer any more. */
export const PATIENCE_MS = 600_000;
const KEY = "phone:text";
const RETRY_MS = 30_000;

export class Outbox {
  readonly #parts: OutboxParts;
  /** By person; the first person is the next. */
  readonly #waiting = new Map<number, readonly Letter[]>();
  /** In the radio's queue, or the gap behind it. */
  #busy = false;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** How many wait. */
  get length(): number {
    return [...this.#waiting.values()].reduce((sum, letters) => sum + letters.length, 0);
  }

  /** @param instead of what still waits for that person: who asks anew is done with the old answer */
  send(way: Way, texts: readonly string[], instead: boolean): void {
    const untilMs = this.#parts.monotonicMs() + PATIENCE_MS;
    const letters = texts.map((text) => ({ ...way, text, single: texts.length === 1, untilMs }));
    const before = instead ? [] : (this.#waiting.get(way.to) ?? []);
    if (instead) this.#waiting.delete(way.to);
    const room = Math.max(0, MAX_LETTERS - this.length);
    if (letters.length > room) this.#parts.count("phone_texts_dropped");
    const kept = [...before, ...letters.slice(0, room)];
    if (kept.length > 0) this.#waiting.set(way.to, kept);
    this.#next();
  }

  #next(): void {
    if (this.#busy) return;
    const letter = this.#take();
    if (letter === undefined) return;
    this.#busy = true;
    this.#offer(letter);
  }

  /** The next person's oldest text; what waited too long is dropped. */
  #take(): Letter | undefined {
    const nowMs = this.#parts.monotonicMs();
    for (const [person, letters] of this.#waiting) {
      this.#waiting.delete(person);
      const [letter, ...rest] = letters.filter(({ untilMs }) => untilMs > nowMs);
      if (letter === undefined) continue;
      if (rest.length > 0) this.#waiting.set(person, rest);
      return letter;
    }
    return undefined;
  }

  /** Again and again, since what waits in a full queue may have to make room; one that waits still is only replaced. */
  #offer(letter: Letter): void {
    const { queue, agenda, count, monotonicMs } = this.#parts;
    const { to, hopLimit, channel, text, single, untilMs } = letter;
    if (monotonicMs() >= untilMs) return this.#giveUp();
    // Before the offer: the radio may have it at once.
    if (!agenda.set(KEY, RETRY_MS, () => this.#offer(letter))) this.#busy = false;
    queue.offer({
      payload: utf8(text),
      priority: ANSWER,
      to,
      port: TEXT_MESSAGE_APP,
      hopLimit,
      key: KEY,
      flow: `phone:${to}`,
      expiresAtMs: untilMs,
      ...(channel === undefined ? {} : { channel }),
      // Nobody learns from it whether it arrived; but one lost text is a lost answer, and of several one asks again.
      ...(single ? { wantAck: true } : {}),
      onSent: () => {
        count("phone_texts_sent");
        this.#in(GAP_MS);
      },
    });
  }

  /** The radio never took it: it is gone, or the law's hour is used up. */
  #giveUp(): void {
    this.#parts.queue.cancel(KEY);
    this.#parts.count("phone_texts_late");
    this.#in(0);
  }

  #in(ms: number): void {
    const set = this.#parts.agenda.set(KEY, ms, () => {
      this.#busy = false;
      this.#next();
    });
    // With the next answer it goes on.
    if (!set) this.#busy = false;
  }
}
