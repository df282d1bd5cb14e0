/**
 * Fetches files from neighbours: asks for as many symbols as are lacking, listens, and asks again when it grows quiet.
 * @module
 */
import { toHex } from "../kernel/bytes.ts";
import { describeError } from "../kernel/errors.ts";
import { type BlockRef, refKey, rootOf, textOfRef } from "../dag/block-ref.ts";
import type { Shard } from "../dag/shard.ts";
import { REQUEST } from "../radio/priority.ts";
import { MAX_BLOCK_BYTES, type Coded } from "../wire/coded.ts";
import type { Get } from "../wire/get.ts";
import type { Neighbours } from "./neighbours.ts";
import { TRIES_A_RELAY, type ExchangeParts } from "./parts.ts";
import { chance } from "../radio/chance.ts";
import { backOff } from "./timing.ts";
import { Transfer, WantedBlock, type TransferTarget } from "./transfer.ts";

export interface FetchPorts extends ExchangeParts {
  readonly shard: Pick<Shard, "missingBlocks" | "putBlock">;
  readonly neighbours: Pick<Neighbours, "hopsTo" | "nearestHops">;
}

/** Transfers under way at once, and ended ones that are still remembered for their report. */
const MAX_ACTIVE = 8;
const MAX_REMEMBERED = 64;
/** By LoRa a larger file would hold the channel for hours. */
export const MAX_AIR_BYTES = 65_536;
/** What such a file has at most: full blocks, and the manifest that names them. */
const MAX_AIR_BLOCKS = MAX_AIR_BYTES / MAX_BLOCK_BYTES + 1;
const MAX_SYMBOLS_A_GET = 255;
const COSTLY_HOPS = 2;

export class Fetch {
  readonly #ports: FetchPorts;
  readonly #transfers = new Map<string, Transfer>();
  /** Blocks begun and not finished, so that a second try goes on where the first gave up. */
  readonly #begun = new Map<string, WantedBlock>();

  constructor(ports: FetchPorts) {
    this.#ports = ports;
  }

  /** Starts a transfer, or joins the one that is under way. Undefined when too many are. */
  async begin(target: TransferTarget): Promise<Transfer | undefined> {
    const key = refKey(rootOf(target));
    const known = this.#transfers.get(key);
    if (known !== undefined && !known.ended) return known;
    if ([...this.#transfers.values()].filter((transfer) => !transfer.ended).length >= MAX_ACTIVE) return undefined;
    const transfer = new Transfer(target);
    this.#transfers.delete(key);
    this.#transfers.set(key, transfer);
    this.#forgetOldest();
    await this.#next(transfer);
    return transfer;
  }

  find(root: BlockRef): Transfer | undefined {
    return this.#transfers.get(refKey(root));
  }

  async onCoded(coded: Coded, payloadBytes: number): Promise<void> {
    for (const transfer of this.#transfers.values()) {
      if (transfer.ended || transfer.block?.isFor(coded) !== true) continue;
      transfer.countHeard(payloadBytes, this.#ports.air.airtimeMs(payloadBytes));
      await this.#hear(transfer, transfer.block, coded);
    }
  }

  /** Somebody else asks for a block that we want too: the answer serves both, so our own asking can wait. */
  onGet(get: Get): void {
    for (const transfer of this.#transfers.values()) {
      const { block } = transfer;
      if (transfer.ended || block === undefined || toHex(block.prefix) !== toHex(get.prefix)) continue;
      if (get.symbols === 0 || get.symbols >= block.needed) this.#askLater(transfer);
    }
  }

  async #hear(transfer: Transfer, block: WantedBlock, coded: Coded): Promise<void> {
    const heard = block.hear(coded);
    this.#ports.count(`symbol_${heard.kind}`);
    switch (heard.kind) {
      case "whole":
        await this.#keep(transfer, block, heard.bytes);
        break;
      case "new":
        transfer.state = { kind: "receiving" };
        // Only progress puts off the next question: false symbols in a steady drip must not silence us.
        if (transfer.noteSymbol()) this.#askLater(transfer);
        break;
      case "poisoned":
        transfer.poisonings++;
        this.#ports.log.warn("symbols did not make the block that was asked for", { cid: textOfRef(block.ref) });
        break;
      case "known":
      case "refused":
        break;
    }
  }

  async #keep(transfer: Transfer, block: WantedBlock, bytes: Uint8Array): Promise<void> {
    this.#begun.delete(refKey(block.ref));
    try {
      await this.#ports.shard.putBlock(bytes, block.ref);
      await this.#next(transfer);
    } catch (error) {
      // A full disk, most likely: the transfer ends with the reason, and everything else goes on.
      this.#fail(transfer, describeError(error));
    }
  }

  #fail(transfer: Transfer, detail: string): void {
    transfer.state = { kind: "failed", detail };
    this.#ports.agenda.cancel(`get:${keyOf(transfer)}`);
    this.#ports.count("transfers_failed");
  }

  /** On to the next missing block, or to the end. */
  async #next(transfer: Transfer): Promise<void> {
    const key = keyOf(transfer);
    const missing = await this.#ports.shard.missingBlocks(rootOf(transfer.target));
    transfer.missing = missing.length;
    // A file that was asked for by its CID alone tells its size only now.
    if (missing.length > MAX_AIR_BLOCKS) {
      this.#fail(transfer, `the file has more than ${MAX_AIR_BYTES} bytes, too many for the radio`);
      return;
    }
    const ref = missing[0];
    if (ref === undefined) {
      transfer.want(undefined);
      transfer.state = { kind: "done" };
      this.#ports.agenda.cancel(`get:${key}`);
      this.#ports.air.cancel(`get:${key}`);
      return;
    }
    transfer.want(this.#wantedBlock(transfer, ref));
    this.#ask(transfer);
  }

  #wantedBlock(transfer: Transfer, ref: BlockRef): WantedBlock {
    const key = refKey(ref);
    const begun = this.#begun.get(key);
    if (begun !== undefined) return begun;
    const isWholeFile = ref.codec === "raw" && key === keyOf(transfer);
    const block = new WantedBlock(ref, isWholeFile ? transfer.target.bytes : undefined);
    this.#begun.set(key, block);
    const oldest = this.#begun.keys().next();
    if (this.#begun.size > MAX_REMEMBERED && oldest.done !== true) this.#begun.delete(oldest.value);
    return block;
  }

  #ask(transfer: Transfer): void {
    const { block } = transfer;
    if (transfer.ended || block === undefined) return;
    if (transfer.fruitless >= this.#ports.air.timing().maxFruitless) {
      this.#fail(transfer, whyNothingCame(transfer));
      return;
    }
    const hops = this.#reach(transfer);
    // A question that still waits for its turn on air was not asked in vain: the radio may be away, or the hour used up.
    if (!transfer.waitsForAir) transfer.fruitless++;
    const get: Get = { type: "get", prefix: block.prefix, symbols: symbolsToAsk(transfer, block, hops) };
    transfer.beginRound(get.symbols);
    transfer.waitsForAir = true;
    const said = this.#ports.air.say(get, {
      priority: REQUEST,
      hops,
      key: `get:${keyOf(transfer)}`,
      onSent: (payloadBytes, airtimeMs) => {
        transfer.waitsForAir = false;
        transfer.countRequest(payloadBytes, airtimeMs);
        this.#askLater(transfer);
      },
    });
    if (!said) transfer.waitsForAir = false;
    this.#askLater(transfer);
  }

  /** As far as the file's author, if it was heard, else as the nearest neighbour; one relay farther when loss alone hardly explains the silence any more. */
  #reach(transfer: Transfer): number {
    const { neighbours } = this.#ports;
    const { author } = transfer.target;
    const nearest = (author === undefined ? undefined : neighbours.hopsTo(author)) ?? neighbours.nearestHops();
    return this.#ports.air.reach(
      nearest === undefined ? undefined : nearest + Math.floor(transfer.fruitless / TRIES_A_RELAY),
    );
  }

  #askLater(transfer: Transfer): void {
    if (transfer.ended) return;
    const timing = this.#ports.air.timing(this.#reach(transfer));
    const lengthening = backOff(timing, transfer.fruitless);
    const waitMs = timing.getRetryMs * lengthening * (1 + chance(this.#ports.random) / 4);
    this.#ports.agenda.set(`get:${keyOf(transfer)}`, waitMs, () => this.#ask(transfer));
  }

  #forgetOldest(): void {
    for (const [key, transfer] of this.#transfers) {
      if (this.#transfers.size <= MAX_REMEMBERED) return;
      if (transfer.ended) this.#transfers.delete(key);
    }
  }
}

function keyOf({ target }: Transfer): string {
  return refKey(rootOf(target));
}

function whyNothingCame({ fruitless, poisonings }: Transfer): string {
  if (poisonings === 0) {
    return `nobody in reach answered ${fruitless} requests in a row; try again when neighbours are heard`;
  }
  const times = poisonings === 1 ? "once" : `${poisonings} times`;
  return `false pieces came (${times}) and were thrown away: a radio in reach is faulty or hostile; try again later`;
}

/**
 * What is needed; over several relays also for what the way will lose, since another round costs more there than a
 * symbol too many.
 */
function symbolsToAsk(transfer: Transfer, block: WantedBlock, hops: number): number {
  const losses = hops < COSTLY_HOPS ? 1 : transfer.delivery();
  return Math.min(MAX_SYMBOLS_A_GET, Math.ceil(block.needed / losses));
}
