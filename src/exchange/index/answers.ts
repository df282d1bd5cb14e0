/**
 * What is done when somebody asks: for a count of slots (WANT), or for all that it lacks (PULL).
 *
 * Who asks costs airtime to everybody, so each asker has an hourly allowance, and an asker that insists is answered
 * one hop farther than last time: the answer may have got lost on the way.
 * @module
 */
import { keepRecent } from "../../kernel/recent.ts";
import { HourlyAllowance } from "../allowance.ts";
import { Insistence } from "../insistence.ts";
import type { NeighboursBudget } from "../neighbours-budget.ts";
import type { ExchangeParts, Origin } from "../parts.ts";
import type { Pull } from "../../wire/pull.ts";
import type { Want } from "../../wire/want.ts";
import type { Floor } from "./floor.ts";
import type { Speaker } from "./speaker.ts";
import type { Over } from "./offers.ts";
import { countIn, type IndexState, type Lack, type Resolved } from "./state.ts";
import { NOTHING, type Base } from "./vector.ts";

export interface AnswersPorts extends ExchangeParts {
  readonly state: IndexState;
  readonly floor: Floor;
  readonly speaker: Speaker;
  readonly budget: NeighboursBudget;
}

/** Slots that one packet brings, about: the measure of what an asker may cost. */
const SLOTS_A_PACKET = 12;
/** Asked so often about what another said, that one seems to be away. */
const HELPED_FROM = 2;
const MAX_HEARD = 64;
const TELL = "index:tell";

interface Pulled {
  readonly base: Base;
  readonly lacks: readonly Lack[];
  readonly tries: number;
  readonly hops: number;
}

export class Answers {
  readonly #ports: AnswersPorts;
  readonly #allowance = new HourlyAllowance();
  readonly #insistence = new Insistence();
  /** What others said lately that they hold, by the number that questions refer to. */
  readonly #heard = new Map<number, Resolved>();
  /** Whom we are about to answer who asked by name. */
  #pulled: Pulled | undefined;
  /** Over which base somebody is to be told soon. */
  #telling: Base | undefined;

  constructor(ports: AnswersPorts) {
    this.#ports = ports;
  }

  /** Others may ask about what this one said; when it is away, we can help. */
  heard(re: number, said: Resolved): void {
    keepRecent(this.#heard, re, said, MAX_HEARD);
  }

  /** Somebody answers already. Who asks a third time does not hear that one. */
  heardRepair({ streams }: Resolved): void {
    if (this.#pulled === undefined || this.#pulled.tries >= HELPED_FROM) return;
    const told = new Set(streams.map(({ hex }) => hex));
    const lacks = this.#pulled.lacks.filter(({ member }) => !told.has(member.hex));
    this.#pulled = { ...this.#pulled, lacks };
    if (lacks.length === 0) this.#ports.agenda.cancel("index:pulled");
  }

  /** Somebody asks. Whoever it asks answers; others who hold the same, only when that one seems to be away. */
  onWant({ re, slots, tries }: Want, origin: Origin): void {
    const { speaker } = this.#ports;
    // It was asked before, and still waits for its turn.
    if (speaker.promised(re) * SLOTS_A_PACKET >= slots) return;
    const inPlace = tries >= HELPED_FROM && !speaker.saidLately(re) ? this.#inPlaceOf(re) : undefined;
    if ((inPlace === undefined && !speaker.saidLately(re)) || !this.#mayServe(origin, slots)) return;
    const farther = this.#insistence.note(`${origin.from} ${re}`, slots);
    if (inPlace === undefined) speaker.answerAbout(re, slots, this.#back(origin, farther));
    else speaker.owe(slots, inPlace);
  }

  /** Somebody asks for all that it lacks. */
  async onPull(pull: Pull, origin: Origin): Promise<void> {
    // Before anything is read: that costs more than a look.
    if (!this.#mayServe(origin, 0)) return;
    const theirs = this.#countsOf(pull);
    const known = pull.bases
      .map((tag) => this.#ports.state.bases.find(tag))
      .find((base) => base !== undefined && isTrueFor(base, theirs));
    const asksForNothing = pull.partial ? pull.vector.length === 0 : known === undefined && pull.bases.length > 0;
    if (asksForNothing) return this.#tell(NOTHING, origin);
    const lacks = this.#lackedBy(pull, theirs, known);
    // It is in step, and only does not understand what others speak of: it hears it in words that it knows.
    if (known !== undefined && lacks.length === 0 && !pull.partial) return this.#tell(known, origin);
    const slots = await this.#ports.state.slotsFor(lacks);
    if (slots === 0 || !this.#mayServe(origin, slots)) return;
    const hops = this.#back(origin, this.#insistence.note(`${origin.from} pull`, slots));
    const { agenda, floor, state } = this.#ports;
    if (agenda.has("index:pulled")) return;
    this.#pulled = { base: known ?? NOTHING, lacks, tries: pull.tries, hops };
    agenda.set("index:pulled", floor.busyMs + floor.takeOverDelayMs(state.handicap), () => this.#answerPull());
  }

  /** Somebody else told what it holds over that base: who was to be told has heard it. */
  heardOver(base: Base): void {
    if (this.#telling !== base) return;
    this.#ports.agenda.cancel(TELL);
    this.#ports.air.cancel(TELL);
  }

  /** It is told what there is, over a base that it knows, and asks for what it lacks. */
  #tell(base: Base, origin: Origin): void {
    const { agenda, floor, state, speaker } = this.#ports;
    if (agenda.has(TELL) || !this.#mayServe(origin, 1)) return;
    this.#telling = base;
    const hops = this.#back(origin, this.#insistence.note(`${origin.from} tell`, 1));
    const waitMs = floor.busyMs + floor.takeOverDelayMs(state.handicap);
    agenda.set(TELL, waitMs, () => speaker.sayBeacon({ hops, base, key: TELL }));
  }

  async #answerPull(): Promise<void> {
    if (this.#pulled === undefined) return;
    const { base, lacks, hops } = this.#pulled;
    this.#pulled = undefined;
    const { speaker, state } = this.#ports;
    speaker.answer(await state.slotsFor(lacks), hops, { base, lacks });
  }

  /** What somebody else said that it holds, as much as we do; undefined when that is less than half. */
  #inPlaceOf(re: number): Over | undefined {
    const said = this.#heard.get(re);
    if (said === undefined) return undefined;
    const { vector } = this.#ports.state;
    const lacks = said.streams.flatMap(({ hex, from, to }) => {
      const member = vector.member(hex);
      return member !== undefined && member.count >= to ? [{ member, from }] : [];
    });
    if (lacks.length * 2 < said.streams.length) return undefined;
    return said.partial ? { base: said.base, lacks } : said.base;
  }

  /** What the asker says that it holds, by id in hex. */
  #countsOf({ vector }: Pull): ReadonlyMap<string, number> {
    const theirs = new Map<string, number>();
    for (const { author, count } of vector) {
      for (const hex of this.#ports.state.vector.matching(author)) theirs.set(hex, count);
    }
    return theirs;
  }

  /** @param known a base that the asker holds at least */
  #lackedBy({ partial }: Pull, theirs: ReadonlyMap<string, number>, known: Base | undefined): readonly Lack[] {
    return [...this.#ports.state.vector.members()].flatMap((member) => {
      const inBase = known === undefined ? 0 : countIn(known, member.hex);
      const from = Math.max(inBase, theirs.get(member.hex) ?? (partial ? member.count : 0));
      return member.count > from ? [{ member, from }] : [];
    });
  }

  /** Who asks for everything again and again costs only itself. */
  #mayServe({ from }: Origin, slots: number): boolean {
    const key = `asker ${from}`;
    const packets = Math.ceil(slots / SLOTS_A_PACKET);
    const { budget, clock } = this.#ports;
    const nowMs = clock.monotonicMs();
    const left = Math.min(this.#allowance.left(key, Math.max(packets, 10), nowMs), budget.left(from, nowMs));
    if (left === 0) {
      this.#ports.count("wants_refused_budget");
      return false;
    }
    this.#allowance.spend(key, nowMs, Math.min(packets, left));
    budget.spend(from, Math.min(packets, left), nowMs);
    return true;
  }

  #back({ hops }: Origin, farther: number): number {
    return this.#ports.air.reach(hops === undefined ? undefined : hops + farther);
  }
}

/** Who names a base holds all of it; who then says that it holds less has lost some, and is taken at its word. */
function isTrueFor({ members }: Base, theirs: ReadonlyMap<string, number>): boolean {
  return members.every(({ hex, count }) => (theirs.get(hex) ?? count) >= count);
}
