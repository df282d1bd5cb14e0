/**
 * How this node asks for what it lacks: by a count (WANT), or by its whole vector where nobody's words can be understood
 * (PULL). The neediest asks first, and whoever overhears that stays silent.
 * @module
 */
import { HourlyAllowance, type AllowanceRules } from "../allowance.ts";
import { REQUEST } from "../../radio/priority.ts";
import { SHORT_ID_BYTES, predictedSlots } from "../../wire/holdings.ts";
import { MAX_PULL_AUTHORS, MAX_PULL_BASES, MAX_PULL_TRIES, type Pull } from "../../wire/pull.ts";
import { MAX_WANT_SLOTS, MAX_WANT_TRIES } from "../../wire/want.ts";
import { TRIES_A_RELAY, type ExchangeParts, type Origin } from "../parts.ts";
import { backOff } from "../timing.ts";
import type { Floor } from "./floor.ts";
import type { Announced } from "./gathering.ts";
import type { IndexState } from "./state.ts";

export interface AskerPorts extends ExchangeParts {
  readonly state: IndexState;
  readonly floor: Floor;
}

interface Holder {
  readonly radio: number;
  readonly re: number;
  readonly hops: number | undefined;
  readonly streams: readonly Announced[];
  /** It pushed a stream, and was heard in part only. */
  readonly isPush: boolean;
}

const MAX_HOLDERS = 12;
/** In waits to speak: so long somebody has time to tell what it holds, before it is asked for at random. */
const EARLY = 3;
/** Asked so often in vain, the claim is given up. */
const MAX_TRIES = 30;
/** … or so often without any entry coming out, whatever slots came: anybody can make up slots. */
const MAX_IN_VAIN = 60;
/** So much sooner than for files the waits grow: where all ask, the channel is full, and the answer only waits for its turn. */
const HASTE = 6;
/** Questions in vain because of one radio's unknown bases, in an hour; and because of all radios' together. */
const PULLS: AllowanceRules = { times: 10, smallChange: 0 };
const ALL_RADIOS = 4;
const ANYBODY = "anybody";
const PULL_VECTOR_BYTES = 180;

export class Asker {
  readonly #ports: AskerPorts;
  /** Who said what it holds, by radio; the last one at the end. */
  readonly #holders = new Map<number, Holder>();
  /** The greatest lack that anybody may have: beside it one's own is great or small. */
  #scale = 1;
  #tries = 0;
  /** Questions since the last slots of a log that is known, or the last entries. */
  #inVain = 0;
  #pulls = 0;
  /** Who named a base that we do not know, and how often we asked because of that in vain. */
  #pullFor = 0;
  readonly #unknownBases = new HourlyAllowance(PULLS);
  /** True while the last question waits for its turn on air. */
  #waits = false;
  /** Since when the next question is put off; undefined when nothing is lacking. Monotonic ms. */
  #sinceMs: number | undefined;

  constructor(ports: AskerPorts) {
    this.#ports = ports;
  }

  /** Somebody said what it holds: it can be asked from now on. @param news slots of what was not known before */
  heardHolder(re: number, { from, hops }: Origin, streams: readonly Announced[], news: number, isPush = false): void {
    this.#holders.delete(from);
    this.#holders.set(from, { radio: from, re, hops, streams, isPush });
    const oldest = this.#holders.keys().next();
    if (this.#holders.size > MAX_HOLDERS && oldest.done !== true) this.#holders.delete(oldest.value);
    if (news > 0) this.#scale = Math.max(1, news);
  }

  /**
   * Coded slots came. The question that still waits for its turn counts as none: the next one is the first again.
   * @param isOfKnown true when authors who are known wrote some of them
   */
  progress(isOfKnown: boolean): void {
    this.#tries = 0;
    this.#waits = false;
    if (isOfKnown) this.#inVain = 0;
  }

  /** Entries came, and their author's signature held. */
  harvested(): void {
    this.#inVain = 0;
  }

  /** … from coded slots of that radio. */
  harvestedFrom(radio: number): void {
    this.#unknownBases.forget(`${radio}`);
    this.#unknownBases.forget(ANYBODY);
  }

  /** Waits for the end of the talk, then asks if something is still lacking. */
  arm(): void {
    const { state, floor, agenda, air, clock } = this.#ports;
    const { needed } = state.gathering;
    if (needed === 0) {
      agenda.cancel("index:ask");
      air.cancel("index:want");
      this.#tries = 0;
      this.#waits = false;
      this.#sinceMs = undefined;
      this.#holders.clear();
      return;
    }
    if (this.#tries > 0) return;
    air.cancel("index:want");
    this.#waits = false;
    const best = this.#best();
    const need = (best?.needed ?? 0) / Math.min(this.#scale, MAX_WANT_SLOTS);
    // While nobody said that it holds what we lack, somebody is about to.
    const early = best === undefined || best.isPush;
    const waitMs = early ? EARLY * floor.speakDelayMs(0) : floor.askDelayMs(need);
    const nowMs = clock.monotonicMs();
    this.#sinceMs ??= nowMs;
    const mostMs = this.#sinceMs + floor.patienceMs - nowMs;
    agenda.set("index:ask", Math.min(waitMs, Math.max(0, mostMs)), () => this.#ask());
  }

  /** Another asks for as much or more: the answer serves us, too. */
  heardWant(slots: number): void {
    const { agenda } = this.#ports;
    const needed = this.#best()?.needed ?? 0;
    if (needed === 0) return;
    this.#scale = Math.max(1, Math.min(this.#scale, slots));
    if (slots >= needed && agenda.has("index:ask")) this.#askAgain();
  }

  /** That radio names a base that we do not know: nothing can be asked about it but everything. False when that was done too often in vain. */
  pull(radio: number): boolean {
    const { agenda, floor } = this.#ports;
    if (!this.#mayPull(radio)) return false;
    this.#pullFor = radio;
    if (!agenda.has("index:pull")) agenda.set("index:pull", floor.askDelayMs(0.5 * floor.chance()), () => this.#pull());
    return true;
  }

  /** Another who holds just what we do asks for all that it lacks: the answer serves us, too. */
  heardPull({ bases }: Pull): void {
    const { agenda, air, state } = this.#ports;
    if (bases[0] !== state.vector.tag || !agenda.has("index:pull")) return;
    air.cancel("index:pull");
    this.#pulled();
  }

  #mayPull(radio: number): boolean {
    const nowMs = this.#ports.clock.monotonicMs();
    const left = (key: string, times: number): number => this.#unknownBases.left(key, times, nowMs);
    return left(`${radio}`, 1) > 0 && left(ANYBODY, ALL_RADIOS) > 0;
  }

  /** Something came that we understand. */
  understood(): void {
    this.#ports.agenda.cancel("index:pull");
    this.#ports.air.cancel("index:pull");
    this.#pulls = 0;
  }

  #ask(): void {
    const { state, air, clock, count } = this.#ports;
    if (state.gathering.needed === 0) return;
    this.#sinceMs = clock.monotonicMs();
    const holder = this.#best();
    if (this.#tries >= MAX_TRIES || this.#inVain >= MAX_IN_VAIN) {
      count("wants_given_up");
      this.#tries = 0;
      this.#inVain = 0;
      state.gathering.clear();
      return;
    }
    // A question that still waits for its turn was not asked in vain.
    if (!this.#waits) this.#tries++;
    this.#waits = true;
    const want = {
      type: "want",
      re: holder?.re ?? 0,
      slots: Math.min(MAX_WANT_SLOTS, holder?.needed ?? state.gathering.needed),
      tries: Math.min(MAX_WANT_TRIES, holder === undefined ? this.#tries + 1 : this.#tries - 1),
    } as const;
    air.say(want, {
      priority: REQUEST,
      key: "index:want",
      hops: this.#reach(holder?.hops, this.#tries - 1),
      onSent: () => {
        this.#waits = false;
        this.#inVain++;
        if (state.asked(holder?.radio, clock.monotonicMs())) count("wants_given_up");
        count("wants_said");
        this.#askAgain();
      },
    });
    this.#askAgain();
  }

  /** Who can tell us most; of several the last one heard. */
  #best(): (Holder & { readonly needed: number }) | undefined {
    const { state, clock } = this.#ports;
    const nowMs = clock.monotonicMs();
    let best: (Holder & { readonly needed: number }) | undefined;
    let most = 0;
    for (const holder of this.#holders.values()) {
      const needed = state.gathering.neededOf(holder.streams);
      const worthNow = worth(holder, needed) * state.credit.of(holder.radio, nowMs);
      if (needed > 0 && worthNow >= most) [best, most] = [{ ...holder, needed }, worthNow];
    }
    return best;
  }

  #askAgain(): void {
    const { agenda, floor, air } = this.#ports;
    const waitMs = floor.busyMs + 2.5 * floor.packetMs + (0.3 + 0.7 * floor.chance()) * floor.askWindowMs;
    agenda.set("index:ask", waitMs * backOff(air.timing(), this.#tries + HASTE), () => this.#ask());
  }

  #reach(hops: number | undefined, tries: number): number {
    return this.#ports.air.reach(hops === undefined ? undefined : hops + Math.floor(tries / TRIES_A_RELAY));
  }

  #pull(): void {
    const { state, air, count } = this.#ports;
    if (this.#pulls >= MAX_TRIES || !this.#mayPull(this.#pullFor)) {
      count("pulls_given_up");
      this.#pulls = 0;
      return;
    }
    air.say(this.#pullNow(), {
      priority: REQUEST,
      key: "index:pull",
      hops: this.#reach(state.neighbours.nearestHops(), this.#pulls),
      onSent: () => count("pulls_said"),
    });
    this.#pulled();
  }

  /** It was asked, by us or by another in our place. */
  #pulled(): void {
    const { air, agenda, floor, clock } = this.#ports;
    this.#pulls++;
    for (const key of [`${this.#pullFor}`, ANYBODY]) this.#unknownBases.spend(key, clock.monotonicMs());
    const waitMs = floor.busyMs + 4 * floor.packetMs + (1 + floor.chance()) * floor.askWindowMs;
    agenda.set("index:pull", waitMs * backOff(air.timing(), this.#pulls), () => this.#pull());
  }

  #pullNow(): Pull {
    const { vector, bases } = this.#ports.state;
    const members = [...vector.members()].filter(({ count }) => count > 0);
    const most = Math.min(MAX_PULL_AUTHORS, Math.floor(PULL_VECTOR_BYTES / (SHORT_ID_BYTES + 2)));
    const first = members.length <= most ? 0 : Math.floor(this.#ports.floor.chance() * members.length);
    const named = [...members.slice(first), ...members.slice(0, first)].slice(0, most);
    const rows = named.map(({ id, count }) => ({ author: id.subarray(0, SHORT_ID_BYTES), count }));
    rows.sort((a, b) => Buffer.compare(a.author, b.author));
    const distinct = rows.filter(
      ({ author }, i) => i === 0 || Buffer.compare(author, rows[i - 1]?.author ?? author) !== 0,
    );
    return {
      type: "pull",
      tries: Math.min(MAX_PULL_TRIES, this.#pulls),
      bases: bases.tags(MAX_PULL_BASES),
      partial: distinct.length < members.length,
      vector: distinct,
    };
  }
}

/** Who tells of all that it holds is asked before one who pushed. */
function worth({ isPush }: Holder, needed: number): number {
  return isPush ? needed / MAX_WANT_SLOTS : needed;
}

/** Slots that would bring somebody up to date, about. */
export function slotsFor(entries: number): number {
  return predictedSlots(Math.min(entries, 65_535));
}
