/** GET: asks for symbols of a block. @module */
import { type ByteReader, type ByteWriter, copyBytes } from "../kernel/bytes.ts";
import { MAX_SEQUENCE, within, type MessageCodec } from "./message-codec.ts";

/** What is asked for: a block by the beginning of its SHA-256, or the root block of a file by its entry or its name. */
export type GetTarget =
  /** 4 … 32 bytes. */
  | { readonly kind: "prefix"; readonly prefix: Uint8Array }
  /** The first 4 bytes of the author's id; `seq` from 1. */
  | { readonly kind: "entry"; readonly author: Uint8Array; readonly seq: number }
  /** The name as entries carry it (see `codec/short-text.ts`), 1 … 200 bytes. */
  | { readonly kind: "name"; readonly packed: Uint8Array };

/** How much is asked for. */
export type GetAmount =
  /**
   * Nothing is here yet: as many symbols as it takes, where so many sixteenths of the packets are lost (0 … 15) and about
   * so many listen, as an index into {@link LISTENERS}.
   */
  | { readonly kind: "whole"; readonly lossSixteenths: number; readonly listeners: number }
  /** So many symbols, whichever, 1 … 255: what is lacking, and what the air will lose. */
  | { readonly kind: "more"; readonly symbols: number };

export interface Get {
  readonly type: "get";
  readonly amount: GetAmount;
  readonly target: GetTarget;
}

/** Listeners that a GET for a whole block can tell of. */
export const LISTENERS: readonly number[] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96];

/** Bytes of a prefix that name a block among those of a village; a longer one tells twins apart. */
export const SHORT_PREFIX_BYTES = 4;
export const MAX_NAME_BYTES = 200;
const DIGEST_BYTES = 32;
const SHORT_AUTHOR_BYTES = 4;

/** Upper two bits of the head: the form of the target; the lowest: a whole block. */
const FORMS = { prefix: 0x00, entry: 0x40, name: 0x80 } as const;
const WHOLE = 0x01;

export const getCodec: MessageCodec<Get> = { type: "get", number: 6, write: writeGet, read: readGet, flaw: flawOfGet };

function writeGet(writer: ByteWriter, { amount, target }: Get): void {
  writer.u8(FORMS[target.kind] | (amount.kind === "whole" ? WHOLE : 0));
  writer.u8(amount.kind === "whole" ? 16 * amount.lossSixteenths + amount.listeners : amount.symbols);
  switch (target.kind) {
    case "prefix":
      writer.bytes(target.prefix);
      break;
    case "entry":
      writer.bytes(target.author).varint(target.seq);
      break;
    case "name":
      writer.bytes(target.packed);
      break;
    default:
      target satisfies never;
  }
}

function readGet(reader: ByteReader): Get {
  const head = reader.u8();
  const figure = reader.u8();
  const amount: GetAmount =
    (head & WHOLE) === 0
      ? { kind: "more", symbols: figure }
      : { kind: "whole", lossSixteenths: figure >> 4, listeners: figure & 0x0f };
  return { type: "get", amount, target: readTarget(reader, head & ~WHOLE) };
}

function readTarget(reader: ByteReader, form: number): GetTarget {
  if (form === FORMS.prefix) return { kind: "prefix", prefix: copyBytes(reader.rest()) };
  if (form === FORMS.entry) {
    return { kind: "entry", author: copyBytes(reader.take(SHORT_AUTHOR_BYTES)), seq: reader.varint() };
  }
  if (form !== FORMS.name) reader.fail("form of a get unknown");
  return { kind: "name", packed: copyBytes(reader.rest()) };
}

function flawOfGet({ amount, target }: Get): string | undefined {
  return flawOfAmount(amount) ?? flawOfTarget(target);
}

function flawOfAmount(amount: GetAmount): string | undefined {
  if (amount.kind === "more") return within(amount.symbols, 1, 255) ? undefined : "symbols not 1 to 255";
  return within(amount.lossSixteenths, 0, 15) && within(amount.listeners, 0, 15) ? undefined : "hint out of range";
}

function flawOfTarget(target: GetTarget): string | undefined {
  switch (target.kind) {
    case "prefix":
      return within(target.prefix.length, SHORT_PREFIX_BYTES, DIGEST_BYTES) ? undefined : "prefix not 4 to 32 bytes";
    case "entry":
      if (target.author.length !== SHORT_AUTHOR_BYTES) return "author not 4 bytes";
      return within(target.seq, 1, MAX_SEQUENCE) ? undefined : "sequence out of range";
    case "name":
      return within(target.packed.length, 1, MAX_NAME_BYTES) ? undefined : "name not 1 to 200 bytes";
    default:
      return target satisfies never;
  }
}
