/** A simulated village whose houses have TPMs, a policy of its authority, and agents that ask each other for quotes. @module */
import type { Policy } from "../attest/policy.ts";
import type { AttestationWishes } from "../exchange/attestation.ts";
import { AttestationBook } from "../exchange/attestation-book.ts";
import { OWN_EVENTS, type OwnDigests } from "../kernel/attest.ts";
import type { Bytes } from "../kernel/bytes.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { seededRandom } from "./seeded-random.ts";
import { SoftChip, type SoftChipState } from "./soft-chip.ts";

const OWN_PCR = 14;
const FIRMWARE = 0x2017_0619_0016_3636n;
const DAY_S = 86_400;

export interface ChippedHouse {
  readonly chip: SoftChip;
  /** What it says of itself; a test or a scenario may change it. */
  state: Omit<SoftChipState, "clock">;
  /** How often its chip was asked for a quote. */
  quotes: number;
}

export interface ChipRules extends Pick<Policy, "unattested"> {
  readonly everyMs: number;
  /** 1 day when left out. */
  readonly maxAgeS?: number;
}

export class ChippedVillage {
  readonly houses: readonly ChippedHouse[];
  /** The state that the policy lists. */
  readonly own: OwnDigests;
  readonly #rules: ChipRules;
  readonly #byAuthor = new Map<string, number>();

  constructor(seed: string, count: number, rules: ChipRules) {
    const random = seededRandom(`${seed}/chips`);
    const [runtime, code, config, policy] = OWN_EVENTS.map(() => random.bytes(32));
    if (runtime === undefined || code === undefined || config === undefined || policy === undefined) {
      throw new Error("an agent has four events");
    }
    this.own = { runtime, code, config, policy };
    this.#rules = rules;
    const state = { own: this.own, resetCount: 7, restartCount: 0, safe: true, firmware: FIRMWARE };
    this.houses = Array.from({ length: count }, (_, index) => ({
      chip: new SoftChip(`${seed}/${index}`),
      state,
      quotes: 0,
    }));
  }

  /** For the agent of that house, at the beginning of each of its lives. */
  async wishesOf(
    index: number,
    { store, clock }: { readonly store: Store; readonly clock: Clock },
  ): Promise<(author: string) => AttestationWishes> {
    const house = this.#house(index);
    const records = await AttestationBook.open({
      store,
      policy: () => this.#policy(),
      nowS: () => Math.floor(clock.nowMs() / 1000),
      ownPcr: OWN_PCR,
      certified: (author) => {
        const at = this.#byAuthor.get(author);
        return at === undefined ? undefined : { akPublic: this.#house(at).chip.akPublic, name: `house ${at}` };
      },
    });
    const evidence = async (nonce: Uint8Array) => {
      house.quotes++;
      return house.chip.evidence(nonce, OWN_PCR, { ...house.state, clock: BigInt(Math.floor(clock.monotonicMs())) });
    };
    return (author) => {
      this.#byAuthor.set(author, index);
      return { records, prover: { ownPcr: OWN_PCR, pcrs: [OWN_PCR], evidence }, everyMs: this.#rules.everyMs };
    };
  }

  #policy(): Policy {
    const digests = OWN_EVENTS.map((name): [typeof name, readonly Bytes[]] => [name, [new Uint8Array(this.own[name])]]);
    return {
      version: 1,
      fromS: 0,
      untilS: 0xffff_ffff,
      pcrs: [OWN_PCR],
      own: new Map(digests),
      values: new Map(),
      firmware: [FIRMWARE],
      resets: "count",
      unattested: this.#rules.unattested,
      maxAgeS: this.#rules.maxAgeS ?? DAY_S,
    };
  }

  #house(index: number): ChippedHouse {
    const house = this.houses[index];
    if (house === undefined) throw new Error(`no house ${index}`);
    return house;
  }
}
