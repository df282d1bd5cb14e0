/**
 * Files on the air: asked for and answered, with what both sides learn of the neighbourhood.
 * @module
 */
import type { BlockRef } from "../../dag/block-ref.ts";
import type { Shard } from "../../dag/shard.ts";
import type { Coded } from "../../wire/coded.ts";
import type { Get } from "../../wire/get.ts";
import type { Neighbours } from "../neighbours.ts";
import type { ExchangeParts, Origin } from "../parts.ts";
import { Fetch } from "./fetch.ts";
import { Losses } from "./losses.ts";
import { Serve } from "./serve.ts";
import { Suspects, type Suspect } from "./suspects.ts";
import type { Transfer, TransferTarget } from "./transfer.ts";

export interface FilesPorts extends ExchangeParts {
  readonly shard: Shard;
  readonly neighbours: Pick<Neighbours, "hopsTo" | "nearestHops" | "list">;
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
    this.#ports = ports;
    this.#fetch = new Fetch(shared);
    this.#serve = new Serve({ ...shared, lossRatio: () => losses.ratio(undefined) });
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
