/**
 * Files on the air: asked for and answered, with what both sides learn of the neighbourhood.
 * @module
 */
import type { BlockRef } from "../../dag/block-ref.ts";
import type { Shard } from "../../dag/shard.ts";
import type { Store } from "../../ports/store.ts";
import type { Coded } from "../../wire/coded.ts";
import type { Get } from "../../wire/get.ts";
import type { Neighbours } from "../neighbours.ts";
import type { NeighboursBudget } from "../neighbours-budget.ts";
import type { ExchangeParts, Origin } from "../parts.ts";
import { Carrier } from "./carrier.ts";
import { Fetch, type FetchWishes } from "./fetch.ts";
import { Inquiries, type Inquiry } from "./inquiries.ts";
import { Keeper } from "./keeper.ts";
import { Losses } from "./losses.ts";
import { Overheard, type HeardSymbol } from "./overheard.ts";
import { DEFAULT_POLICY, type FilesPolicy } from "./policy.ts";
import { Serve } from "./serve.ts";
import { Suspects, type Suspect } from "./suspects.ts";
import type { Transfer, TransferTarget } from "./transfer.ts";

export interface FilesPorts extends ExchangeParts {
  readonly shard: Shard;
  readonly neighbours: Pick<Neighbours, "hopsTo" | "nearestHops" | "list">;
  readonly budget: NeighboursBudget;
  /** Where transfers outlast a restart; they don't when left out. */
  readonly policy?: FilesPolicy | undefined;
  readonly store?: Pick<Store, "write" | "entries"> | undefined;
}

export class Files {
  readonly #ports: FilesPorts;
  readonly #losses = new Losses();
  readonly #suspects = new Suspects();
  readonly #fetch: Fetch;
  readonly #serve: Serve;
  readonly #carrier: Carrier;
  readonly #inquiries: Inquiries;

  constructor(ports: FilesPorts) {
    const losses = this.#losses;
    const audience = (): number => Math.max(1, ports.neighbours.list().length, ports.shard.stats().authors - 1);
    const shared = { ...ports, losses, suspects: this.#suspects, audience };
    const keeper = new Keeper(ports.store, ports.log);
    this.#ports = ports;
    const overheard = new Overheard();
    const policy = ports.policy ?? DEFAULT_POLICY;
    const onOverheard = async (symbol: HeardSymbol): Promise<void> => {
      // Whoever holds a block answers for it: there is nothing to keep.
      if (this.#serve.knows(symbol.coded.prefix)) return;
      overheard.note(symbol);
      this.#inquiries.onOverheard();
      await this.#carrier.onOverheard(symbol);
    };
    this.#fetch = new Fetch({ ...shared, keeper, overheard, policy, onOverheard });
    this.#inquiries = new Inquiries({ ...ports, losses, fetch: this.#fetch });
    this.#carrier = new Carrier({ ...ports, fetch: this.#fetch, overheard, policy });
    this.#serve = new Serve({ ...shared, lossRatio: () => losses.ratio(undefined) });
  }

  /** Takes up what an earlier life has left. */
  async start(): Promise<void> {
    await this.#fetch.resume();
    this.#carrier.start();
  }

  begin(target: TransferTarget, wishes?: FetchWishes): Promise<Transfer | undefined> {
    return this.#fetch.begin(target, wishes);
  }

  /** Asks neighbours for a file that no entry here tells of. Undefined when that can't be asked, or too much is asked already. */
  inquire(text: string, wishes: FetchWishes): Inquiry | undefined {
    return this.#inquiries.begin(text, wishes);
  }

  inquiry(id: string): Inquiry | undefined {
    return this.#inquiries.find(id);
  }

  /** Packets that it takes to have the rest of a file, loss and questions included: a guess. */
  packetsFor(transfer: Transfer): number {
    const symbols = transfer.symbolsLeft();
    return symbols === 0 ? 0 : Math.ceil(symbols / (1 - this.#losses.ratio(transfer.bursts.speaker))) + 1;
  }

  find(root: BlockRef): Transfer | undefined {
    return this.#fetch.find(root);
  }

  /** Radios whose symbols of files are ignored now. */
  suspects(): readonly Suspect[] {
    return this.#suspects.list(this.#ports.clock.monotonicMs());
  }

  async onGet(get: Get, origin: Origin): Promise<void> {
    this.#fetch.onGet(get);
    await this.#serve.onGet(get, origin);
  }

  async onCoded(coded: Coded, origin: Origin & { readonly payloadBytes: number }): Promise<void> {
    this.#serve.onCoded(coded, origin);
    await this.#fetch.onCoded(coded, origin, origin.payloadBytes);
  }
}
