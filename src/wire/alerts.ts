/** ALERTS: which alerts its sender has, so that those who hear it see what it lacks, and what they lack. @module */
import { type ByteReader, type ByteWriter } from "../kernel/bytes.ts";
import { within, type MessageCodec } from "./message-codec.ts";

/** Alerts that are not named are lacked. */
export interface Alerts {
  readonly type: "alerts";
  /** 0 … 65,535, drawn anew for each message: two alerts whose tags are equal under one salt differ under the next. */
  readonly salt: number;
  /** First 3 bytes of SHA-256(salt (u16) ‖ the alert's digest) as numbers, rising, at most {@link MAX_ALERT_TAGS}. */
  readonly tags: readonly number[];
}

export const MAX_ALERT_TAGS = 64;
const TAG_BYTES = 3;

export const alertsCodec: MessageCodec<Alerts> = {
  type: "alerts",
  number: 9,
  write: writeAlerts,
  read: readAlerts,
  flaw: flawOfAlerts,
};

function writeAlerts(writer: ByteWriter, { salt, tags }: Alerts): void {
  writer.u16(salt);
  for (const tag of tags) writer.u8(Math.floor(tag / 0x1_0000)).u16(tag % 0x1_0000);
}

function readAlerts(reader: ByteReader): Alerts {
  const salt = reader.u16();
  if (reader.remaining % TAG_BYTES !== 0) reader.fail("tag not whole");
  const tags: number[] = [];
  while (reader.remaining > 0 && reader.failure === undefined) tags.push(reader.u8() * 0x1_0000 + reader.u16());
  return { type: "alerts", salt, tags };
}

function flawOfAlerts({ salt, tags }: Alerts): string | undefined {
  if (!within(salt, 0, 0xffff)) return "salt out of range";
  if (tags.length > MAX_ALERT_TAGS) return "too many alerts";
  for (const [i, tag] of tags.entries()) {
    if (!within(tag, 0, 0xff_ffff)) return "tag out of range";
    if (tag <= (tags[i - 1] ?? -1)) return "tags not rising";
  }
  return undefined;
}
