/**
 * A neighbour of ill will: a radio on the village's channel that sends what it has overheard, as it was or changed.
 *
 * It knows no layouts beyond the type of a message, so that it goes on working whatever the messages become.
 * @module
 */
import { runAll, type Service } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import { BROADCAST, MAX_PAYLOAD_BYTES, PRIVATE_APP, type Modem } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import { chance } from "../radio/chance.ts";
import { decodeMessage } from "../wire/codec.ts";
import { drawBelow } from "./seeded-random.ts";

/**
 * `floods`: noise, as often as its radio can. `false-symbols`: pieces of files, changed. `false-claims`: beacons, changed.
 * `forged-entries`: entries, changed. `replays`: anything heard earlier, unchanged. `asks-for-everything`: questions,
 * heard or changed. `garbage`: anything, cut or with some bits flipped.
 */
export type Habit =
  | "floods"
  | "false-symbols"
  | "false-claims"
  | "forged-entries"
  | "replays"
  | "asks-for-everything"
  | "garbage";

export const HABITS: readonly Habit[] = [
  "floods",
  "false-symbols",
  "false-claims",
  "forged-entries",
  "replays",
  "asks-for-everything",
  "garbage",
];

export interface StrangerOptions {
  readonly modem: Modem;
  readonly clock: Clock;
  readonly random: Random;
  readonly habit: Habit;
  /** Relays that its packets may pass, 0 … 7. */
  readonly hopLimit: number;
}

/** Packets that it remembers. */
const MEMORY = 64;
const EVERY_MS: Readonly<Record<Habit, number>> = {
  floods: 4_000,
  "false-symbols": 6_000,
  "false-claims": 60_000,
  "forged-entries": 30_000,
  replays: 30_000,
  "asks-for-everything": 20_000,
  garbage: 15_000,
};
/** Message types that a habit is after; all when it is not named. */
const AFTER: Readonly<Partial<Record<Habit, readonly string[]>>> = {
  "false-symbols": ["coded"],
  "false-claims": ["beacon", "alerts", "seen"],
  "forged-entries": ["update", "repair", "alert"],
  "asks-for-everything": ["get", "want", "pull"],
};

export class Stranger implements Service {
  readonly name = "stranger";
  readonly #options: StrangerOptions;
  readonly #heard: Uint8Array[] = [];

  constructor(options: StrangerOptions) {
    this.#options = options;
  }

  run(signal: AbortSignal): Promise<void> {
    const listen: Service = { name: "listen", run: (inner) => this.#listen(inner) };
    const speak: Service = { name: "speak", run: (inner) => this.#speak(inner) };
    return runAll([this.#options.modem, listen, speak], signal);
  }

  async #listen(signal: AbortSignal): Promise<void> {
    for (;;) {
      const packet = await this.#options.modem.receive(signal);
      if (packet === undefined) return;
      if (packet.port !== PRIVATE_APP || !this.#isAfter(packet.payload)) continue;
      this.#heard.push(packet.payload);
      if (this.#heard.length > MEMORY) this.#heard.splice(drawBelow(this.#options.random, MEMORY), 1);
    }
  }

  async #speak(signal: AbortSignal): Promise<void> {
    const { modem, clock, random, habit, hopLimit } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(EVERY_MS[habit] * (0.5 + chance(random)), signal);
      const payload = this.#next();
      if (payload === undefined || signal.aborted) continue;
      await modem.send({ to: BROADCAST, port: PRIVATE_APP, payload, hopLimit }, signal);
    }
  }

  #isAfter(payload: Uint8Array): boolean {
    const types = AFTER[this.#options.habit];
    if (types === undefined) return true;
    const message = decodeMessage(payload);
    return message.ok && types.includes(message.value.type);
  }

  #next(): Uint8Array | undefined {
    const { random, habit } = this.#options;
    if (habit === "floods") return random.bytes(1 + drawBelow(random, MAX_PAYLOAD_BYTES));
    const heard = this.#heard[drawBelow(random, Math.max(this.#heard.length, 1))];
    if (heard === undefined || heard.length === 0) return undefined;
    switch (habit) {
      case "replays":
        return heard;
      case "asks-for-everything":
        return chance(random) < 0.5 ? heard : flipOneBit(heard, random);
      case "garbage":
        if (chance(random) < 0.5) return heard.slice(0, 1 + drawBelow(random, heard.length));
        return flipBits(heard, 8, random);
      case "false-symbols":
      case "false-claims":
      case "forged-entries":
        break;
    }
    return flipBits(heard, 1 + drawBelow(random, 4), random);
  }
}

function flipBits(payload: Uint8Array, times: number, random: Random): Uint8Array {
  let flipped = payload;
  for (let i = 0; i < times; i++) flipped = flipOneBit(flipped, random);
  return flipped;
}

/** A copy in which one bit differs; an empty payload stays as it is. */
function flipOneBit(payload: Uint8Array, random: Random): Uint8Array {
  const copy = payload.slice();
  const bit = drawBelow(random, Math.max(copy.length * 8, 1));
  const at = bit >> 3;
  if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
