/**
 * Makes checkpoints of the own log, and verifies those of members: see `dag/checkpoint.ts`. Only in a village with an
 * authority, whose certificates say whose an ML-DSA key is. They go over the air as files do, when nobody has anything else to
 * say; all who listen get them by the same symbols.
 * @module
 */
import {
  type Bytes,
  ByteReader,
  ByteWriter,
  concatBytes,
  copyBytes,
  equalBytes,
  fromHex,
  toHex,
  utf8,
} from "../kernel/bytes.ts";
import { describeError } from "../kernel/errors.ts";
import type { Service } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { Store } from "../ports/store.ts";
import { rootOf } from "../dag/block-ref.ts";
import {
  CHECKPOINT_BYTES,
  CHECKPOINT_NAME,
  decodeCheckpoint,
  isSignedBy,
  makeCheckpoint,
  merkleRootOf,
} from "../dag/checkpoint.ts";
import type { Membership } from "../dag/membership.ts";
import type { FileRow, Shard } from "../dag/shard.ts";
import { chance } from "../radio/chance.ts";
import { CHECKPOINT } from "../radio/priority.ts";
import type { Exchange } from "./exchange.ts";

/** What the newest checkpoint of an author showed. */
export interface CheckpointRow {
  /** 16 hex digits. */
  readonly author: string;
  /** Entries that it covers. */
  readonly count: number;
  /** `disagrees`: the author signed another history with ML-DSA than the one that is held: one of its keys is broken. */
  readonly verdict: "verified" | "disagrees";
}

export interface CheckpointPorts {
  readonly shard: Shard;
  readonly membership: Pick<Membership, "members">;
  readonly exchange: Pick<Exchange, "fetch" | "announce">;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A new one of the own log after so many entries, or when it has grown at all and the last one is so old. */
export const EVERY_ENTRIES = 256;
export const EVERY_MS = 30 * 86_400_000;
const LOOK_EVERY_MS = 3_600_000;
/** Begin with a byte that no kind of the shard's keys has. */
const PREFIX = utf8("~checkpoint:");
const OWN_KEY = utf8("~checkpointed");
const VERDICTS = ["verified", "disagrees"] as const;

/** Undefined without an authority: then nobody can say whose an ML-DSA key is. @throws what the store throws */
export async function openCheckpoints(
  membership: Membership | undefined,
  ports: Omit<CheckpointPorts, "membership">,
): Promise<Checkpoints | undefined> {
  return membership && Checkpoints.open({ ...ports, membership, log: ports.log.named("checkpoints") });
}

interface Seen extends CheckpointRow {
  /** Of its file: what was looked at is not looked at again. */
  readonly seq: number;
}

export class Checkpoints implements Service {
  readonly name = "checkpoints";
  readonly #ports: CheckpointPorts;
  readonly #seen = new Map<string, Seen>();

  private constructor(ports: CheckpointPorts) {
    this.#ports = ports;
  }

  /** @throws what the store throws */
  static async open(ports: CheckpointPorts): Promise<Checkpoints> {
    const checkpoints = new Checkpoints(ports);
    const until = concatBytes(PREFIX.subarray(0, -1), Uint8Array.of((PREFIX.at(-1) ?? 0) + 1));
    for await (const { key, value } of ports.store.entries({ from: PREFIX, until })) {
      const author = Buffer.from(key.subarray(PREFIX.length)).toString();
      const reader = new ByteReader(value);
      const [seq, count, code] = [reader.u32(), reader.u32(), reader.u8()];
      checkpoints.#seen.set(author, { author, seq, count, verdict: VERDICTS[code] ?? "disagrees" });
    }
    return checkpoints;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.#ports;
    for (;;) {
      // Neighbours must not look at the same moment.
      await clock.sleep(LOOK_EVERY_MS * (0.5 + chance(random)), signal);
      if (signal.aborted) return;
      try {
        await this.look();
      } catch (error) {
        log.warn("checkpoints could not be looked after", { error: describeError(error) });
      }
    }
  }

  list(): readonly CheckpointRow[] {
    return [...this.#seen.values()].map(({ author, count, verdict }) => ({ author, count, verdict }));
  }

  /** What is done every hour. */
  async look(): Promise<void> {
    const members = new Map(
      this.#ports.membership
        .members()
        .filter(({ standing }) => standing === "enrolled")
        .map(({ id, certificate }) => [id, certificate.mlDsaFingerprint]),
    );
    // Nobody could verify that of a node without a certificate.
    if (members.has(toHex(this.#ports.shard.author.id))) await this.#makeOwn();
    for (const row of await this.#ports.shard.resolve(CHECKPOINT_NAME)) {
      const fingerprint = members.get(row.author);
      const isNew = (this.#seen.get(row.author)?.seq ?? 0) < row.seq;
      if (fingerprint === undefined || !isNew || row.bytes !== CHECKPOINT_BYTES) continue;
      if (row.held) await this.#verify(row, fingerprint);
      else await this.#ports.exchange.fetch(row, { priority: CHECKPOINT });
    }
  }

  async #makeOwn(): Promise<void> {
    const { clock, exchange, shard, store } = this.#ports;
    const { author } = shard;
    const own = toHex(author.id);
    const count = shard.count(own);
    const nowS = Math.floor(clock.nowMs() / 1000);
    const kept = new ByteReader((await store.get(OWN_KEY)) ?? new Uint8Array(8));
    const last = { seq: kept.u32(), atS: kept.u32() };
    // What is kept may be of a log that this node wrote under a former key.
    const isOurs = (await shard.resolve(`${own}/${last.seq}`))[0]?.name === CHECKPOINT_NAME;
    const { seq: before, atS } = isOurs ? last : { seq: 0, atS: 0 };
    // The checkpoint's own entry is no reason for the next one.
    const grown = count - before - (before === 0 ? 1 : 0);
    if (grown < EVERY_ENTRIES && (grown < 1 || nowS - atS < EVERY_MS / 1000)) return;
    const root = await merkleRootOf(shard, author.id, count);
    if (root === undefined) return;
    const { seq } = await shard.putFile(CHECKPOINT_NAME, makeCheckpoint(author, count, root));
    await store.write([{ key: OWN_KEY, value: new ByteWriter().u32(seq).u32(nowS).finish() }]);
    exchange.announce();
  }

  async #verify(row: FileRow, fingerprint: Uint8Array): Promise<void> {
    const { log, shard } = this.#ports;
    const author = copyBytes(fromHex(row.author) ?? new Uint8Array(0));
    const content = await shard.readFile(rootOf(row));
    const checkpoint = decodeCheckpoint(content ?? new Uint8Array(0));
    if (!checkpoint.ok || !isSignedBy(checkpoint.value, author, fingerprint)) {
      log.warn("a checkpoint is not its author's", { author: row.author });
      return;
    }
    const { count, root } = checkpoint.value;
    const ours = await merkleRootOf(shard, author, count);
    // Its last entries are on their way; it is looked at again.
    if (ours === undefined) return;
    const verdict = equalBytes(ours, root) ? "verified" : "disagrees";
    if (verdict === "disagrees") log.error("a checkpoint contradicts the log of its author", { author: row.author });
    await this.#keep({ author: row.author, seq: row.seq, count, verdict });
  }

  async #keep(seen: Seen): Promise<void> {
    // What was once contradicted stays so.
    const verdict = this.#seen.get(seen.author)?.verdict === "disagrees" ? "disagrees" : seen.verdict;
    const value: Bytes = new ByteWriter().u32(seen.seq).u32(seen.count).u8(VERDICTS.indexOf(verdict)).finish();
    await this.#ports.store.write([{ key: concatBytes(PREFIX, utf8(seen.author)), value }]);
    this.#seen.set(seen.author, { ...seen, verdict });
  }
}
