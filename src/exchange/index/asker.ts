/**
 * How this node asks for what it knows that it lacks: by a count (WANT), or by name (PULL) where a count would not tell. The
 * neediest asks first, and whoever overhears that stays silent.
 * @module
 */
import { toHex } from "../../kernel/bytes.ts";
import { REQUEST } from "../../radio/priority.ts";
import { MAX_PULL_TRIES, type Pull } from "../../wire/pull.ts";
import { MAX_WANT_SLOTS, MAX_WANT_TRIES, type Want } from "../../wire/want.ts";
import { TRIES_A_RELAY, type ExchangeParts, type Origin } from "../parts.ts";
import { backOff } from "../timing.ts";
import type { Floor } from "./floor.ts";
import { Holders, isFarther, type Choice, type Said } from "./holders.ts";
import { MAX_NAMED, namedRows, shortHex } from "./named-rows.ts";
import type { IndexState } from "./state.ts";
import { NOTHING } from "./vector.ts";

export interface AskerPorts extends ExchangeParts {
  readonly state: IndexState;
  readonly floor: Floor;
}

/** In waits to speak: so long somebody has time to tell what it holds, before it is asked for at random. */
const EARLY = 3;
/** Asked so often in vain, what is wanted is given up. */
const MAX_TRIES = 30;
/** … or so often without any entry coming out, whatever slots came: anybody can make up slots. */
const MAX_IN_VAIN = 60;
/** So much sooner than for files the waits grow: where all ask, the channel is full, and the answer only waits for its turn. */
const HASTE = 6;
const MOST_FAR_DOUBLINGS = 5;

export class Asker {
  readonly #ports: AskerPorts;
  readonly #holders = new Holders();
  /** The greatest lack that anybody may have: beside it one's own is great or small. */
  #scale = 1;
  #tries = 0;
  /** Questions since the last slots of a log that is known, or the last entries. */
  #inVain = 0;
  /** True while the last question waits for its turn on air. */
  #waits = false;
  /** Since when the next question is put off; undefined when nothing is lacking. Monotonic ms. */
  #sinceMs: number | undefined;
  /** Since when nothing came of what is lacking, and how often somebody far was asked since. */
  #fruitlessSinceMs = 0;
  #farTries = 0;

  constructor(ports: AskerPorts) {
    this.#ports = ports;
  }

  /** Somebody said what it holds: it can be asked from now on. @param news slots of what was not known before */
  heardHolder(origin: Origin, said: Said, news: number): void {
    this.#holders.note(origin, said);
    if (news > 0) this.#scale = Math.max(1, news);
  }

  /**
   * Coded slots came. The question that still waits for its turn counts as none: the next one is the first again.
   * @param isOfKnown true when authors who are known wrote some of them
   */
  progress(isOfKnown: boolean): void {
    if (isOfKnown) this.#inVain = 0;
    this.#begin();
  }

  /** Entries came, and their author's signature held. */
  harvested(): void {
    this.#inVain = 0;
  }

  #begin(): void {
    this.#tries = 0;
    this.#waits = false;
    this.#farTries = 0;
    this.#fruitlessSinceMs = this.#ports.clock.monotonicMs();
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
    const nowMs = clock.monotonicMs();
    if (this.#sinceMs === undefined) this.#begin();
    this.#sinceMs ??= nowMs;
    if (this.#tries > 0) return;
    air.cancel("index:want");
    this.#waits = false;
    const best = this.#best();
    if (best?.isFar === true) return this.#askLater();
    const need = (best?.needed ?? 0) / Math.min(this.#scale, MAX_WANT_SLOTS);
    // While nobody said that it holds what we lack, somebody is about to.
    const early = best === undefined || best.isPush;
    const waitMs = early ? EARLY * floor.speakDelayMs(0) : floor.askDelayMs(need);
    const mostMs = this.#sinceMs + floor.patienceMs - nowMs;
    agenda.set("index:ask", Math.min(waitMs, Math.max(0, mostMs)), () => this.#ask());
  }

  /** Another asks for as much or more: the answer serves us, too. */
  heardWant(slots: number, { hops }: Origin): void {
    const { agenda, state } = this.#ports;
    if (isFarther(hops, state.neighbours.nearestHops())) return;
    const needed = this.#best()?.needed ?? 0;
    if (needed === 0) return;
    this.#scale = Math.max(1, Math.min(this.#scale, slots));
    if (slots >= needed && agenda.has("index:ask")) this.#putOff();
  }

  /** Another asks by name for all that we lack: the answer serves us, too. */
  heardPull({ vector, partial }: Pull, { hops }: Origin): void {
    const { agenda, state } = this.#ports;
    if (!agenda.has("index:ask") || isFarther(hops, state.neighbours.nearestHops())) return;
    const named = new Set(vector.map(({ author }) => toHex(author)));
    const { wanted } = state.gathering;
    if (!partial || wanted.every(({ hex }) => named.has(shortHex(hex)))) this.#putOff();
  }

  /** Another asks for us, too: a question that still waits for its turn is withdrawn. */
  #putOff(): void {
    if (this.#waits) {
      this.#ports.air.cancel("index:want");
      this.#waits = false;
      this.#tries = Math.max(0, this.#tries - 1);
    }
    this.#askAgain();
  }

  #ask(): void {
    const { state, air, clock, count, floor } = this.#ports;
    if (state.gathering.needed === 0) return;
    // The answer is under way, more likely than not.
    if (floor.busyMs > 0 && clock.monotonicMs() - (this.#sinceMs ?? 0) < floor.patienceMs) return this.#askAgain();
    this.#sinceMs = clock.monotonicMs();
    const holder = this.#best();
    if (this.#tries >= MAX_TRIES || this.#inVain >= MAX_IN_VAIN) {
      count("wants_given_up");
      this.#tries = 0;
      this.#inVain = 0;
      state.gathering.clear();
      return;
    }
    if (holder === undefined) return this.#askAnybody();
    if (holder.isFar && clock.monotonicMs() < this.#farDueMs) return this.#askLater();
    // A question that still waits for its turn was not asked in vain.
    if (!this.#waits) this.#tries++;
    this.#waits = true;
    const question = holder.isLong ? this.#pullOf(holder) : this.#wantOf(holder);
    air.say(question, {
      priority: REQUEST,
      key: "index:want",
      hops: this.#reach(holder.hops, this.#tries - 1),
      onSent: () => {
        this.#waits = false;
        count(holder.isLong ? "pulls_said" : "wants_said");
        this.#inVain++;
        this.#holders.asked(holder);
        if (state.asked(holder.radio, clock.monotonicMs())) count("wants_given_up");
        if (holder.isFar) this.#farTries = Math.min(this.#farTries + 1, MOST_FAR_DOUBLINGS);
        this.#askAgain();
      },
    });
    this.#askAgain();
  }

  #wantOf({ re, needed }: Choice): Want {
    const tries = Math.min(MAX_WANT_TRIES, Math.max(0, this.#tries - 1));
    return { type: "want", re, slots: Math.min(MAX_WANT_SLOTS, needed), tries };
  }

  /** Of all that somebody told, what is lacking here, by name. */
  #pullOf({ streams, base }: Pick<Choice, "streams" | "base">): Pull {
    const { gathering, vector } = this.#ports.state;
    const lacking = streams.filter((stream) => gathering.neededOf([stream]) > 0).slice(0, MAX_NAMED);
    return {
      type: "pull",
      tries: Math.min(MAX_PULL_TRIES, Math.max(0, this.#tries - 1)),
      bases: base.tag === 0 ? [] : [base.tag],
      partial: true,
      vector: namedRows(lacking.map(({ hex }) => ({ hex, count: vector.count(hex) }))),
    };
  }

  #best(): Choice | undefined {
    const { clock, state } = this.#ports;
    const nowMs = clock.monotonicMs();
    return this.#holders.best({
      neededOf: (streams) => state.gathering.neededOf(streams),
      credit: (radio) => state.credit.of(radio, nowMs),
      nearest: state.neighbours.nearestHops(),
    });
  }

  /** Nobody who said that it holds what is lacking can be asked any more: whoever hears it may answer. */
  #askAnybody(): void {
    const { state, air, clock, count } = this.#ports;
    if (!this.#waits) this.#tries++;
    this.#waits = true;
    air.say(this.#pullOf({ streams: state.gathering.wanted, base: NOTHING }), {
      priority: REQUEST,
      key: "index:want",
      hops: this.#reach(state.neighbours.nearestHops(), this.#tries - 1),
      onSent: () => {
        this.#waits = false;
        this.#inVain++;
        if (state.asked(undefined, clock.monotonicMs())) count("wants_given_up");
        count("pulls_said");
        this.#askAgain();
      },
    });
    this.#askAgain();
  }

  /** Only somebody far has it. */
  #askLater(): void {
    const { agenda } = this.#ports;
    agenda.set("index:ask", this.#farWaitMs, () => this.#ask());
  }

  get #farDueMs(): number {
    return this.#fruitlessSinceMs + this.#ports.floor.farPatienceMs * 2 ** this.#farTries;
  }

  /** Spread, so that of many one asks for all. */
  get #farWaitMs(): number {
    const { clock, floor } = this.#ports;
    const leftMs = Math.max(0, this.#farDueMs - clock.monotonicMs());
    return leftMs + floor.askDelayMs(0) + 4 * floor.chance() * floor.askWindowMs;
  }

  #askAgain(): void {
    const { agenda, floor, air } = this.#ports;
    // Each relay says question and answer once more.
    const relays = this.#best()?.hops ?? 0;
    const answerMs = 2.5 * (1 + relays) * floor.packetMs;
    const waitMs = floor.busyMs + answerMs + (0.3 + 0.7 * floor.chance()) * floor.askWindowMs;
    agenda.set("index:ask", waitMs * backOff(air.timing(), this.#tries + HASTE), () => this.#ask());
  }

  #reach(hops: number | undefined, tries: number): number {
    return this.#ports.air.reach(hops === undefined ? undefined : hops + Math.floor(tries / TRIES_A_RELAY));
  }
}
