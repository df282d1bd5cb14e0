/**
 * Seals what this node says, and opens what it hears, under the group key of a private village.
 *
 * Counters are taken from a block that was put on disk before, so that none comes again after a crash; each opening begins
 * at the seconds of the clock, if these are ahead of the disk, so that a node that lost its disk (or came back from a copy of
 * it) is still heard. What was heard of each radio is kept too, in steps of 64: so much of the last hour can be replayed once
 * after a restart, and does no harm, because messages say the same however often they come.
 * @module
 */
import { type Bytes, ByteReader, ByteWriter, concatBytes, utf8 } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { AgentError, describeError } from "../kernel/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { ModemState } from "../ports/modem.ts";
import type { Change, Store } from "../ports/store.ts";
import { encodeMessage } from "../wire/codec.ts";
import { MAX_COUNTER, type Sealed } from "../wire/sealed.ts";
import { ReplayWindow, type Seen } from "./replay-window.ts";
import { closeBox, openBox, slotOf, type GroupKey } from "./sealed-box.ts";

export interface SealingPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** One or two; the first one seals, all open. */
  readonly keys: readonly GroupKey[];
  /** This node's radio; undefined until it is known. */
  readonly number: () => number | undefined;
}

/** Begin with a byte that no kind of the shard's keys has. */
const COUNTER_KEY = utf8("~seal");
const HEARD_PREFIX = utf8("~sealed:");
/** Counters that are put on disk at a time: at full tilt on LongFast for more than four hours. */
export const BLOCK = 4_096;
export const MAX_RADIOS = 512;
/** 2025-01-01 and 2045-01-01, in seconds: a clock outside is not believed. */
const EPOCH_S = 1_735_689_600;
const LATEST_S = 2_366_841_600;

export class Sealing {
  readonly #ports: SealingPorts;
  readonly #speaking: GroupKey;
  /** By slot and radio; the one that was heard longest ago comes first. */
  readonly #windows: Map<string, ReplayWindow>;
  #next: number;
  #reserved: number;
  #reserving = false;
  #number: number | undefined;

  private constructor(ports: SealingPorts, speaking: GroupKey, next: number, windows: Map<string, ReplayWindow>) {
    this.#ports = ports;
    this.#speaking = speaking;
    this.#next = next;
    this.#reserved = next;
    this.#windows = windows;
  }

  /** @throws AgentError "GROUP_KEY_INVALID" unless there are one or two keys of different slots; what the store throws */
  static async open(ports: SealingPorts): Promise<Sealing> {
    const [speaking] = ports.keys;
    if (speaking === undefined || ports.keys.length > 2 || new Set(ports.keys.map(slotOf)).size < ports.keys.length) {
      throw new AgentError("GROUP_KEY_INVALID", "a village has one group key, and during a change a second one", {
        fix: "caye village key makes the next one; numbers of both must follow each other",
      });
    }
    const next = Math.max(await storedCounter(ports.store), counterByClock(ports.clock.nowMs()), 1);
    const windows = await storedWindows(ports.store);
    const sealing = new Sealing(ports, speaking, next, windows);
    await sealing.#reserve();
    return sealing;
  }

  /** The message in a box, or why it can't be sent now. @param message encoded, 1 … 218 bytes */
  seal(message: Uint8Array): Decoded<Bytes> {
    this.#number = this.#ports.number() ?? this.#number;
    if (this.#number === undefined) return refused("radio unknown");
    if (this.#reserved - this.#next < BLOCK / 2 && !this.#reserving) void this.#reserveLater();
    if (this.#next >= this.#reserved) return refused("no counters");
    const counter = this.#next++;
    const box = closeBox(this.#speaking, this.#number, counter, message);
    return decoded(encodeMessage({ type: "sealed", slot: slotOf(this.#speaking), counter, box }));
  }

  /**
   * What a neighbour sealed. Refused as `forged` (or spoiled), `replayed`, `stale` (so old that a replay can't be told), `ahead`
   * (its counter leaps too often), or of a `key unknown`.
   */
  open({ slot, counter, box }: Sealed, from: number): Decoded<Bytes> {
    const key = this.#ports.keys.find((own) => slotOf(own) === slot);
    if (key === undefined) return refused("key unknown");
    const name = `${slot}:${from}`;
    const window = this.#windows.get(name) ?? new ReplayWindow();
    const nowMs = this.#ports.clock.monotonicMs();
    const message = openBox(key, from, counter, box);
    if (message === undefined) return refused("forged");
    const verdict = window.judge(counter, nowMs);
    if (verdict !== "fresh") return refused(verdict);
    const isWorthKeeping = window.take(counter, nowMs);
    this.#windows.delete(name);
    this.#windows.set(name, window);
    if (isWorthKeeping) this.#write({ key: heardKey(name), value: recordOf(window.save()) });
    if (this.#windows.size > MAX_RADIOS) this.#forgetEldest();
    return decoded(message);
  }

  #forgetEldest(): void {
    const [eldest] = this.#windows.keys();
    if (eldest === undefined) return;
    this.#windows.delete(eldest);
    this.#write({ key: heardKey(eldest), value: undefined });
  }

  #write(change: Change): void {
    this.#ports.store.write([change]).catch((error: unknown) => this.#failed(error));
  }

  async #reserveLater(): Promise<void> {
    this.#reserving = true;
    try {
      await this.#reserve();
    } catch (error) {
      this.#failed(error);
    }
    this.#reserving = false;
  }

  async #reserve(): Promise<void> {
    const until = Math.min(this.#next + BLOCK, MAX_COUNTER + 1);
    await this.#ports.store.write([{ key: COUNTER_KEY, value: new ByteWriter().u32(until).finish() }]);
    this.#reserved = until;
  }

  #failed(error: unknown): void {
    this.#ports.log.warn("the counters of sealed messages could not be put on disk", { error: describeError(error) });
  }
}

export function radioNumber(state: ModemState): number | undefined {
  return state.kind === "ready" ? state.settings.nodeNumber : undefined;
}

/** The floor, then the top of each page. */
function recordOf({ floor, tops }: Seen): Bytes {
  const writer = new ByteWriter().u32(floor);
  for (const top of tops) writer.u32(top);
  return writer.finish();
}

/** A record of 4 bytes is of an older version: the highest counter heard. */
function seenIn(record: Uint8Array): Seen {
  const reader = new ByteReader(record);
  const first = reader.u32();
  if (record.length < 8) return { floor: first, tops: [first] };
  const tops: number[] = [];
  for (let at = 4; at + 4 <= record.length; at += 4) tops.push(reader.u32());
  return { floor: first, tops };
}

function counterByClock(nowMs: number): number {
  const seconds = Math.floor(nowMs / 1000);
  return seconds > EPOCH_S && seconds < LATEST_S ? seconds - EPOCH_S : 0;
}

async function storedCounter(store: Store): Promise<number> {
  const kept = await store.get(COUNTER_KEY);
  return kept === undefined ? 0 : new ByteReader(kept).u32();
}

async function storedWindows(store: Store): Promise<Map<string, ReplayWindow>> {
  const windows = new Map<string, ReplayWindow>();
  const until = concatBytes(HEARD_PREFIX.subarray(0, -1), Uint8Array.of((HEARD_PREFIX.at(-1) ?? 0) + 1));
  for await (const { key, value } of store.entries({ from: HEARD_PREFIX, until, limit: MAX_RADIOS })) {
    const name = Buffer.from(key.subarray(HEARD_PREFIX.length)).toString();
    windows.set(name, new ReplayWindow(seenIn(value)));
  }
  return windows;
}

function heardKey(name: string): Bytes {
  return concatBytes(HEARD_PREFIX, utf8(name));
}
