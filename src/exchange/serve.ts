/**
 * Answers requests for blocks: one stream of coded symbols a block, whoever asks, each symbol a new one.
 * @module
 */
import { toHex } from "../kernel/bytes.ts";
import type { Shard } from "../dag/shard.ts";
import { symbolAt } from "../erasure/cauchy.ts";
import { ANSWER } from "../radio/priority.ts";
import type { Coded } from "../wire/coded.ts";
import type { Get } from "../wire/get.ts";
import { symbolBytesFor } from "../wire/packing.ts";
import { HourlyAllowance } from "./allowance.ts";
import { Insistence } from "./insistence.ts";
import type { ExchangeParts, Origin } from "./parts.ts";
import { chance } from "../radio/chance.ts";

export interface ServePorts extends ExchangeParts {
  readonly shard: Pick<Shard, "findBlockByPrefix" | "getBlock">;
}

interface Stream {
  readonly prefix: Uint8Array;
  readonly block: Uint8Array;
  /** Symbols still owed. */
  remaining: number;
  /** Relays to the farthest who asked for them. */
  hops: number;
  /** Index of the next symbol: goes on where the last request ended, so that no symbol is said twice in 256. */
  next: number;
}

/** Blocks that are streamed, or were lately: what bounds the memory is this times 16 KB. */
const MAX_STREAMS = 16;
const MAX_SYMBOL_INDEX = 256;
/** In multiples of the block's own symbols: for who is far away and loses two of three. */
const MOST_AT_ONCE = 4;
/** A symbol that has not left after so many times an asker's patience is worth nothing to it any more. */
const STALL_IN_RETRIES = 8;

export class Serve {
  readonly #ports: ServePorts;
  readonly #allowance = new HourlyAllowance();
  readonly #insistence = new Insistence();
  readonly #streams = new Map<string, Stream>();

  constructor(ports: ServePorts) {
    this.#ports = ports;
  }

  async onGet(get: Get, { from, hops }: Origin): Promise<void> {
    const key = toHex(get.prefix);
    const stream = await this.#stream(key, get.prefix);
    if (stream === undefined) return;
    const idle = stream.remaining === 0;
    const k = Math.ceil(stream.block.length / symbolBytesFor(stream.block.length));
    const farther = this.#insistence.note(`${from} ${key}`, get.symbols);
    const reach = this.#ports.air.reach(hops === undefined ? undefined : hops + farther);
    stream.hops = idle ? reach : Math.max(stream.hops, reach);
    // Several who ask at once are served by the same symbols: the neediest decides how many.
    const asked = get.symbols === 0 ? k : Math.min(get.symbols, MOST_AT_ONCE * k);
    stream.remaining = Math.max(stream.remaining, Math.min(asked, this.#allowance.left(key, k, this.#nowMs())));
    if (stream.remaining === 0) {
      this.#ports.count("gets_refused_budget");
      return;
    }
    this.#ports.count("gets_answered");
    if (!idle) return;
    const delayMs = chance(this.#ports.random) * this.#ports.air.timing().answerSpreadMs;
    if (!this.#ports.agenda.set(`stream:${key}`, delayMs, () => this.#say(key))) stream.remaining = 0;
  }

  /** Another holder answers: what it says need not be said again by us. */
  onCoded(coded: Coded): void {
    const stream = this.#streams.get(toHex(coded.prefix));
    if (stream === undefined || stream.remaining === 0) return;
    stream.remaining--;
    stream.next = Math.max(stream.next, coded.index + 1) % MAX_SYMBOL_INDEX;
  }

  async #stream(key: string, prefix: Uint8Array): Promise<Stream | undefined> {
    const known = this.#streams.get(key);
    if (known !== undefined) {
      this.#streams.delete(key);
      this.#streams.set(key, known);
      return known;
    }
    const ref = await this.#ports.shard.findBlockByPrefix(prefix);
    const block = ref === undefined ? undefined : await this.#ports.shard.getBlock(ref);
    // While the disk was read a second request may have begun the same stream.
    if (block === undefined || this.#streams.has(key)) return this.#streams.get(key);
    if (!this.#makeRoom()) return undefined;
    const stream: Stream = { prefix, block, remaining: 0, hops: 0, next: 0 };
    this.#streams.set(key, stream);
    return stream;
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  /** Forgets the stream that is idle for longest; false when all are busy. */
  #makeRoom(): boolean {
    if (this.#streams.size < MAX_STREAMS) return true;
    for (const [key, stream] of this.#streams) {
      if (stream.remaining > 0) continue;
      this.#streams.delete(key);
      return true;
    }
    this.#ports.count("gets_refused_busy");
    return false;
  }

  /** One symbol is in the radio's queue at a time; the next follows when it has left. */
  #say(key: string): void {
    const stream = this.#streams.get(key);
    if (stream === undefined || stream.remaining === 0) return;
    const index = stream.next;
    stream.next = (index + 1) % MAX_SYMBOL_INDEX;
    stream.remaining--;
    this.#allowance.spend(key, this.#nowMs());
    const symbol = symbolAt(stream.block, symbolBytesFor(stream.block.length), index);
    const coded: Coded = { type: "coded", prefix: stream.prefix, blockBytes: stream.block.length, index, symbol };
    const { agenda, air } = this.#ports;
    const onSent = (): void => void agenda.set(`stream:${key}`, 0, () => this.#say(key));
    // What the queue drops, or has dropped by then, ends the stream: whoever still lacks symbols asks again.
    const end = (): void => void (stream.remaining = 0);
    const expiresInMs = STALL_IN_RETRIES * air.timing(stream.hops).getRetryMs;
    const watched = agenda.set(`stream:${key}`, expiresInMs, end);
    const said = air.say(coded, { priority: ANSWER, hops: stream.hops, key: `coded:${key}`, expiresInMs, onSent });
    if (!said || !watched) end();
  }
}
