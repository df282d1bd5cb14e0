/**
 * People with any Meshtastic app ask this node by a direct text, and are answered by texts.
 *
 * Only what is sent to this node alone is answered, never what is said to all. Whoever asks is bounded: questions in a
 * window, texts of an answer, sizes of files. Nothing here can change what the node holds, but a file that somebody asks
 * for is fetched.
 * @module
 */
import type { AlertBook } from "../../alert/book.ts";
import { endMs, isTimeUnsure, type HeldAlert } from "../../alert/held-alert.ts";
import { rootOf } from "../../dag/block-ref.ts";
import type { FileRow, Shard } from "../../dag/shard.ts";
import { toHex } from "../../kernel/bytes.ts";
import { BROADCAST, type RadioPacket } from "../../ports/modem.ts";
import type { FrameQueue } from "../air.ts";
import type { Transfer, TransferTarget } from "../files/transfer.ts";
import type { Neighbour } from "../neighbours.ts";
import type { ExchangeParts } from "../parts.ts";
import {
  alertsAnswer,
  clip,
  fileAnswer,
  findNamed,
  listAnswer,
  plainText,
  size,
  whoAnswer,
  type PhoneAlert,
} from "./answers.ts";
import { Outbox, type Way } from "./outbox.ts";
import { Persons } from "./person.ts";
import { SENTENCES, type Sentences } from "./sentences.ts";
import { splitAnswer } from "./texts.ts";
import { hearText, type Language, type Question } from "./words.ts";

export interface PhoneRules {
  /** Texts of one answer, 1 or more; `more` goes on. */
  readonly maxTexts: number;
  /** Of one person in ten minutes. */
  readonly questions: number;
  /** Of a file that is sent as text. */
  readonly maxFileBytes: number;
  /** Until a word tells another. */
  readonly language: Language;
}

export interface PhonePorts extends ExchangeParts {
  readonly rules: PhoneRules;
  readonly queue: FrameQueue;
  readonly shard: Shard;
  readonly book: AlertBook;
  /** Of this node's own radio; undefined until it is known. */
  readonly number: () => number | undefined;
  readonly neighbours: () => readonly Neighbour[];
  readonly fetch: (target: TransferTarget) => Promise<Transfer | undefined>;
}

/** Questions of all people in ten minutes. */
const QUESTIONS_OF_ALL = 30;
/** Files that are looked at for one question. */
const MAX_LOOKED_AT = 2_000;
/** Ids of packets that were answered: radios and relays repeat them. */
const REMEMBERED_IDS = 64;
/** Whoever asks for a file that is not here is told when it comes, up to this time. */
const LONGEST_WAIT_MS = 900_000;
const LOOK_MS = 5_000;
const MAX_WAITS = 16;
/** For the estimate: bytes of a file in a packet, and packets for questions and losses besides. */
const PACKET_FILE_BYTES = 180;
const SPARE_PACKETS = 4;
const PACKET_GAP_FACTOR = 3;
const FULL_BYTES = 231;
const MAX_HOPS = 7;

interface Asker {
  readonly way: Way;
  readonly language: Language;
  readonly say: Sentences;
}

interface Wait {
  readonly asker: Asker;
  readonly row: FileRow;
  readonly transfer: Transfer;
  readonly untilMs: number;
}

export class Phones {
  readonly #ports: PhonePorts;
  readonly #persons: Persons;
  readonly #outbox: Outbox;
  readonly #answeredIds: string[] = [];
  readonly #waits = new Map<number, Wait>();

  constructor(ports: PhonePorts) {
    const { rules, queue, agenda, clock, count } = ports;
    this.#ports = ports;
    this.#persons = new Persons({ questions: rules.questions, questionsOfAll: QUESTIONS_OF_ALL });
    this.#outbox = new Outbox({ queue, agenda, count, monotonicMs: () => clock.monotonicMs() });
  }

  /** A packet of the port of texts. */
  async onText(packet: RadioPacket): Promise<void> {
    const { count } = this.#ports;
    const deaf = this.#whyDeaf(packet);
    if (deaf !== undefined) return count(`phone_ignored_${deaf}`);
    const { from, payload } = packet;
    const nowMs = this.#nowMs();
    const heard = hearText(payload);
    if (heard.kind === "ignored") return count(`phone_ignored_${heard.why}`);
    if (heard.kind === "question" && heard.language !== undefined) this.#persons.speaks(from, heard.language, nowMs);
    const asker = this.#askerOf(packet);
    if (heard.kind === "unknown") return this.#hint(asker, heard.meant);
    const admission = this.#persons.admit(from, nowMs);
    count(`phone_questions_${admission.kind}`);
    if (admission.kind === "refuse") this.#tell(asker, asker.say.tooOften(minutesOf(admission.waitMs)));
    if (admission.kind !== "answer") return;
    try {
      await this.#answer(asker, heard.question);
    } catch (error) {
      this.#tell(asker, asker.say.failed);
      throw error;
    }
  }

  /** Why a text is not even read; undefined when it is. */
  #whyDeaf({ from, to, id }: RadioPacket): "not_for_us" | "repeated" | "machine" | undefined {
    const own = this.#ports.number();
    if (own === undefined || to !== own || to === BROADCAST) return "not_for_us";
    if (from === own || from === 0 || from === BROADCAST) return "not_for_us";
    if (this.#isRepeated(`${from}/${id}`)) return "repeated";
    return this.#persons.hears(from, this.#nowMs()) ? undefined : "machine";
  }

  /** How far the question came, and one relay more: the way back may be another. */
  #askerOf({ from, hopsTaken, channel }: RadioPacket): Asker {
    const { air, rules } = this.#ports;
    const hopLimit = hopsTaken === undefined ? air.reach(undefined) : Math.min(hopsTaken + 1, MAX_HOPS);
    const language = this.#persons.find(from, this.#nowMs()).language ?? rules.language;
    return { way: { to: from, hopLimit, channel }, language, say: SENTENCES[language] };
  }

  #hint(asker: Asker, meant: string | undefined): void {
    const may = this.#persons.admitHint(asker.way.to, this.#nowMs());
    this.#ports.count(may ? "phone_hints" : "phone_ignored_unknown");
    if (may) this.#tell(asker, asker.say.unknown(meant));
  }

  async #answer(asker: Asker, question: Question): Promise<void> {
    switch (question.kind) {
      case "help":
        return this.#say(asker, asker.say.help(this.#node()));
      case "list":
        return this.#list(asker, question);
      case "get":
        return this.#get(asker, question.name);
      case "alerts":
        return this.#say(asker, alertsAnswer(this.#alerts(), asker.language));
      case "who":
        return this.#say(asker, this.#who(asker.language));
      case "more":
        return this.#more(asker);
      case "again":
        return this.#again(asker, question.parts);
    }
  }

  async #list(asker: Asker, { word, page }: Extract<Question, { kind: "list" }>): Promise<void> {
    const files = await this.#files();
    const listing = listAnswer(files, { word, page, cut: files.length >= MAX_LOOKED_AT }, asker.language);
    const refs = listing.files.map(({ ref }) => ref);
    this.#persons.listed(asker.way.to, { first: listing.first, refs }, this.#nowMs());
    this.#say(asker, listing.body);
  }

  async #get(asker: Asker, name: string): Promise<void> {
    if (name === "") return this.#tell(asker, asker.say.whichFile);
    const row = await this.#find(asker, name);
    if (row === undefined) return;
    if (row.bytes > this.#ports.rules.maxFileBytes) {
      return this.#tell(asker, asker.say.tooLong(row.name, size(row.bytes), size(this.#ports.rules.maxFileBytes)));
    }
    return row.held ? this.#sendFile(asker, row, true) : this.#fetch(asker, row);
  }

  /** Undefined when the person was told why there is none. */
  async #find(asker: Asker, name: string): Promise<FileRow | undefined> {
    const { shard } = this.#ports;
    const rows = await shard.resolve(name);
    const exact = rows.find(({ held }) => held) ?? rows[0];
    if (exact !== undefined) return exact;
    const listed = await this.#listed(asker, name);
    if (listed !== undefined) return listed;
    const found = findNamed(await this.#files(), name);
    if ("file" in found) return found.file;
    this.#tell(asker, asker.say.noFile(clip(name), found.near));
    return undefined;
  }

  /** By its number in the list that the person saw last. */
  async #listed(asker: Asker, name: string): Promise<FileRow | undefined> {
    const { list } = this.#persons.find(asker.way.to, this.#nowMs());
    const ref = /^[0-9]{1,4}$/.test(name) ? list?.refs[Number(name) - list.first] : undefined;
    return ref === undefined ? undefined : (await this.#ports.shard.resolve(ref))[0];
  }

  async #sendFile(asker: Asker, row: FileRow, instead: boolean): Promise<void> {
    const content = await this.#ports.shard.readFile(rootOf(row)).catch(() => undefined);
    const text = content === undefined ? undefined : plainText(content);
    const { damaged, noText } = asker.say;
    if (content === undefined) return this.#tell(asker, damaged(row.name));
    if (text === undefined) return this.#tell(asker, noText(row.name, size(content.length)));
    this.#say(asker, fileAnswer(row.name, text, asker.language), instead);
  }

  async #fetch(asker: Asker, row: FileRow): Promise<void> {
    const person = asker.way.to;
    const full = this.#waits.size >= MAX_WAITS && !this.#waits.has(person);
    const transfer = full ? undefined : await this.#ports.fetch(row);
    if (transfer === undefined) return this.#tell(asker, asker.say.busy);
    this.#waits.set(person, { asker, row, transfer, untilMs: this.#nowMs() + LONGEST_WAIT_MS });
    this.#tell(asker, asker.say.asking(row.name, size(row.bytes), this.#minutesFor(row.bytes)));
    this.#lookLater(person);
  }

  #lookLater(person: number): void {
    if (!this.#ports.agenda.set(`phone:wait:${person}`, LOOK_MS, () => this.#look(person))) this.#waits.delete(person);
  }

  async #look(person: number): Promise<void> {
    const wait = this.#waits.get(person);
    if (wait === undefined) return;
    const { asker, row, transfer, untilMs } = wait;
    const late = this.#nowMs() >= untilMs;
    if (!transfer.ended && !late) return this.#lookLater(person);
    this.#waits.delete(person);
    if (transfer.state.kind === "done") await this.#sendFile(asker, row, false);
    else this.#tell(asker, asker.say.notCome(row.name));
  }

  /** Roughly, for people. */
  #minutesFor(bytes: number): number {
    const packets = Math.ceil(bytes / PACKET_FILE_BYTES) + SPARE_PACKETS;
    return minutesOf(packets * this.#ports.air.airtimeMs(FULL_BYTES) * PACKET_GAP_FACTOR);
  }

  #alerts(): readonly PhoneAlert[] {
    const { book, clock } = this.#ports;
    const leftMs = (held: HeldAlert): number | undefined => {
      const end = isTimeUnsure(held, clock) ? undefined : endMs(held);
      return end === undefined ? undefined : end - clock.nowMs();
    };
    return book.active().map((held) => ({
      notice: held.notice,
      trusted: book.isTrusted(held),
      leftMs: leftMs(held),
      sentUnixS: held.notice.sentUnixS,
    }));
  }

  #who(language: Language): string {
    const { shard, neighbours } = this.#ports;
    const names = new Map(shard.authors().map(({ id, name }) => [id, name]));
    const heard = neighbours().map(({ author, heardAtMs }) => ({
      name: names.get(author) || author.slice(0, 8),
      agoMs: this.#nowMs() - heardAtMs,
    }));
    const { authors, files } = shard.stats();
    return whoAnswer({ node: this.#node(), neighbours: heard, authors, files }, language);
  }

  #more(asker: Asker): void {
    const { answer } = this.#persons.find(asker.way.to, this.#nowMs());
    if (answer === undefined || answer.to >= answer.texts.length) return this.#tell(asker, asker.say.noMore);
    this.#show(asker, { ...answer, from: answer.to, to: answer.to + this.#ports.rules.maxTexts });
  }

  #again(asker: Asker, parts: readonly number[]): void {
    const { answer } = this.#persons.find(asker.way.to, this.#nowMs());
    const texts = answer?.texts ?? [];
    const sent = texts.slice(answer?.from, answer?.to);
    const wanted = parts.length === 0 ? sent : parts.flatMap((part) => texts[part - 1] ?? []);
    const shown = wanted.slice(0, this.#ports.rules.maxTexts);
    if (shown.length === 0) return this.#tell(asker, asker.say.noMore);
    this.#outbox.send(asker.way, shown, true);
  }

  /** A word beside the answers: `more` and `again` still mean what was answered last, and what waits is sent. */
  #tell(asker: Asker, body: string): void {
    this.#outbox.send(asker.way, splitAnswer(body, this.#ports.rules.maxTexts, asker.say.more), false);
  }

  /** An answer. @param instead of what is still to be sent to that person */
  #say(asker: Asker, body: string, instead = true): void {
    const { maxTexts } = this.#ports.rules;
    const texts = splitAnswer(body, maxTexts, asker.say.more);
    this.#show(asker, { texts, from: 0, to: maxTexts }, instead);
  }

  #show(asker: Asker, answer: { readonly texts: readonly string[]; from: number; to: number }, instead = true): void {
    const to = Math.min(answer.to, answer.texts.length);
    this.#persons.answered(asker.way.to, { ...answer, to }, this.#nowMs());
    this.#outbox.send(asker.way, answer.texts.slice(answer.from, to), instead);
  }

  async #files(): Promise<readonly FileRow[]> {
    const rows: FileRow[] = [];
    for await (const row of this.#ports.shard.files()) {
      rows.push(row);
      if (rows.length >= MAX_LOOKED_AT) break;
    }
    return rows;
  }

  #node(): string {
    const { shard } = this.#ports;
    const self = toHex(shard.author.id);
    return shard.authors().find(({ id }) => id === self)?.name || self;
  }

  #isRepeated(id: string): boolean {
    if (this.#answeredIds.includes(id)) return true;
    this.#answeredIds.push(id);
    if (this.#answeredIds.length > REMEMBERED_IDS) this.#answeredIds.shift();
    return false;
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }
}

function minutesOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 60_000));
}
