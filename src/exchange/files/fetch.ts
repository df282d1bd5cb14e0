/**
 * Fetches files from neighbours, block by block: what is asked for when is `asker.ts`'s affair, what came is kept here.
 * @module
 */
import { refKey, rootOf, textOfRef, type BlockRef } from "../../dag/block-ref.ts";
import type { Shard } from "../../dag/shard.ts";
import { startsWith } from "../../kernel/bytes.ts";
import { describeError } from "../../kernel/errors.ts";
import { keepRecent } from "../../kernel/recent.ts";
import { REQUEST, type Priority } from "../../radio/priority.ts";
import { MAX_BLOCK_BYTES, type Coded } from "../../wire/coded.ts";
import type { Get } from "../../wire/get.ts";
import type { Origin } from "../parts.ts";
import { Asker, type AskerPorts } from "./asker.ts";
import type { Keeper } from "./keeper.ts";
import type { HeardSymbol, Overheard } from "./overheard.ts";
import { judge, MAX_AIR_BYTES, type FilesPolicy } from "./policy.ts";
import type { Suspects } from "./suspects.ts";
import type { SymbolVerdict } from "./symbols.ts";
import { Transfer, type TransferTarget } from "./transfer.ts";
import { WantedBlock } from "./wanted-block.ts";

export interface FetchPorts extends AskerPorts {
  readonly shard: Pick<Shard, "missingBlocks" | "putBlock">;
  readonly suspects: Suspects;
  readonly keeper: Keeper;
  readonly overheard: Overheard;
  readonly policy: FilesPolicy;
  /** A symbol that no transfer wants. */
  readonly onOverheard: (symbol: HeardSymbol) => Promise<void>;
}

export interface FetchWishes {
  /** Now, whatever the hour. */
  readonly urgent?: boolean;
  readonly priority?: Priority;
}

/** Transfers under way at once, and ended ones that are still remembered for their report. */
const MAX_ACTIVE = 8;
const MAX_REMEMBERED = 64;
const LOOK_AGAIN_MS = 3_600_000;
/** What such a file has at most: full blocks, and the manifest that names them. */
const MAX_AIR_BLOCKS = MAX_AIR_BYTES / MAX_BLOCK_BYTES + 1;

export class Fetch {
  readonly #ports: FetchPorts;
  readonly #asker: Asker;
  #lastActiveMs = Number.NEGATIVE_INFINITY;
  readonly #transfers = new Map<string, Transfer>();
  /** Blocks begun and not finished, so that a second try goes on where the first gave up. */
  readonly #begun = new Map<string, WantedBlock>();

  constructor(ports: FetchPorts) {
    this.#ports = ports;
    this.#asker = new Asker(ports, {
      onAsk: (transfer) => ports.keeper.flush(transfer),
      onGivenUp: (transfer) => this.#fail(transfer, whyNothingCame(transfer)),
    });
  }

  /** Starts a transfer, or joins the one that is under way. Undefined when too many are. */
  async begin(
    target: TransferTarget,
    { urgent = false, priority = REQUEST }: FetchWishes = {},
  ): Promise<Transfer | undefined> {
    const transfer = new Transfer(target);
    const key = refKey(transfer.root);
    const known = this.#transfers.get(key);
    if (known !== undefined && !known.ended) {
      known.urgent ||= urgent;
      if (priority > known.priority) known.priority = priority;
      if (known.state.kind === "deferred") await this.#next(known);
      return known;
    }
    transfer.urgent = urgent;
    transfer.priority = priority;
    if ([...this.#transfers.values()].filter(({ ended }) => !ended).length >= MAX_ACTIVE) return undefined;
    this.#transfers.delete(key);
    this.#transfers.set(key, transfer);
    this.#forgetOldest();
    await this.#next(transfer);
    return transfer;
  }

  /** Goes on with what earlier lives have left; with what was given up, once it is asked for again. */
  async resume(): Promise<void> {
    for (const { target, active, block, symbols } of await this.#ports.keeper.load()) {
      const wanted = newBlock(target, block);
      for (const { index, from, symbol } of symbols?.pieces ?? []) {
        const cut = { streamBytes: symbols?.cut.streamBytes ?? 0, check: symbols?.cut.check };
        wanted.hear({ type: "coded", prefix: wanted.prefix, ...cut, index, left: 0, symbol }, from);
      }
      this.#remember(wanted);
      if (active) await this.begin(target);
    }
  }

  /** Since when no symbol was heard and nothing was under way; monotonic. */
  get idleSinceMs(): number {
    const busy = [...this.#transfers.values()].some(({ ended, state }) => !ended && state.kind !== "deferred");
    return busy ? this.#nowMs() : this.#lastActiveMs;
  }

  find(root: BlockRef): Transfer | undefined {
    return this.#transfers.get(refKey(root));
  }

  async onCoded(coded: Coded, { from }: Origin, payloadBytes: number): Promise<void> {
    const atMs = this.#nowMs();
    const isSuspect = this.#ports.suspects.isSuspect(from, atMs);
    const wanting = [...this.#transfers.values()].filter(({ ended, block }) => !ended && block?.isFor(coded) === true);
    this.#lastActiveMs = atMs;
    if (isSuspect) this.#ports.count("symbol_of_suspect");
    if (wanting.length === 0) return isSuspect ? undefined : this.#ports.onOverheard({ coded, from, atMs });
    for (const transfer of wanting) {
      transfer.countHeard(payloadBytes, this.#ports.air.airtimeMs(payloadBytes));
      if (isSuspect) await this.#hearSuspect(transfer, { coded, from });
      else await this.#hear(transfer, { coded, from, atMs });
    }
  }

  onGet(get: Get): void {
    for (const transfer of this.#transfers.values()) {
      if (transfer.ended || transfer.block === undefined || !asksFor(get, transfer.block)) continue;
      if (transfer.state.kind !== "deferred") this.#asker.afterOthersQuestion(transfer, get.amount);
    }
  }

  async #hear(transfer: Transfer, { coded, from, atMs }: HeardSymbol): Promise<void> {
    const { block } = transfer;
    if (block === undefined) return;
    const { count, keeper, log, losses } = this.#ports;
    const heard = block.hear(coded, from);
    count(`symbol_${heard.kind}`);
    switch (heard.kind) {
      case "whole":
        await this.#whole(transfer, block, heard);
        break;
      case "new":
      case "known": {
        const { packets, lost } = transfer.bursts.note(coded, from, atMs);
        if (packets > 0) losses.note(from, packets, lost);
        if (heard.kind === "known") break;
        if (transfer.state.kind !== "deferred") transfer.state = { kind: "receiving" };
        // Only progress puts off the next question: false symbols in a steady drip must not silence us.
        if (transfer.noteSymbol() && transfer.state.kind !== "deferred") this.#asker.afterSymbol(transfer);
        await keeper.noteSymbol(transfer);
        break;
      }
      case "spoiled":
        transfer.spoilings++;
        log.warn("symbols did not make the block that was asked for", { cid: textOfRef(block.ref) });
        break;
      case "refused":
        break;
      default:
        heard satisfies never;
    }
  }

  /** It puts off no question: only the block itself shows that it was the truth. */
  async #hearSuspect(transfer: Transfer, { coded, from }: Omit<HeardSymbol, "atMs">): Promise<void> {
    const { block } = transfer;
    const heard = block?.hearApart(coded, from);
    if (block !== undefined && heard?.kind === "whole") await this.#whole(transfer, block, heard);
  }

  async #whole(
    transfer: Transfer,
    block: WantedBlock,
    { bytes, witnesses }: Extract<SymbolVerdict, { kind: "whole" }>,
  ): Promise<void> {
    for (const [radio, testimony] of witnesses) this.#ports.suspects.note(radio, testimony, this.#nowMs());
    await this.#keep(transfer, block, bytes);
  }

  async #keep(transfer: Transfer, block: WantedBlock, bytes: Uint8Array): Promise<void> {
    this.#begun.delete(refKey(block.ref));
    try {
      await this.#ports.shard.putBlock(bytes, block.ref);
      await this.#next(transfer);
    } catch (error) {
      // A full disk, most likely: the transfer ends with the reason, and everything else goes on.
      await this.#fail(transfer, describeError(error));
    }
  }

  async #fail(transfer: Transfer, detail: string): Promise<void> {
    transfer.state = { kind: "failed", detail };
    this.#asker.withdraw(transfer);
    this.#ports.count("transfers_failed");
    await this.#ports.keeper.save(transfer);
  }

  /** On to the next missing block, or to the end. */
  async #next(transfer: Transfer): Promise<void> {
    const missing = await this.#ports.shard.missingBlocks(transfer.root);
    transfer.missing = missing.length;
    // A file that was asked for by its CID alone tells its size only now.
    if (missing.length > MAX_AIR_BLOCKS) {
      await this.#fail(transfer, `the file has more than ${MAX_AIR_BYTES} bytes, too many for the radio`);
      return;
    }
    const [ref] = missing;
    this.#asker.withdraw(transfer);
    if (ref === undefined) {
      transfer.want(undefined);
      transfer.state = { kind: "done" };
      await this.#ports.keeper.drop(transfer);
      return;
    }
    const block = this.#begun.get(refKey(ref)) ?? newBlock(transfer.target, ref);
    this.#remember(block);
    transfer.want(block);
    await this.#ports.keeper.save(transfer);
    if (!this.#defer(transfer)) this.#asker.begin(transfer);
    // What was overheard counts as heard: a burst that is still under way is waited for.
    for (const heard of this.#ports.overheard.take(block.prefix)) {
      if (transfer.block === block) await this.#hear(transfer, heard);
    }
  }

  /** True when it is not the time to ask. */
  #defer(transfer: Transfer): boolean {
    const { agenda, clock, count, policy } = this.#ports;
    const verdict = judge(transfer.target.bytes, transfer.urgent, policy, clock.nowMs());
    if (verdict.kind === "now") {
      if (transfer.state.kind === "deferred") transfer.state = { kind: "waiting" };
      return false;
    }
    transfer.state = { kind: "deferred", detail: verdict.reason, untilMs: verdict.untilMs };
    count("transfers_deferred");
    // Clocks are set at times: looked at again within the hour.
    const waitMs = Math.min(LOOK_AGAIN_MS, (verdict.untilMs ?? Number.POSITIVE_INFINITY) - clock.nowMs());
    agenda.set(`deferred:${refKey(transfer.root)}`, waitMs, () => {
      if (transfer.state.kind === "deferred" && !this.#defer(transfer)) this.#asker.begin(transfer);
    });
    return true;
  }

  #remember(block: WantedBlock): void {
    keepRecent(this.#begun, refKey(block.ref), block, MAX_REMEMBERED);
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
}

/** Of a file of one block the length is known beforehand. */
function newBlock(target: TransferTarget, ref: BlockRef): WantedBlock {
  const isWholeFile = ref.codec === "raw" && refKey(ref) === refKey(rootOf(target));
  return new WantedBlock(ref, isWholeFile ? target.bytes : undefined);
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
