/**
 * Answers requests for blocks: one stream of coded symbols a block, whoever asks.
 *
 * Of several holders one answers: the file's author, or who has spoken of the block last; the others only when questions
 * stay unanswered. What another holder says is held against the block itself, so a false symbol silences nobody.
 * @module
 */
import { equalBytes, toHex } from "../../kernel/bytes.ts";
import { refOf, type BlockRef } from "../../dag/block-ref.ts";
import type { Shard } from "../../dag/shard.ts";
import { traced, type SpanContext } from "../../ports/tracer.ts";
import { unpackText } from "../../codec/short-text.ts";
import { chance } from "../../radio/chance.ts";
import { ANSWER } from "../../radio/priority.ts";
import { MAX_BLOCK_BYTES, type Coded } from "../../wire/coded.ts";
import { MAX_NAME_BYTES, SHORT_PREFIX_BYTES, type Get, type GetTarget } from "../../wire/get.ts";
import type { SayOptions } from "../air.ts";
import { HourlyAllowance, THING_RULES, type AllowanceRules } from "../allowance.ts";
import { Insistence } from "../insistence.ts";
import type { NeighboursBudget } from "../neighbours-budget.ts";
import type { ExchangeParts, Origin } from "../parts.ts";
import { ANSWER_SPREAD, firstWaitMs, packetMs, priceOf } from "./asking.ts";
import { codedForm, type CodedForm } from "./coded-form.ts";
import { symbolsAskedBy } from "./question.ts";
import { Stream, streamKey } from "./stream.ts";
import type { Suspects } from "./suspects.ts";

export interface ServePorts extends ExchangeParts {
  readonly shard: Pick<Shard, "author" | "findBlockByPrefix" | "getBlock" | "filesOf" | "resolve">;
  readonly suspects: Suspects;
  readonly budget: NeighboursBudget;
  /** Agents that could hold the same: all that are known but one, who asks. */
  readonly audience: () => number;
  /** What is lost on the way to a listener is not known here; what is lost on the way to us is near enough. */
  readonly lossRatio: () => number;
}

/** Blocks that are streamed, or were lately: what bounds the memory is this times 16 KB. */
const MAX_STREAMS = 16;
const MAX_REMEMBERED = 1_024;
/** In multiples of the block's own symbols: for who is far away and loses two of three. */
const MOST_AT_ONCE = 4;
/** A symbol that has not left after so many packets' time is worth nothing to its asker any more. */
const STALL_IN_PACKETS = 24;
/** After the first symbol of a burst, in packets, from its beginning. */
const BEGINNING_PAUSE = 1.5;
/** Another holder, who has answered before, is left to answer so many questions; then it is taken to be gone. */
const LEFT_TO_OTHERS = 2;
/** What all guests together may have of one block, and of the streams at one time: half. */
const HALF_RULES: AllowanceRules = { times: THING_RULES.times / 2, smallChange: THING_RULES.smallChange / 2 };
const MAX_STREAMS_OF_GUESTS = MAX_STREAMS / 2;

export class Serve {
  readonly #ports: ServePorts;
  readonly #perBlock = new HourlyAllowance();
  /** Of each block what it has cost for guests. */
  readonly #perBlockOfGuests = new HourlyAllowance(HALF_RULES);
  readonly #insistence = new Insistence();
  readonly #streams = new Map<string, Stream>();
  /** Blocks, by prefix, of which others were heard to speak. */
  readonly #answeredByOthers = new Set<string>();

  constructor(ports: ServePorts) {
    this.#ports = ports;
  }

  async onGet(get: Get, origin: Origin): Promise<void> {
    const { budget, count, tracer } = this.#ports;
    const { from } = origin;
    // Before the block is read and packed: that costs more than a look.
    if (budget.left(from, this.#nowMs()) === 0) return count("gets_refused_budget");
    const stream = await traced(tracer, "air.lookup", {}, () => this.#streamFor(get.target));
    if (stream === undefined) return;
    stream.unanswered++;
    if (!stream.isFirst && stream.unanswered <= LEFT_TO_OTHERS) return count("gets_left_to_others");
    if (this.#isCrowded(stream, from)) return count("gets_refused_busy");
    const owed = this.#owedTo(stream, get, origin);
    if (owed === 0) return count("gets_refused_budget");
    this.#owe(stream, owed, from);
  }

  /** What is then owed to all who asked; 0 when nothing is, and nothing may be. */
  #owedTo(stream: Stream, { amount }: Get, { from, hops }: Origin): number {
    const { air, lossRatio } = this.#ports;
    const idle = stream.owed === 0;
    const asked = symbolsAskedBy(amount, stream.k, priceOf(air, lossRatio()));
    const farther = this.#insistence.note(`${from} ${stream.key}`, asked);
    const reach = air.reach(hops === undefined ? undefined : hops + farther);
    stream.hops = idle ? reach : Math.max(stream.hops, reach);
    // Several who ask at once are served by the same symbols: the neediest decides how many. Who comes late to a burst is
    // not yet owed its losses: most of them will be made good by what others lose.
    const wanted = idle || amount.kind === "more" ? asked : Math.min(asked, stream.k);
    return Math.max(stream.owed, Math.min(wanted, this.#allowed(stream, from)));
  }

  #owe(stream: Stream, owed: number, from: number): void {
    const { agenda, budget, count, tracer } = this.#ports;
    const { key } = stream;
    const asked = tracer?.here();
    const idle = stream.owed === 0;
    this.#spend(stream, from, owed - stream.owed);
    stream.owed = owed;
    stream.isOfGuests = budget.isGuest(from, this.#nowMs()) && (stream.isOfGuests || idle);
    stream.isBeginning ||= idle;
    count("gets_answered");
    if (idle && !agenda.set(`stream:${key}`, this.#delayMs(stream), () => this.#say(key, asked))) stream.owed = 0;
  }

  /** A guest begins no stream while half of them run for guests. */
  #isCrowded({ owed }: Stream, from: number): boolean {
    if (owed > 0 || !this.#ports.budget.isGuest(from, this.#nowMs())) return false;
    const ofGuests = [...this.#streams.values()].filter((stream) => stream.owed > 0 && stream.isOfGuests);
    return ofGuests.length >= MAX_STREAMS_OF_GUESTS;
  }

  /** Another holder answers: what it says need not be said again by us. */
  onCoded(coded: Coded, { from }: Origin): void {
    const alike = this.#streamsOf(coded.prefix);
    const stream = alike.find((one) => one.verdict(coded) === "true") ?? alike[0];
    if (stream === undefined) return this.#noteAnswered(toHex(coded.prefix));
    const verdict = stream.verdict(coded);
    if (verdict === "other cut") return this.#ports.count("coded_other_cut");
    const isTrue = verdict === "true";
    this.#ports.suspects.note(from, { lies: isTrue ? 0 : 1, truths: isTrue ? 1 : 0 }, this.#nowMs());
    if (!isTrue) return this.#ports.count("coded_false");
    const speaks = stream.owed > 0;
    stream.heard(coded);
    // Who has more to say goes on, and will be the one to be asked; at a draw chance decides.
    const yields = coded.left > stream.owed || (coded.left === stream.owed && chance(this.#ports.random) < 1 / 2);
    if (speaks && !yields) return;
    stream.isFirst = false;
    if (speaks) this.#hush(stream);
  }

  /** True for a block that is held, and was asked for lately. */
  knows(prefix: Uint8Array): boolean {
    return this.#streamsOf(prefix).length > 0;
  }

  /** Two blocks can have one prefix. */
  #streamsOf(prefix: Uint8Array): readonly Stream[] {
    return [...this.#streams.values()].filter((stream) => equalBytes(stream.prefix, prefix));
  }

  #noteAnswered(key: string): void {
    this.#answeredByOthers.delete(key);
    this.#answeredByOthers.add(key);
    const oldest = this.#answeredByOthers.values().next();
    if (this.#answeredByOthers.size > MAX_REMEMBERED && oldest.done !== true)
      this.#answeredByOthers.delete(oldest.value);
  }

  #hush(stream: Stream): void {
    stream.owed = 0;
    this.#ports.agenda.cancel(`stream:${stream.key}`);
    this.#ports.air.cancel(`coded:${stream.key}`);
    this.#ports.count("answers_left_to_others");
  }

  #allowed(stream: Stream, from: number): number {
    const nowMs = this.#nowMs();
    const { budget } = this.#ports;
    const { key } = stream;
    const ofBlock = this.#perBlock.left(key, stream.k, nowMs);
    const ofGuests = stream.owed + this.#perBlockOfGuests.left(key, stream.k, nowMs);
    const ofKind = budget.isGuest(from, nowMs) ? ofGuests : ofBlock;
    const ofAsker = stream.owed + budget.left(from, nowMs);
    return Math.min(MOST_AT_ONCE * stream.k + MOST_AT_ONCE, ofBlock, ofKind, ofAsker);
  }

  #spend(stream: Stream, from: number, packets: number): void {
    const { budget } = this.#ports;
    const nowMs = this.#nowMs();
    budget.spend(from, packets, nowMs);
    if (budget.isGuest(from, nowMs)) this.#perBlockOfGuests.spend(stream.key, nowMs, packets);
  }

  #delayMs(stream: Stream): number {
    if (stream.isFirst) return 0;
    const { air, audience, random } = this.#ports;
    const paceMs = packetMs(air, stream.hops);
    const pace = { packetMs: paceMs, audience: audience(), hops: stream.hops };
    return ANSWER_SPREAD * paceMs + firstWaitMs(pace, chance(random));
  }

  async #streamFor(target: GetTarget): Promise<Stream | undefined> {
    const ref = await this.#find(target);
    if (ref === undefined) return undefined;
    const key = streamKey(ref.digest);
    const known = this.#streams.get(key);
    if (known !== undefined) {
      this.#streams.delete(key);
      this.#streams.set(key, known);
      return known;
    }
    const block = await this.#ports.shard.getBlock(ref);
    if (block === undefined || block.length === 0 || block.length > MAX_BLOCK_BYTES) return undefined;
    const answered = this.#answeredByOthers.has(toHex(ref.digest.subarray(0, SHORT_PREFIX_BYTES)));
    const isFirst = !answered && (await this.#isOwn(ref));
    // While the disk was read a second request may have begun the same stream.
    const other = this.#streams.get(key);
    if (other !== undefined || !this.#makeRoom()) return other;
    const makeForm = (): CodedForm => codedForm(block, this.#ports.air.maxMessageBytes);
    const stream = new Stream(ref.digest, makeForm, isFirst, chance(this.#ports.random));
    // Nobody else was heard to answer: whoever holds it may.
    if (!answered) stream.unanswered = LEFT_TO_OTHERS;
    this.#streams.set(key, stream);
    return stream;
  }

  /** The held block that is meant. */
  async #find(target: GetTarget): Promise<BlockRef | undefined> {
    const { shard } = this.#ports;
    if (target.kind === "prefix") return shard.findBlockByPrefix(target.prefix);
    const text = textOf(target);
    if (text === undefined) return undefined;
    const row = (await shard.resolve(text)).find(({ cid }) => cid !== undefined);
    return row?.cid === undefined ? undefined : refOf(row.cid);
  }

  async #isOwn({ digest }: BlockRef): Promise<boolean> {
    const own = toHex(this.#ports.shard.author.id);
    return (await this.#ports.shard.filesOf(digest)).some(({ author }) => author === own);
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  /** Forgets the stream that is idle for longest; false when all are busy. */
  #makeRoom(): boolean {
    if (this.#streams.size < MAX_STREAMS) return true;
    for (const [key, stream] of this.#streams) {
      if (stream.owed > 0) continue;
      this.#streams.delete(key);
      return true;
    }
    this.#ports.count("gets_refused_busy");
    return false;
  }

  /** One symbol is in the radio's queue at a time; the next follows when it has left. */
  #say(key: string, asked: SpanContext | undefined): void {
    const stream = this.#streams.get(key);
    if (stream === undefined || stream.owed === 0) return;
    this.#perBlock.spend(key, this.#nowMs());
    stream.isFirst = true;
    stream.unanswered = 0;
    const { agenda, air, tracer } = this.#ports;
    const coded = traced(tracer, "air.encode", { symbols: stream.k }, () => stream.take(), asked);
    // Whoever missed the question has meanwhile asked as well, and its radio waits for the end of our first symbol: the
    // second would meet it there. (Where relays repeat it, there is room between any two.)
    const pauseMs = stream.isBeginning && stream.hops === 0 ? BEGINNING_PAUSE * packetMs(air, stream.hops) : 0;
    stream.isBeginning = false;
    const onSent = (): void => void agenda.set(`stream:${key}`, pauseMs, () => this.#say(key, asked));
    // What the queue drops, or has dropped by then, ends the stream: whoever still lacks symbols asks again.
    const end = (): void => void (stream.owed = 0);
    const expiresInMs = STALL_IN_PACKETS * packetMs(air, stream.hops);
    const watched = agenda.set(`stream:${key}`, expiresInMs, end);
    const options: SayOptions = { priority: ANSWER, hops: stream.hops, key: `coded:${key}`, expiresInMs, onSent };
    const said = traced(tracer, "air.answer", {}, () => air.say(coded, options), asked);
    if (!said || !watched) end();
  }
}

/** As `Shard.resolve` takes it. */
function textOf(target: Exclude<GetTarget, { kind: "prefix" }>): string | undefined {
  if (target.kind === "entry") return `${toHex(target.author)}/${target.seq}`;
  const name = unpackText(target.packed, MAX_NAME_BYTES);
  return name.ok ? name.value : undefined;
}
