/**
 * What those who ask may cost this node in an hour, in full packets.
 *
 * Questions are not signed, and anybody can make up a radio's number. So a number is worth nothing by itself: while members
 * are heard, all that are nobody's share one pool. (Who has written nothing yet is among them; that is most of a young
 * village, so without members the pool is all.) A member, the radio that was heard first to speak as an author whose log is
 * here, has an hour of its own, for as long as it is heard. When members together have had all that the node can say, who
 * has had less comes before who has had more. What this does not stop: who speaks as members that are out of reach, or under
 * their numbers.
 * @module
 */
import { HourlyAllowance } from "./allowance.ts";

/** One radio for each author. */
export class Members {
  readonly #radios = new Map<string, { readonly radio: number; readonly atMs: number }>();
  readonly #authors = new Map<number, string>();

  get size(): number {
    return this.#radios.size;
  }

  /** True when some member was heard within two hours. */
  areAbout(nowMs: number): boolean {
    return [...this.#radios.values()].some(({ atMs }) => nowMs - atMs < ABSENT_MS);
  }

  has(radio: number): boolean {
    return this.#authors.has(radio);
  }

  /** That radio speaks as this author, whose log is here. Who was first stays, until it was silent for two hours. */
  note(radio: number, authorHex: string, nowMs: number): void {
    const before = this.#radios.get(authorHex);
    if (before !== undefined && before.radio !== radio && nowMs - before.atMs < ABSENT_MS) return;
    const other = this.#authors.get(radio) ?? authorHex;
    if (other !== authorHex) return;
    if (before !== undefined) this.#authors.delete(before.radio);
    this.#radios.delete(authorHex);
    this.#radios.set(authorHex, { radio, atMs: nowMs });
    this.#authors.set(radio, authorHex);
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    const [oldest] = this.#radios;
    if (this.#radios.size <= MAX_MEMBERS || oldest === undefined) return;
    this.#radios.delete(oldest[0]);
    this.#authors.delete(oldest[1].radio);
  }
}

/** What a radio may have of this node: `limited` is as who is no member, `none` is nothing but alerts. */
export type Rights = "full" | "limited" | "none";

const ABSENT_MS = 7_200_000;
const MAX_MEMBERS = 512;
/** About a third of what LongFast carries in an hour: a file of 64 KB and half of it again. */
const MOST_A_RADIO = 600;
/** A member has so many even when others have used up the hour: a small file. */
const LEAST_A_MEMBER = 24;
/** Of the hour's packets, for all who are no members. */
export const FILES_POOL = 1 / 2;
export const INDEX_POOL = 1 / 4;
const ALL_MEMBERS = "members";
const ALL_OTHERS = "others";

export class NeighboursBudget {
  readonly #members: Members;
  readonly #packetsAnHour: () => number;
  readonly #poolPart: number;
  readonly #rightsOf: (radio: number) => Rights;
  readonly #spent = new HourlyAllowance({ times: 1, smallChange: 0 });

  /** @param packetsAnHour that this node may say @param poolPart of these, for all who are no members */
  constructor(
    members: Members,
    packetsAnHour: () => number,
    poolPart: number,
    rightsOf: (radio: number) => Rights = () => "full",
  ) {
    this.#members = members;
    this.#rightsOf = rightsOf;
    this.#poolPart = poolPart;
    this.#packetsAnHour = packetsAnHour;
  }

  /** True for who has to leave something to the members that are about. */
  isGuest(radio: number, nowMs: number): boolean {
    if (this.#rightsOf(radio) !== "full") return true;
    return !this.#members.has(radio) && this.#members.areAbout(nowMs);
  }

  /** Packets that this radio may still cost. @param nowMs monotonic */
  left(radio: number, nowMs: number): number {
    const rights = this.#rightsOf(radio);
    if (rights === "none") return 0;
    const anHour = this.#packetsAnHour();
    if (!this.#members.has(radio) || rights === "limited") {
      const pool = this.isGuest(radio, nowMs) ? Math.max(LEAST_A_MEMBER, anHour * this.#poolPart) : anHour;
      return Math.min(this.#left(ALL_OTHERS, pool, nowMs), this.#left(keyOf(radio), MOST_A_RADIO, nowMs));
    }
    const scarce = this.#left(ALL_MEMBERS, anHour, nowMs) === 0;
    const share = Math.max(LEAST_A_MEMBER, anHour / 2 / Math.max(1, this.#members.size));
    return this.#left(keyOf(radio), scarce ? Math.min(share, MOST_A_RADIO) : MOST_A_RADIO, nowMs);
  }

  spend(radio: number, packets: number, nowMs: number): void {
    if (packets <= 0) return;
    this.#spent.spend(keyOf(radio), nowMs, packets);
    const isMember = this.#members.has(radio) && this.#rightsOf(radio) === "full";
    this.#spent.spend(isMember ? ALL_MEMBERS : ALL_OTHERS, nowMs, packets);
  }

  #left(key: string, most: number, nowMs: number): number {
    return this.#spent.left(key, Math.floor(most), nowMs);
  }
}

function keyOf(radio: number): string {
  return `radio ${radio}`;
}
