/**
 * Keeps and fetches files that nobody here has asked for, so that they reach those who can't hear their authors: what was
 * overheard whole, and, while the channel is idle, the newest small files.
 *
 * Both end when the shard has grown to what the policy grants.
 * @module
 */
import { rootOf } from "../../dag/block-ref.ts";
import type { FileRow, Shard } from "../../dag/shard.ts";
import { toHex } from "../../kernel/bytes.ts";
import { describeError } from "../../kernel/errors.ts";
import { chance } from "../../radio/chance.ts";
import { CHECKPOINT } from "../../radio/priority.ts";
import type { ExchangeParts } from "../parts.ts";
import type { Fetch } from "./fetch.ts";
import type { HeardSymbol, Overheard } from "./overheard.ts";
import type { FilesPolicy } from "./policy.ts";
import { WantedBlock } from "./wanted-block.ts";

export interface CarrierPorts extends ExchangeParts {
  readonly shard: Pick<Shard, "log" | "resolve" | "putBlock" | "stats">;
  readonly fetch: Pick<Fetch, "begin" | "idleSinceMs">;
  readonly overheard: Overheard;
  readonly policy: FilesPolicy;
}

const LOOK_EVERY_MS = 600_000;
/** The channel is idle when no symbol was heard, and none asked for, for so long. */
const IDLE_MS = 60_000;
/** Of the latest entries, so many are looked at. */
const LATEST_ENTRIES = 200;
/** Beyond those that a block needs: what is false or doubled among them is not fought for. */
const SPARE_TRIES = 4;

export class Carrier {
  readonly #ports: CarrierPorts;

  constructor(ports: CarrierPorts) {
    this.#ports = ports;
  }

  start(): void {
    if (this.#ports.policy.carryBytes > 0) this.#later();
  }

  /** A symbol of a block that nobody here wants: with enough of them the block is kept, if its entry is known. */
  async onOverheard({ coded }: HeardSymbol): Promise<void> {
    const { overheard, policy, shard, count, log } = this.#ports;
    const heard = overheard.of(coded.prefix);
    const enough = Math.ceil(coded.streamBytes / coded.symbol.length);
    if (heard.length < enough || heard.length > enough + SPARE_TRIES) return;
    const [row] = await shard.resolve(toHex(coded.prefix));
    if (row === undefined || row.held || shard.stats().bytes + row.bytes > policy.cacheBytes) return;
    const bytes = wholeOf(row, heard);
    if (bytes === undefined) return;
    try {
      await shard.putBlock(bytes, rootOf(row));
      overheard.take(coded.prefix);
      count("blocks_overheard");
    } catch (error) {
      log.debug("what was overheard is not kept", { error: describeError(error) });
    }
  }

  async #look(): Promise<void> {
    this.#later();
    const { clock, fetch, policy, shard, count } = this.#ports;
    if (clock.monotonicMs() - fetch.idleSinceMs < IDLE_MS) return;
    for (const { author, seq, kind, bytes } of await shard.log(LATEST_ENTRIES)) {
      if (kind !== "file" || bytes > policy.largeBytes || shard.stats().bytes + bytes > policy.carryBytes) continue;
      const row = (await shard.resolve(`${author}/${seq}`)).find(({ held }) => !held);
      if (row === undefined) continue;
      if ((await fetch.begin(row, { priority: CHECKPOINT })) !== undefined) count("files_carried");
      return;
    }
  }

  /** Neighbours must not look at the same moment. */
  #later(): void {
    const { agenda, random } = this.#ports;
    agenda.set("carry", LOOK_EVERY_MS * (0.5 + chance(random)), () => this.#look());
  }
}

/** The block, when these symbols make it. */
function wholeOf(row: FileRow, heard: readonly HeardSymbol[]): Uint8Array | undefined {
  const block = new WantedBlock(rootOf(row), row.codec === "raw" ? row.bytes : undefined);
  for (const { coded, from } of heard) {
    const verdict = block.hear(coded, from);
    if (verdict.kind === "whole") return verdict.bytes;
  }
  return undefined;
}
