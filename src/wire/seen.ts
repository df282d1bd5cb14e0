/** SEEN: who has an alert, as far as its sender has heard. @module */
import { type ByteReader, type ByteWriter, copyBytes } from "../kernel/bytes.ts";
import { within, type MessageCodec } from "./message-codec.ts";

/** Hearsay, and not signed: for people's information, never a ground to stop repairing. */
export interface Seen {
  readonly type: "seen";
  /** First 4 bytes of the alert's digest. */
  readonly alert: Uint8Array;
  /** First 3 bytes of the author id of nodes where a person has read it, as numbers, rising. */
  readonly read: readonly number[];
  /** … of other nodes that hold it. Both together at most {@link MAX_SEEN_NODES}, no node twice. */
  readonly held: readonly number[];
}

export const MAX_SEEN_NODES = 72;
export const SEEN_ALERT_BYTES = 4;
const NODE_BYTES = 3;

export const seenCodec: MessageCodec<Seen> = {
  type: "seen",
  number: 10,
  write: writeSeen,
  read: readSeen,
  flaw: flawOfSeen,
};

function writeSeen(writer: ByteWriter, { alert, read, held }: Seen): void {
  writer.bytes(alert).u8(read.length);
  for (const node of [...read, ...held]) writer.u8(Math.floor(node / 0x1_0000)).u16(node % 0x1_0000);
}

function readSeen(reader: ByteReader): Seen {
  const alert = copyBytes(reader.take(SEEN_ALERT_BYTES));
  const readers = reader.u8();
  if (reader.remaining % NODE_BYTES !== 0) reader.fail("node not whole");
  const nodes: number[] = [];
  while (reader.remaining > 0 && reader.failure === undefined) nodes.push(reader.u8() * 0x1_0000 + reader.u16());
  if (readers > nodes.length) reader.fail("truncated");
  return { type: "seen", alert, read: nodes.slice(0, readers), held: nodes.slice(readers) };
}

function flawOfSeen({ alert, read, held }: Seen): string | undefined {
  if (alert.length !== SEEN_ALERT_BYTES) return "alert not 4 bytes";
  const all = read.length + held.length;
  if (all < 1 || all > MAX_SEEN_NODES) return "not 1 to 72 nodes";
  if (new Set([...read, ...held]).size !== all) return "node named twice";
  return rises(read) && rises(held) ? undefined : "nodes not rising";
}

function rises(nodes: readonly number[]): boolean {
  return nodes.every((node, i) => within(node, 0, 0xff_ffff) && node > (nodes[i - 1] ?? -1));
}
