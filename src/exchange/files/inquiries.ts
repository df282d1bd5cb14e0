/**
 * Files that somebody wants by a name, or by author and number, while the entry that tells of them is not here yet: the index
 * is behind. Neighbours are asked in the same words. What they answer is kept as overheard: it is believed only once the
 * signed entry has come, which then makes an ordinary transfer, with most of its symbols here.
 * @module
 */
import { packText } from "../../codec/short-text.ts";
import { sha256 } from "../../dag/cid.ts";
import type { FileRow, Shard } from "../../dag/shard.ts";
import { fromHex, toHex, utf8 } from "../../kernel/bytes.ts";
import type { GetReport } from "../../kernel/reports.ts";
import { chance } from "../../radio/chance.ts";
import { REQUEST } from "../../radio/priority.ts";
import { MAX_NAME_BYTES, type Get, type GetTarget } from "../../wire/get.ts";
import type { Neighbours } from "../neighbours.ts";
import type { ExchangeParts } from "../parts.ts";
import { packetMs } from "./asking.ts";
import type { Fetch, FetchWishes } from "./fetch.ts";
import type { Losses } from "./losses.ts";
import type { Transfer } from "./transfer.ts";

export interface InquiriesPorts extends ExchangeParts {
  readonly shard: Pick<Shard, "resolve">;
  readonly fetch: Pick<Fetch, "begin">;
  readonly neighbours: Pick<Neighbours, "nearestHops">;
  readonly losses: Losses;
}

export type InquiryState =
  | { readonly kind: "asking" }
  | { readonly kind: "found"; readonly row: FileRow; readonly transfer: Transfer | undefined }
  | { readonly kind: "failed"; readonly detail: string };

/** What somebody asked for in words. */
export interface Inquiry {
  /** 32 hex digits. */
  readonly id: string;
  readonly text: string;
  state: InquiryState;
  /** Questions on air, and what they cost. */
  asked: number;
  airBytes: number;
  airMs: number;
  /** Symbols of some unknown block came after a question: an answer, as it seems. */
  answered: boolean;
}

const MAX_INQUIRIES = 8;
const MAX_ASKED = 5;
const LOOK_MS = 2_000;
/** The first question waits so many packets for its answer; each next one twice as long. */
const ANSWER_PACKETS = 8;
/** How long the entry may still be on its way. */
const PATIENCE_MS = 3_600_000;
const SIXTEENTHS = 16;
const ENTRY = /^([0-9a-f]{8,16})\/([1-9][0-9]{0,9})$/;

export class Inquiries {
  readonly #ports: InquiriesPorts;
  readonly #inquiries = new Map<string, Inquiry>();

  constructor(ports: InquiriesPorts) {
    this.#ports = ports;
  }

  find(id: string): Inquiry | undefined {
    return this.#inquiries.get(id);
  }

  /** Undefined when these words can't be asked on air, or too many are asked already. */
  begin(text: string, wishes: FetchWishes): Inquiry | undefined {
    const target = targetOf(text);
    if (target === undefined) return undefined;
    const id = toHex(sha256(utf8(`inquiry ${text}`)).subarray(0, 16));
    const known = this.#inquiries.get(id);
    if (known?.state.kind === "asking") return known;
    this.#inquiries.delete(id);
    if (!this.#makeRoom()) return undefined;
    const inquiry: Inquiry = {
      id,
      text,
      state: { kind: "asking" },
      asked: 0,
      airBytes: 0,
      airMs: 0,
      answered: false,
    };
    this.#inquiries.set(id, inquiry);
    const { agenda, random } = this.#ports;
    const untilMs = this.#nowMs() + PATIENCE_MS;
    agenda.set(`inquiry:ask:${id}`, this.#packetMs() * chance(random), () => this.#ask(inquiry, target));
    agenda.set(`inquiry:look:${id}`, LOOK_MS, () => this.#look(inquiry, wishes, untilMs));
    return inquiry;
  }

  /** A symbol came that no transfer wants. */
  onOverheard(): void {
    for (const inquiry of this.#inquiries.values()) inquiry.answered ||= inquiry.asked > 0;
  }

  #ask(inquiry: Inquiry, target: GetTarget): void {
    const { agenda, air, losses, neighbours } = this.#ports;
    // Its pieces have come, or are coming: now only the entry is lacking, and for that the index asks.
    if (inquiry.state.kind !== "asking" || inquiry.answered || inquiry.asked >= MAX_ASKED) return;
    const lossSixteenths = Math.min(SIXTEENTHS - 1, Math.round(SIXTEENTHS * losses.ratio(undefined)));
    const get: Get = { type: "get", amount: { kind: "whole", lossSixteenths, listeners: 0 }, target };
    const waitMs = ANSWER_PACKETS * 2 ** inquiry.asked * this.#packetMs();
    const key = `inquiry:ask:${inquiry.id}`;
    inquiry.asked++;
    agenda.set(key, waitMs, () => this.#ask(inquiry, target));
    air.say(get, {
      priority: REQUEST,
      hops: air.reach(neighbours.nearestHops()),
      key,
      expiresInMs: waitMs,
      onSent: (payloadBytes, airtimeMs) => {
        inquiry.airBytes += payloadBytes;
        inquiry.airMs += airtimeMs;
      },
    });
  }

  /** Has the entry come? */
  async #look(inquiry: Inquiry, wishes: FetchWishes, untilMs: number): Promise<void> {
    const { agenda, fetch, shard } = this.#ports;
    const rows = await shard.resolve(inquiry.text);
    const row = rows.find(({ held }) => held) ?? rows[0];
    if (row !== undefined) {
      const transfer = row.held ? undefined : await fetch.begin(row, wishes);
      if (row.held || transfer !== undefined) return this.#end(inquiry, { kind: "found", row, transfer });
    }
    const isOver = this.#nowMs() >= untilMs || (!inquiry.answered && !agenda.has(`inquiry:ask:${inquiry.id}`));
    if (isOver) return this.#end(inquiry, { kind: "failed", detail: whyNot(inquiry) });
    agenda.set(`inquiry:look:${inquiry.id}`, LOOK_MS, () => this.#look(inquiry, wishes, untilMs));
  }

  #end(inquiry: Inquiry, state: InquiryState): void {
    inquiry.state = state;
    this.#ports.agenda.cancel(`inquiry:ask:${inquiry.id}`);
    this.#ports.air.cancel(`inquiry:ask:${inquiry.id}`);
    this.#ports.count(`inquiries_${state.kind}`);
  }

  #makeRoom(): boolean {
    for (const [id, { state }] of this.#inquiries) {
      if (this.#inquiries.size < MAX_INQUIRIES) return true;
      if (state.kind !== "asking") this.#inquiries.delete(id);
    }
    return this.#inquiries.size < MAX_INQUIRIES;
  }

  #packetMs(): number {
    const { air, neighbours } = this.#ports;
    return packetMs(air, air.reach(neighbours.nearestHops()));
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }
}

/** While the entry is not here; after that the transfer's own report tells more. */
export function reportOf({ text, state, asked, airBytes, airMs, answered }: Inquiry): GetReport {
  const waits = answered
    ? "pieces came; the entry that vouches for them is still on its way"
    : "not announced here yet: neighbours are asked by name";
  return {
    cid: null,
    name: text,
    bytes: 0,
    packets: 0,
    wanted: 0,
    total: 0,
    air_bytes: airBytes,
    air_ms: Math.round(airMs),
    state: state.kind === "failed" ? "failed" : "waiting",
    detail: state.kind === "failed" ? state.detail : waits,
    asked,
  };
}

/** An entry by its author's id, or a name; undefined for what is neither. */
function targetOf(text: string): GetTarget | undefined {
  const [, author = "", digits = ""] = ENTRY.exec(text) ?? [];
  const id = fromHex(author.slice(0, 8));
  const seq = Number(digits);
  if (id?.length === 4 && seq >= 1 && seq <= 0xffff_ffff) return { kind: "entry", author: id, seq };
  const name = text.normalize("NFC");
  if (name === "" || name.includes("/") || utf8(name).length > MAX_NAME_BYTES) return undefined;
  const packed = packText(name);
  return packed.length > MAX_NAME_BYTES ? undefined : { kind: "name", packed };
}

function whyNot({ answered, asked }: Inquiry): string {
  if (answered) return "pieces came, but no signed entry that vouches for them; ask again when the index is in step";
  return `nobody in reach answered ${asked} questions for it; names are matched exactly`;
}
