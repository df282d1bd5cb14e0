/**
 * Forks are told on: who has proof that an author signed two histories says it once, and again to those who still count that
 * author. Nothing is believed that is not proven; a proof is short (one packet mostly), and its author is in quarantine then.
 * @module
 */
import { type Bytes, concatBytes, startsWith, toHex } from "../kernel/bytes.ts";
import { FORK_FORMAT } from "../dag/fork.ts";
import type { Shard } from "../dag/shard.ts";
import { chance } from "../radio/chance.ts";
import { INDEX } from "../radio/priority.ts";
import { FORK_OVERHEAD_BYTES, MAX_FORK_PIECES, type Fork } from "../wire/fork.ts";
import { Hourly } from "./hourly.ts";
import type { ExchangeParts, Origin } from "./parts.ts";

export interface ForkSpreadPorts extends ExchangeParts {
  readonly shard: Pick<Shard, "acceptFork" | "forks" | "authors" | "inQuarantine" | "publicKeyOf">;
}

/** So often an hour one proof is said. */
const TELLINGS = 4;
/** So many proofs are looked at for each radio and hour: each costs two signatures to check. */
const PROOFS = 8;
const LOOK_MS = 60_000;
/** A telling waits for a random part of so many full packets: who hears another say it first need not. */
const WAIT_PACKETS = 6;
/** Proofs of which pieces are here. */
const MAX_GATHERED = 8;
/** Format and public key: what the air leaves out. */
const KNOWN_BYTES = 1 + 32;
const FULL_BYTES = 231;

export class ForkSpread {
  readonly #ports: ForkSpreadPorts;
  readonly #tellings = new Hourly(TELLINGS);
  readonly #proofs = new Hourly(PROOFS);
  /** Authors in quarantine whose proof was told, or is told only when asked for. */
  readonly #told = new Set<string>();
  /** By author, number of pieces and sender; the one that was begun first comes first. */
  readonly #gathered = new Map<string, Map<number, Bytes>>();

  constructor(ports: ForkSpreadPorts) {
    this.#ports = ports;
  }

  /** Proofs of earlier lives are told when somebody counts on their author; new ones at once. */
  start(): void {
    for (const { id, quarantined } of this.#ports.shard.authors()) if (quarantined) this.#told.add(id);
    this.#lookLater();
  }

  /** Somebody counts on these authors: the beginnings of their ids, 4 … 8 bytes. */
  onNamed(authors: readonly Uint8Array[]): void {
    for (const id of this.#told) {
      const bytes = Buffer.from(id, "hex");
      if (authors.some((beginning) => startsWith(bytes, beginning))) this.#tellLater(id);
    }
  }

  async onFork(fork: Fork, { from }: Origin): Promise<void> {
    const { agenda, count, log, shard } = this.#ports;
    const id = toHex(fork.author);
    if (shard.inQuarantine(id)) {
      count("forks_known");
      // Somebody else has just told it.
      agenda.cancel(keyOf(id));
      return;
    }
    const publicKey = shard.publicKeyOf(id);
    if (publicKey === undefined) return count("forks_of_strangers");
    const body = this.#gather(fork, from);
    if (body === undefined) return;
    if (!this.#proofs.take(String(from), this.#nowMs())) return count("forks_refused_budget");
    const verdict = await shard.acceptFork(concatBytes(Uint8Array.of(FORK_FORMAT), publicKey, body));
    count(`forks_${verdict.kind}`);
    if (verdict.kind === "refused") return;
    if (verdict.kind === "proven") log.warn("an author has signed two histories, and is in quarantine", { author: id });
    this.look();
  }

  /** Tells of authors that have come into quarantine. */
  look(): void {
    for (const { id, quarantined } of this.#ports.shard.authors()) {
      if (!quarantined || this.#told.has(id)) continue;
      this.#told.add(id);
      this.#tellLater(id);
    }
  }

  #lookLater(): void {
    this.#ports.agenda.set("forks:look", LOOK_MS, () => {
      this.look();
      this.#lookLater();
    });
  }

  #tellLater(id: string): void {
    const { agenda, air, random } = this.#ports;
    if (agenda.has(keyOf(id)) || !this.#tellings.take(id, this.#nowMs())) return;
    agenda.set(keyOf(id), WAIT_PACKETS * air.airtimeMs(FULL_BYTES) * chance(random), () => this.#tell(id));
  }

  async #tell(id: string): Promise<void> {
    const { air, count, shard } = this.#ports;
    for await (const { author, evidence } of shard.forks()) {
      if (toHex(author) !== id) continue;
      const body = evidence.subarray(KNOWN_BYTES);
      const room = air.maxMessageBytes - FORK_OVERHEAD_BYTES;
      const pieces = Math.ceil(body.length / room);
      // Its neighbours must find that one out by themselves: between its two signatures lie many entries.
      if (pieces > MAX_FORK_PIECES) return count("forks_too_long");
      for (let piece = 0; piece < pieces; piece++) {
        const part = body.slice(piece * room, (piece + 1) * room);
        const message: Fork = { type: "fork", author, piece, pieces, body: part };
        air.say(message, { priority: INDEX, hops: 0, key: `fork:${id}:${piece}` });
      }
      return count("forks_told");
    }
  }

  /** The whole body once all pieces of one sender are here. */
  #gather({ author, piece, pieces, body }: Fork, from: number): Bytes | undefined {
    const key = `${toHex(author)}:${pieces}:${from}`;
    const held = this.#gathered.get(key) ?? new Map<number, Bytes>();
    held.set(piece, new Uint8Array(body));
    this.#gathered.set(key, held);
    if (held.size === pieces) {
      this.#gathered.delete(key);
      return concatBytes(...[...held].toSorted(([a], [b]) => a - b).map(([, bytes]) => bytes));
    }
    const [eldest] = this.#gathered.keys();
    if (this.#gathered.size > MAX_GATHERED && eldest !== undefined) this.#gathered.delete(eldest);
    return undefined;
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }
}

function keyOf(id: string): string {
  return `forks:tell:${id}`;
}
