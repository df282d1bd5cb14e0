/**
 * What comes of the slots that are heard: streams that come out whole become part of their logs, if their authors signed
 * them. If a signature does not hold, somebody lied, and is looked for.
 * @module
 */
import { copyBytes, toHex } from "../../kernel/bytes.ts";
import { authorId } from "../../dag/author.ts";
import { decodeEntry } from "../../dag/entry.ts";
import type { MergeVerdict } from "../../dag/shard.ts";
import { Hourly } from "../hourly.ts";
import type { ExchangeParts } from "../parts.ts";
import type { Asker } from "./asker.ts";
import { keyOf, type Announced, type Part, type Solved, type Word } from "./gathering.ts";
import type { Puller } from "./puller.ts";
import type { IndexState } from "./state.ts";
import { parseStream } from "./streams.ts";
import { Witnesses, learnFrom, solve, type Testimony } from "./witnesses.ts";

export interface HarvestPorts extends ExchangeParts {
  readonly state: IndexState;
  readonly asker: Asker;
  readonly puller: Puller;
  /** More of a log is held. */
  readonly onGrown: () => void;
}

/** To solve again for more slots than these takes too long for what it brings: the streams are asked for anew. */
const MAX_TRIED_SLOTS = 256;
const MAX_TRIED_SENDERS = 6;
const TRIALS_AN_HOUR = 12;

export class Harvest {
  readonly #ports: HarvestPorts;
  readonly #witnesses = new Witnesses();
  readonly #trials = new Hourly(TRIALS_AN_HOUR);

  constructor(ports: HarvestPorts) {
    this.#ports = ports;
  }

  /** Coded slots over those streams. */
  async learn(streams: readonly Announced[], seed: number, coded: Uint8Array, word: Word): Promise<void> {
    const { state, asker, count } = this.#ports;
    const { radio: sender, nowMs } = word;
    if (this.#witnesses.isLiar(sender, nowMs)) return;
    const isSpent = state.credit.isSpent(sender, nowMs);
    const parts: Part[] = [];
    for (const stream of streams) {
      const part = await state.part(stream, nowMs);
      parts.push(isSpent ? { ...part, wanted: false } : part);
    }
    const { news, conflict } = state.gathering.learn({ sender, parts, seed, coded }, nowMs);
    if (conflict) count("repair_conflicts");
    if (news > 0 || conflict) this.#hear({ sender, streams, slots: { kind: "coded", seed, bytes: coded } });
    if (news > 0) state.credit.answered(sender, nowMs);
    if (news > 0) asker.progress(parts.some(({ hex, wanted }) => wanted && state.vector.count(hex) > 0));
    await this.gather(sender);
  }

  /** Radios whose slots are ignored now. */
  liars(): readonly { readonly radio: number; readonly untilMs: number }[] {
    return this.#witnesses.liars(this.#nowMs());
  }

  /** Slots of one stream as they are. False when it is not wanted, or there is no room. */
  async learnPiece(stream: Announced, first: number, bytes: Uint8Array, word: Word): Promise<boolean> {
    const { state } = this.#ports;
    const part = await state.part(stream, word.nowMs);
    if (this.#witnesses.isLiar(word.radio, word.nowMs)) return false;
    if (!part.wanted || !state.gathering.want(part, word)) return false;
    state.gathering.learnSlots(part, first, bytes, word);
    this.#hear({ sender: word.radio, streams: [stream], slots: { kind: "plain", first, bytes } });
    return true;
  }

  async merge(
    hex: string,
    id: Uint8Array,
    from: number,
    entries: readonly Uint8Array[],
    signature: Uint8Array | undefined,
  ): Promise<MergeVerdict> {
    const { state, asker, count, onGrown } = this.#ports;
    const { shard, gathering, vector, streams } = state;
    const verdict = await shard.merge(id, from + 1, entries, signature);
    count(`update_${verdict.kind}`);
    if (!state.refresh(this.#nowMs())) return verdict;
    asker.harvested();
    onGrown();
    const held = vector.count(hex);
    // While it was not known, its streams went by the beginning of its id.
    for (const open of gathering.wanted.filter((one) => hex.startsWith(one.hex))) {
      const stretch = { hex, id: copyBytes(id), from: open.from, to: open.to };
      const whole = open.to <= held ? await streams.whole(stretch) : undefined;
      const known = whole?.bytes ?? (await streams.beginning(stretch, held));
      gathering.held(open.hex, held, (one) =>
        one === open || (one.from === open.from && one.to === open.to) ? known : new Uint8Array(),
      );
    }
    this.#witnesses.prune((stream) => stream.to > vector.count(stream.hex));
    return verdict;
  }

  /** Takes what has come out whole. */
  async gather(sender: number): Promise<void> {
    const { state, count } = this.#ports;
    const untrue: Solved[] = [];
    for (const solved of state.gathering.takeSolved()) {
      const came = await this.#take(solved, sender);
      if (came === "false") untrue.push(solved);
    }
    if (untrue.length > 0) count("streams_refused");
    for (const solved of untrue.slice(0, 1)) await this.#investigate(solved, sender);
  }

  /** `false`: that is not what its author signed. */
  async #take({ hex, from, to, bytes }: Solved, sender: number): Promise<"merged" | "other" | "false"> {
    const { state, puller } = this.#ports;
    const parsed = parseStream(bytes, to - from);
    const first = parsed?.entries[0];
    const id = state.vector.member(hex)?.id ?? (first === undefined ? undefined : introduced(first));
    if (parsed === undefined || id === undefined || !toHex(id).startsWith(hex)) return "false";
    const verdict = await this.merge(toHex(id), id, from, parsed.entries, parsed.signature);
    state.refused.learn(hex, toHex(id), this.#nowMs());
    if (verdict.kind === "refused") return state.shard.accepts(toHex(id)) ? "false" : "other";
    if (verdict.kind !== "merged") return "other";
    state.credit.paid(sender);
    puller.harvestedFrom(sender);
    return "merged";
  }

  /** Somebody lied about that stream. Who, shows when it comes out true without one speaker. */
  async #investigate(stream: Announced, lastSender: number): Promise<void> {
    const { state } = this.#ports;
    const said = this.#witnesses.about(stream);
    const parts = new Map<string, Part>();
    for (const other of [stream, ...said.flatMap(({ streams }) => streams)]) {
      if (!parts.has(keyOf(other))) parts.set(keyOf(other), await state.part(other, this.#nowMs()));
    }
    const liar = await this.#liarIn(stream, said, parts);
    state.gathering.forgetAll([...parts.values()]);
    if (liar !== undefined) this.#accuse(liar);
    const nowMs = this.#nowMs();
    for (const part of parts.values()) {
      const now = await state.part(part, nowMs);
      parts.set(keyOf(part), now);
      // Without the liar's word the rest counts again; else all is asked for anew.
      if (now.wanted) state.gathering.want(now, { radio: lastSender, nowMs });
    }
    if (liar === undefined) return;
    for (const testimony of said) {
      if (testimony.sender !== liar) learnFrom(state.gathering, testimony, partIn(parts), nowMs);
    }
    await this.gather(lastSender);
  }

  async #liarIn(
    stream: Announced,
    said: readonly Testimony[],
    parts: ReadonlyMap<string, Part>,
  ): Promise<number | undefined> {
    const senders = [...new Set(said.map(({ sender }) => sender))].toReversed();
    const slots = [...parts.values()].reduce((sum, part) => sum + (part.whole ? 0 : part.slots), 0);
    if (senders.length < 2 || slots > MAX_TRIED_SLOTS || !this.#trials.take("all", this.#nowMs())) return undefined;
    for (const sender of senders.slice(0, MAX_TRIED_SENDERS)) {
      const others = said.filter((testimony) => testimony.sender !== sender);
      const solved = solve(stream, others, partIn(parts));
      const honest = others.at(-1)?.sender;
      if (solved !== undefined && honest !== undefined && (await this.#take(solved, honest)) === "merged")
        return sender;
    }
    return undefined;
  }

  #accuse(radio: number): void {
    const { count, log } = this.#ports;
    this.#witnesses.accuse(radio, this.#nowMs());
    count("slots_false");
    log.warn("a radio sent false slots of the index; its slots are ignored for an hour", { radio });
  }

  #hear(testimony: Testimony): void {
    this.#witnesses.hear(testimony);
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }
}

function partIn(parts: ReadonlyMap<string, Part>): (stream: Announced) => Part {
  return (stream) => parts.get(keyOf(stream)) ?? { ...stream, bytes: new Uint8Array(), whole: false, wanted: false };
}

/** The author whom a log's first entry introduces. */
export function introduced(first: Uint8Array): Uint8Array | undefined {
  const entry = decodeEntry(first);
  return entry.ok && entry.value.kind === "author" ? authorId(copyBytes(entry.value.publicKey)) : undefined;
}
