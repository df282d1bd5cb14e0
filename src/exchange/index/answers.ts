/**
 * What is done when somebody asks: for a count of slots (WANT), or for all that it lacks (PULL).
 *
 * Who asks costs airtime to everybody, so each asker has an hourly allowance, and an asker that insists is answered
 * one hop farther than last time: the answer may have got lost on the way.
 * @module
 */
import { HourlyAllowance } from "../allowance.ts";
import { Insistence } from "../insistence.ts";
import type { NeighboursBudget } from "../neighbours-budget.ts";
import type { ExchangeParts, Origin } from "../parts.ts";
import type { Pull } from "../../wire/pull.ts";
import type { Want } from "../../wire/want.ts";
import { slotsFor } from "./asker.ts";
import type { Floor } from "./floor.ts";
import { overFor } from "./offers.ts";
import type { Speaker } from "./speaker.ts";
import { countIn, type IndexState, type Lack } from "./state.ts";
import type { Base } from "./vector.ts";

export interface AnswersPorts extends ExchangeParts {
  readonly state: IndexState;
  readonly floor: Floor;
  readonly speaker: Speaker;
  readonly budget: NeighboursBudget;
}

/** Slots that one packet brings, about: the measure of what an asker may cost. */
const SLOTS_A_PACKET = 12;
/** Packets of 512 slots, which is the longest answer. */
const MOST_AN_ANSWER = 43;

export class Answers {
  readonly #ports: AnswersPorts;
  readonly #allowance = new HourlyAllowance();
  readonly #insistence = new Insistence();

  constructor(ports: AnswersPorts) {
    this.#ports = ports;
  }

  /** Somebody asks. Whoever was heard last answers; the others only when it seems to be away. */
  onWant({ re, slots, tries }: Want, origin: Origin): void {
    const { current } = this.#ports.state.bases;
    // It was asked before, and still waits for its turn.
    if (this.#ports.speaker.promised(re) * SLOTS_A_PACKET >= slots) return;
    const canHelp = tries >= 2 && this.#ports.state.newsOver(current).length > 0;
    if ((this.#ports.speaker.saidLately(re) || canHelp) && this.#mayServe(origin, slots)) {
      const farther = this.#insistence.note(`${origin.from} ${re}`, slots);
      if (!this.#ports.speaker.answerAbout(re, slots, this.#back(origin, farther)))
        this.#ports.speaker.owe(slots, current);
    }
  }

  /** Somebody asks for all that it lacks. */
  onPull(pull: Pull, origin: Origin): void {
    const theirs = this.#told(pull);
    const known = pull.bases
      .map((tag) => this.#ports.state.bases.find(tag))
      .find((base) => base !== undefined && isTrueFor(base, pull, theirs));
    const lacks = this.#lackedBy(pull, theirs, known);
    const blind = known === undefined && lacks.length === 0 ? this.#unnamedBy(pull) : [];
    if (blind.length > 0) return this.#answerLater(SLOTS_A_PACKET, origin, blind);
    const slots = lacks.reduce((sum, { member, from }) => sum + slotsFor(member.count - from), 0);
    this.#answerLater(slots, origin, known === undefined ? lacks : overFor(known, lacks));
  }

  #answerLater(slots: number, origin: Origin, over: Base | readonly Lack[]): void {
    if (slots > 0 && this.#mayServe(origin, slots)) {
      const farther = this.#insistence.note(`${origin.from} pull`, slots);
      const { agenda } = this.#ports;
      if (!agenda.has("index:pulled")) {
        agenda.set("index:pulled", this.#ports.floor.speakDelayMs(this.#ports.state.handicap), () =>
          this.#ports.speaker.answer(Math.min(slots, 512), this.#back(origin, farther), over),
        );
      }
    }
  }

  /** What the asker says that it holds, by id in hex. */
  #told({ vector }: Pull): ReadonlyMap<string, number> {
    const theirs = new Map<string, number>();
    for (const { author, count } of vector) {
      for (const hex of this.#ports.state.vector.matching(author)) theirs.set(hex, count);
    }
    return theirs;
  }

  /** @param known a base that the asker holds */
  #lackedBy({ partial }: Pull, theirs: ReadonlyMap<string, number>, known: Base | undefined): readonly Lack[] {
    return [...this.#ports.state.vector.members()].flatMap((member) => {
      const inBase = known === undefined ? undefined : countIn(known, member.hex);
      const from = Math.max(
        inBase ?? 0,
        theirs.get(member.hex) ?? (partial && inBase === undefined ? member.count : 0),
      );
      return member.count > from ? [{ member, from }] : [];
    });
  }

  /**
   * Who asked in vain, and had no room to name all that it holds, lacks something that it did not name. Nobody can tell what:
   * it hears of some of that, others each time, and asks for what is new to it.
   */
  #unnamedBy({ vector, partial, tries }: Pull): readonly Lack[] {
    if (!partial || tries === 0) return [];
    const { state } = this.#ports;
    const named = new Set(vector.flatMap(({ author }) => state.vector.matching(author)));
    return [...state.vector.members()].filter(({ hex }) => !named.has(hex)).map((member) => ({ member, from: 0 }));
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
    budget.spend(from, Math.min(packets, left, MOST_AN_ANSWER), nowMs);
    return true;
  }

  #back({ hops }: Origin, farther: number): number {
    return this.#ports.air.reach(hops === undefined ? undefined : hops + farther);
  }
}

/** Who names a base holds all of it; who then says that it holds less has lost some, and is taken at its word. */
function isTrueFor({ members }: Base, { partial }: Pull, theirs: ReadonlyMap<string, number>): boolean {
  return members.every(({ hex, count }) => (theirs.get(hex) ?? (partial ? count : 0)) >= count);
}
