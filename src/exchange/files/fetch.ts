/**
 * Fetches files from neighbours: waits whether another asks, asks, listens to the burst, and asks for what is lacking at
 * its end, unless somebody who lacks more does.
 * @module
 */
import { refKey, textOfRef, type BlockRef } from "../../dag/block-ref.ts";
import type { Shard } from "../../dag/shard.ts";
import { startsWith } from "../../kernel/bytes.ts";
import { describeError } from "../../kernel/errors.ts";
import { chance } from "../../radio/chance.ts";
import { REQUEST } from "../../radio/priority.ts";
import { MAX_BLOCK_BYTES, type Coded } from "../../wire/coded.ts";
import type { Get } from "../../wire/get.ts";
import type { Neighbours } from "../neighbours.ts";
import { TRIES_A_RELAY, type ExchangeParts, type Origin } from "../parts.ts";
import {
  answerWaitMs,
  firstWaitMs,
  lengthening,
  MAX_FRUITLESS,
  needyWaitMs,
  packetMs,
  priceOf,
  type Pace,
} from "./asking.ts";
import type { Losses } from "./losses.ts";
import { getFor, symbolsAskedBy } from "./question.ts";
import type { Suspects } from "./suspects.ts";
import { Transfer, type TransferTarget } from "./transfer.ts";
import { WantedBlock } from "./wanted-block.ts";

export interface FetchPorts extends ExchangeParts {
  readonly shard: Pick<Shard, "missingBlocks" | "putBlock">;
  readonly neighbours: Pick<Neighbours, "hopsTo" | "nearestHops">;
  readonly losses: Losses;
  readonly suspects: Suspects;
  /** Agents that could want the same: all that are known but one, who holds it. */
  readonly audience: () => number;
}

/** Transfers under way at once, and ended ones that are still remembered for their report. */
const MAX_ACTIVE = 8;
const MAX_REMEMBERED = 64;
/** By LoRa a larger file would hold the channel for hours. */
export const MAX_AIR_BYTES = 65_536;
/** What such a file has at most: full blocks, and the manifest that names them. */
const MAX_AIR_BLOCKS = MAX_AIR_BYTES / MAX_BLOCK_BYTES + 1;
/** Others' questions that nobody answers keep us silent no longer than that: they may be false. */
const MAX_DEFERRED = 3;

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
    const transfer = new Transfer(target);
    const key = refKey(transfer.root);
    const known = this.#transfers.get(key);
    if (known !== undefined && !known.ended) return known;
    if ([...this.#transfers.values()].filter(({ ended }) => !ended).length >= MAX_ACTIVE) return undefined;
    this.#transfers.delete(key);
    this.#transfers.set(key, transfer);
    this.#forgetOldest();
    await this.#next(transfer);
    return transfer;
  }

  find(root: BlockRef): Transfer | undefined {
    return this.#transfers.get(refKey(root));
  }

  async onCoded(coded: Coded, { from }: Origin, payloadBytes: number): Promise<void> {
    if (this.#ports.suspects.isIgnored(from, this.#nowMs())) return this.#ports.count("symbol_ignored");
    for (const transfer of this.#transfers.values()) {
      if (transfer.ended || transfer.block?.isFor(coded) !== true) continue;
      transfer.countHeard(payloadBytes, this.#ports.air.airtimeMs(payloadBytes));
      await this.#hear(transfer, transfer.block, coded, from);
    }
  }

  /** Somebody else asks for a block that we want too: the answer serves both, so we keep silent until it is over. */
  onGet(get: Get): void {
    for (const transfer of this.#transfers.values()) {
      const { block } = transfer;
      if (transfer.ended || block === undefined || !asksFor(get, block) || transfer.deferred >= MAX_DEFERRED) continue;
      transfer.deferred++;
      const symbols = symbolsAskedBy(get.amount, Math.max(1, block.total), this.#price());
      this.#withdraw(transfer);
      this.#askIn(transfer, (pace) => answerWaitMs(pace, symbols) + firstWaitMs(pace, this.#chance()));
    }
  }

  async #hear(transfer: Transfer, block: WantedBlock, coded: Coded, from: number): Promise<void> {
    const heard = block.hear(coded, from);
    this.#ports.count(`symbol_${heard.kind}`);
    switch (heard.kind) {
      case "whole":
        for (const [radio, lies] of heard.liars) this.#ports.suspects.accuse(radio, lies, this.#nowMs());
        await this.#keep(transfer, block, heard.bytes);
        break;
      case "new":
      case "known": {
        const { packets, lost } = transfer.bursts.note(coded, from, this.#nowMs());
        if (packets > 0) this.#ports.losses.note(from, packets, lost);
        if (heard.kind === "known") break;
        transfer.state = { kind: "receiving" };
        // Only progress puts off the next question: false symbols in a steady drip must not silence us.
        if (transfer.noteSymbol()) this.#askAfterBurst(transfer);
        break;
      }
      case "spoiled":
        transfer.spoilings++;
        this.#ports.log.warn("symbols did not make the block that was asked for", { cid: textOfRef(block.ref) });
        break;
      case "refused":
        break;
      default:
        heard satisfies never;
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
    this.#withdraw(transfer);
    this.#ports.count("transfers_failed");
  }

  /** On to the next missing block, or to the end. */
  async #next(transfer: Transfer): Promise<void> {
    const missing = await this.#ports.shard.missingBlocks(transfer.root);
    transfer.missing = missing.length;
    // A file that was asked for by its CID alone tells its size only now.
    if (missing.length > MAX_AIR_BLOCKS) {
      this.#fail(transfer, `the file has more than ${MAX_AIR_BYTES} bytes, too many for the radio`);
      return;
    }
    const [ref] = missing;
    this.#withdraw(transfer);
    if (ref === undefined) {
      transfer.want(undefined);
      transfer.state = { kind: "done" };
      return;
    }
    transfer.want(this.#wantedBlock(transfer, ref));
    const draw = this.#chance();
    this.#askIn(transfer, (pace) => firstWaitMs(pace, draw), draw);
  }

  #wantedBlock(transfer: Transfer, ref: BlockRef): WantedBlock {
    const key = refKey(ref);
    const begun = this.#begun.get(key);
    if (begun !== undefined) return begun;
    const isWholeFile = ref.codec === "raw" && key === refKey(transfer.root);
    const block = new WantedBlock(ref, isWholeFile ? transfer.target.bytes : undefined);
    this.#begun.set(key, block);
    const oldest = this.#begun.keys().next();
    if (this.#begun.size > MAX_REMEMBERED && oldest.done !== true) this.#begun.delete(oldest.value);
    return block;
  }

  /** @param draw by which the wait was drawn, where it says something of how many others wait */
  #ask(transfer: Transfer, draw: number | undefined): void {
    const { block } = transfer;
    if (transfer.ended || block === undefined) return;
    if (transfer.fruitless >= MAX_FRUITLESS) {
      this.#fail(transfer, whyNothingCame(transfer));
      return;
    }
    // A question that still waits for its turn on air was not asked in vain: the radio may be away, or the hour used up.
    if (!transfer.waitsForAir) transfer.fruitless++;
    const lossRatio = this.#ports.losses.ratio(transfer.bursts.speaker);
    const get = getFor(block, { lossRatio, price: this.#price(), draw, audience: this.#ports.audience() });
    const symbols = symbolsAskedBy(get.amount, Math.max(1, block.total), this.#price());
    transfer.waitsForAir = true;
    const said = this.#ports.air.say(get, {
      priority: REQUEST,
      hops: this.#reach(transfer),
      key: taskOf(transfer),
      onSent: (payloadBytes, airtimeMs) => {
        transfer.waitsForAir = false;
        transfer.countRequest(payloadBytes, airtimeMs);
        this.#askAgain(transfer, symbols, airtimeMs);
      },
    });
    if (!said) transfer.waitsForAir = false;
    this.#askAgain(transfer, symbols, 0);
  }

  /** When nothing came of it. */
  #askAgain(transfer: Transfer, symbols: number, airtimeMs: number): void {
    const longer = lengthening(transfer.fruitless);
    const draw = this.#chance();
    this.#askIn(transfer, (pace) => airtimeMs + longer * (answerWaitMs(pace, symbols) + firstWaitMs(pace, draw)));
  }

  #askAfterBurst(transfer: Transfer): void {
    const { bursts } = transfer;
    const lossRatio = this.#ports.losses.ratio(bursts.speaker);
    this.#withdraw(transfer);
    this.#askIn(transfer, (pace) => {
      const { sent, heard } = bursts;
      const endMs = bursts.endMs(pace.packetMs) ?? this.#nowMs();
      return Math.max(0, endMs - this.#nowMs()) + needyWaitMs(pace, { sent, heard, lossRatio }, this.#chance());
    });
  }

  #askIn(transfer: Transfer, waitMs: (pace: Pace) => number, draw?: number): void {
    if (transfer.ended) return;
    const hops = this.#reach(transfer);
    const paceMs = Math.max(packetMs(this.#ports.air, hops), transfer.bursts.paceMs ?? 0);
    const pace = { packetMs: paceMs, hops, audience: this.#ports.audience() };
    this.#ports.agenda.set(taskOf(transfer), waitMs(pace), () => this.#ask(transfer, draw));
  }

  /** Takes back a question that is not on air yet: somebody else has asked, or answered. */
  #withdraw(transfer: Transfer): void {
    this.#ports.agenda.cancel(taskOf(transfer));
    this.#ports.air.cancel(taskOf(transfer));
    if (transfer.waitsForAir) transfer.fruitless = Math.max(0, transfer.fruitless - 1);
    transfer.waitsForAir = false;
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

  #price(): number {
    return priceOf(this.#ports.air, this.#ports.losses.ratio(undefined));
  }

  #forgetOldest(): void {
    for (const [key, transfer] of this.#transfers) {
      if (this.#transfers.size <= MAX_REMEMBERED) return;
      if (transfer.ended) this.#transfers.delete(key);
    }
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  #chance(): number {
    return chance(this.#ports.random);
  }
}

function taskOf({ root }: Transfer): string {
  return `get:${refKey(root)}`;
}

/** By entry or by name nobody asks who knows the prefix: what that asks for we can't tell, and go on as before. */
function asksFor({ target }: Get, { ref }: WantedBlock): boolean {
  return target.kind === "prefix" && startsWith(ref.digest, target.prefix.subarray(0, ref.digest.length));
}

function whyNothingCame({ fruitless, spoilings }: Transfer): string {
  if (spoilings === 0) {
    return `nobody in reach answered ${fruitless} requests in a row; try again when neighbours are heard`;
  }
  const times = spoilings === 1 ? "once" : `${spoilings} times`;
  return `false pieces came (${times}) and were thrown away: a radio in reach is faulty or hostile; try again later`;
}
