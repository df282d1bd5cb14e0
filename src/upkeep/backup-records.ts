/**
 * What stands inside a backup: records in a row. Layout of each: kind u8, length of the label u8, label
 * (the id; of a node's own file also a tab and its name), length u32, content.
 * First the head (JSON), then items in the order of {@link BACKUP_KINDS}, perhaps a configuration among them, and last the end:
 * how many records came before it (u32).
 * @module
 */
import { z } from "zod";
import { ByteReader, ByteWriter, type Bytes, concatBytes, fromUtf8, utf8 } from "../kernel/bytes.ts";
import {
  BACKUP_KINDS,
  type BackupContents,
  type BackupItem,
  type BackupKind,
  MAX_BACKUP_ITEM_BYTES,
} from "../kernel/upkeep.ts";
import { BytePump } from "./byte-pump.ts";
import { damaged } from "./sealed-stream.ts";

const MAX_HEAD_BYTES = 4_096;
const HEAD = 1;
const CONFIGURATION = 2;
const END = 3;
/** Of {@link BACKUP_KINDS}: 16 and its place there. */
const FIRST_ITEM = 16;

const headShape = z.strictObject({
  node: z.string().max(64),
  author: z.string().regex(/^[0-9a-f]{16}$/),
  version: z.string().max(64),
  at_s: z.int().min(0),
});

export type BackupHead = Omit<BackupContents, "items">;

export type BackupRecord =
  | { readonly kind: "head"; readonly head: BackupHead }
  | { readonly kind: "configuration"; readonly bytes: Bytes }
  | { readonly kind: "item"; readonly item: BackupItem; readonly bytes: Bytes };

export function headRecord({ node, author, version, at_s }: BackupHead): Bytes {
  return concatBytes(start(HEAD, ""), lengthened(utf8(JSON.stringify({ node, author, version, at_s }))));
}

export function configurationRecord(bytes: Uint8Array): Bytes {
  return concatBytes(start(CONFIGURATION, ""), lengthened(bytes));
}

export function itemRecord({ kind, id, name }: BackupItem, bytes: Uint8Array): Bytes {
  const label = name === undefined ? id : `${id}\t${name}`;
  return concatBytes(start(FIRST_ITEM + BACKUP_KINDS.indexOf(kind), label), lengthened(bytes));
}

export function endRecord(count: number): Bytes {
  return concatBytes(start(END, ""), lengthened(new ByteWriter().u32(count).finish()));
}

/** @throws AgentError "BACKUP_DAMAGED" for what is not laid out so; and what the content throws */
export async function* readRecords(content: AsyncIterable<Uint8Array>): AsyncGenerator<BackupRecord> {
  const pump = new BytePump(content);
  for (let count = 0; ; count++) {
    const [kind = 0, labelBytes = 0] = await exactly(pump, 2);
    const label = fromUtf8(await exactly(pump, labelBytes)) ?? "";
    const length = new ByteReader(await exactly(pump, 4)).u32();
    if (length > (kind === HEAD ? MAX_HEAD_BYTES : MAX_BACKUP_ITEM_BYTES)) throw damaged("a record in it is too long");
    const bytes = await exactly(pump, length);
    if ((kind === HEAD) !== (count === 0)) throw damaged("its records are not in order");
    if (kind === END) {
      if (new ByteReader(bytes).u32() !== count || !(await pump.isAtEnd())) throw damaged("its end is not its end");
      return;
    }
    yield recordOf(kind, label, bytes);
  }
}

function recordOf(kind: number, label: string, bytes: Bytes): BackupRecord {
  if (kind === HEAD) return { kind: "head", head: headOf(bytes) };
  if (kind === CONFIGURATION) return { kind: "configuration", bytes };
  const itemKind: BackupKind | undefined = BACKUP_KINDS[kind - FIRST_ITEM];
  const [, id, name] = /^([A-Za-z0-9/_.-]{1,120})(?:\t(.+))?$/su.exec(label) ?? [];
  if (itemKind === undefined || id === undefined) throw damaged("a record in it is of no known kind");
  return { kind: "item", item: { kind: itemKind, id, ...(name !== undefined && { name }) }, bytes };
}

function headOf(bytes: Uint8Array): BackupHead {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(bytes) ?? "");
  } catch {
    throw damaged("its head is none");
  }
  const head = headShape.safeParse(value);
  if (!head.success) throw damaged("its head is none");
  return head.data;
}

async function exactly(pump: BytePump, count: number): Promise<Bytes> {
  const bytes = await pump.take(count);
  if (bytes.length < count) throw damaged("it ends too soon");
  return bytes;
}

function start(kind: number, label: string): Bytes {
  const bytes = utf8(label);
  return new ByteWriter().u8(kind).u8(bytes.length).bytes(bytes).finish();
}

function lengthened(bytes: Uint8Array): Bytes {
  return concatBytes(new ByteWriter().u32(bytes.length).finish(), bytes);
}
