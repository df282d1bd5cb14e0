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
import type { ExchangeParts, Origin } from "../parts.ts";
import { Fetch } from "./fetch.ts";
import { Keeper } from "./keeper.ts";
import { Losses } from "./losses.ts";
import { Overheard } from "./overheard.ts";
import { Serve } from "./serve.ts";
import { Suspects, type Suspect } from "./suspects.ts";
import type { Transfer, TransferTarget } from "./transfer.ts";

export interface FilesPorts extends ExchangeParts {
  readonly shard: Shard;
  readonly neighbours: Pick<Neighbours, "hopsTo" | "nearestHops" | "list">;
  /** Where transfers outlast a restart; they don't when left out. */
  readonly store?: Pick<Store, "write" | "entries"> | undefined;
}

export class Files {
  readonly #ports: FilesPorts;
  readonly #suspects = new Suspects();
  readonly #fetch: Fetch;
  readonly #serve: Serve;

  constructor(ports: FilesPorts) {
    const losses = new Losses();
    const audience = (): number => Math.max(1, ports.neighbours.list().length, ports.shard.stats().authors - 1);
    const shared = { ...ports, losses, suspects: this.#suspects, audience };
    const keeper = new Keeper(ports.store, ports.log);
    this.#ports = ports;
    this.#fetch = new Fetch({ ...shared, keeper, overheard: new Overheard() });
    this.#serve = new Serve({ ...shared, lossRatio: () => losses.ratio(undefined) });
  }

  /** Takes up what an earlier life has left. */
  start(): Promise<void> {
    return this.#fetch.resume();
  }

  begin(target: TransferTarget): Promise<Transfer | undefined> {
    return this.#fetch.begin(target);
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
