/** BEACON: what its sender holds. @module */
import { copyBytes, type ByteReader, type ByteWriter } from "../kernel/bytes.ts";
import { BitReader, BitWriter } from "./bits.ts";
import {
  SHORT_ID_BYTES,
  flawOfHoldings,
  readHoldings,
  readTag,
  writeHoldings,
  writeTag,
  type Holdings,
} from "./holdings.ts";
import type { MessageCodec } from "./message-codec.ts";

export interface Beacon {
  readonly type: "beacon";
  /** The first 4 bytes of the sender's author id. */
  readonly sender: Uint8Array;
  readonly holdings: Holdings;
}

export const beaconCodec: MessageCodec<Beacon> = {
  type: "beacon",
  number: 1,
  write: writeBeacon,
  read: readBeacon,
  flaw: ({ sender, holdings }) => (sender.length === SHORT_ID_BYTES ? flawOfHoldings(holdings) : "sender not 4 bytes"),
};

function writeBeacon(writer: ByteWriter, { sender, holdings }: Beacon): void {
  writer.bytes(sender);
  writeTag(writer, holdings.base);
  const bits = new BitWriter();
  writeHoldings(bits, holdings);
  bits.finish(writer);
}

function readBeacon(reader: ByteReader): Beacon {
  const sender = copyBytes(reader.take(SHORT_ID_BYTES));
  const base = readTag(reader);
  const bits = new BitReader(reader);
  const holdings = readHoldings(bits, base, () => reader.failure !== undefined);
  bits.align();
  return { type: "beacon", sender, holdings };
}
