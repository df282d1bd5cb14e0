/**
 * Our messages to and from the bytes of a radio packet. Layouts: `docs/protocol.md`.
 *
 * Each message has exactly one encoding, and `decodeMessage` takes no other, so that equal messages are equal bytes.
 * @module
 */
import { ByteReader, ByteWriter, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { AgentError } from "../kernel/errors.ts";
import { alertCodec } from "./alert.ts";
import { alertsCodec } from "./alerts.ts";
import { beaconCodec } from "./beacon.ts";
import { codedCodec } from "./coded.ts";
import { forkCodec } from "./fork.ts";
import { getCodec } from "./get.ts";
import type { MessageCodec } from "./message-codec.ts";
import type { Message } from "./messages.ts";
import { probeCodec } from "./probe.ts";
import { proofCodec } from "./proof.ts";
import { pullCodec } from "./pull.ts";
import { repairCodec } from "./repair.ts";
import { sealedCodec } from "./sealed.ts";
import { seenCodec } from "./seen.ts";
import { trustCodec } from "./trust.ts";
import { updateCodec } from "./update.ts";
import { wantCodec } from "./want.ts";

/** The largest payload of the radio, 231 bytes. */
export const MAX_MESSAGE_BYTES = 231;

/** The upper bits of the first byte: our mark, and version 2. The lower four are the message's number. */
const VERSION_2 = 0xd0;

type Codecs = { readonly [T in Message["type"]]: MessageCodec<Extract<Message, { type: T }>> };

const CODECS: Codecs = {
  beacon: beaconCodec,
  update: updateCodec,
  repair: repairCodec,
  want: wantCodec,
  pull: pullCodec,
  get: getCodec,
  coded: codedCodec,
  alert: alertCodec,
  alerts: alertsCodec,
  seen: seenCodec,
  fork: forkCodec,
  probe: probeCodec,
  sealed: sealedCodec,
  proof: proofCodec,
  trust: trustCodec,
};

/** By the whole first byte. */
const BY_FIRST_BYTE = new Map<number, MessageCodec<Message>>(
  Object.values(CODECS).map((codec) => [VERSION_2 | codec.number, anyCodec(codec)]),
);

/**
 * 1 … 231 bytes.
 * @throws AgentError "MESSAGE_TOO_LONG" above 231 bytes, "MESSAGE_INVALID" when a field is out of its range: faults of
 * ours both
 */
export function encodeMessage(message: Message): Bytes {
  const codec = anyCodec(CODECS[message.type]);
  const flaw = codec.flaw(message);
  if (flaw !== undefined) throw new AgentError("MESSAGE_INVALID", `a ${message.type} message can't be sent: ${flaw}`);
  const writer = new ByteWriter().u8(VERSION_2 | codec.number);
  codec.write(writer, message);
  if (writer.length > MAX_MESSAGE_BYTES) {
    throw new AgentError("MESSAGE_TOO_LONG", `a ${message.type} message of ${writer.length} bytes does not fit 231`);
  }
  return writer.finish();
}

/** Never throws. The message is made of copies: it does not pin the bytes that it came from. */
export function decodeMessage(bytes: Uint8Array): Decoded<Message> {
  if (bytes.length > MAX_MESSAGE_BYTES) return refused("too long");
  const reader = new ByteReader(bytes);
  const codec = BY_FIRST_BYTE.get(reader.u8());
  if (codec === undefined) return refused("not ours");
  const message = codec.read(reader);
  const flaw = reader.done() ?? codec.flaw(message);
  return flaw === undefined ? decoded(message) : refused(flaw);
}

/** A codec is only ever given messages of its own type: both tables above are keyed by it. */
function anyCodec(codec: Codecs[Message["type"]]): MessageCodec<Message> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the compiler can't follow a type through a table
  return codec as unknown as MessageCodec<Message>;
}
