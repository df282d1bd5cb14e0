/**
 * What is on a port where a Meshtastic radio was expected, by the first bytes that it said.
 *
 * A guess for people, from marks that hardly anything else has: NMEA 0183 sentences and u-blox's `B5 62` of GPS receivers;
 * the frame of MeshCore's companion protocol (`>`, length in 16 bits little-endian, an answer's code).
 * @module
 */
import { startsWith } from "../../kernel/bytes.ts";

/** `CMD_DEVICE_QUERY` of MeshCore's companion protocol: a question that changes nothing. */
export const MESHCORE_QUESTION: Uint8Array = Uint8Array.of(0x3c, 2, 0, 22, 3);
/** `RESP_CODE_DEVICE_INFO`, and the error that older ones give. */
const MESHCORE_ANSWERS: ReadonlySet<number> = new Set([13, 1]);
const MESHCORE_MARK = 0x3e;
const MAX_MESHCORE_BYTES = 300;
const UBLOX = Uint8Array.of(0xb5, 0x62);
/** Of random bytes nearly all values come in so many; of text and of most protocols few. */
const RANDOM_SAMPLE_BYTES = 1024;
const RANDOM_VALUES = 230;
const PRINTABLE_SHARE = 0.9;

/** A few words, such as "a GPS receiver"; undefined when the bytes show nothing. */
export function strangerIn(heard: Uint8Array): string | undefined {
  if (heard.length === 0) return undefined;
  const text = String.fromCharCode(...heard.subarray(0, RANDOM_SAMPLE_BYTES));
  if (/\$(?:G[PNLABQ]|BD)[A-Z]{3},/.test(text) || includesBytes(heard, UBLOX)) return "a GPS receiver";
  if (speaksMeshCore(heard) || /meshcore/i.test(text)) return "a radio with MeshCore's firmware";
  if (isRandom(heard)) return "a source of random bytes";
  const printable = (text.match(/[\t\r\n\u0020-\u007e]/g) ?? []).length;
  return printable >= text.length * PRINTABLE_SHARE ? "something that speaks text" : undefined;
}

function speaksMeshCore(heard: Uint8Array): boolean {
  for (let at = heard.indexOf(MESHCORE_MARK); at >= 0; at = heard.indexOf(MESHCORE_MARK, at + 1)) {
    const [low, high, code] = heard.subarray(at + 1, at + 4);
    if (low === undefined || high === undefined || code === undefined) return false;
    const length = low + 256 * high;
    const whole = length > 0 && length <= MAX_MESHCORE_BYTES && heard.length === at + 3 + length;
    if (whole && MESHCORE_ANSWERS.has(code)) return true;
  }
  return false;
}

function isRandom(heard: Uint8Array): boolean {
  const sample = heard.subarray(0, RANDOM_SAMPLE_BYTES);
  return sample.length === RANDOM_SAMPLE_BYTES && new Set(sample).size >= RANDOM_VALUES;
}

function includesBytes(heard: Uint8Array, mark: Uint8Array): boolean {
  // Two bytes come up by chance in random data: only where they begin what was said.
  return startsWith(heard, mark);
}
