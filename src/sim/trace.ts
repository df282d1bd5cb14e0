/**
 * The packets of a run as a file: JSON lines, or a capture that Wireshark reads.
 *
 * Capture: classic pcap, little-endian, times in µs, link type 147 (`LINKTYPE_USER0`), each packet the payload of our
 * port alone. Source: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html, sections 4 and 5.
 * @module
 */
import { toHex, utf8 } from "../kernel/bytes.ts";
import type { TraceFormat } from "../kernel/simulation.ts";
import { MAX_PAYLOAD_BYTES, PRIVATE_APP } from "../ports/modem.ts";
import type { SentPacket } from "./sim-village.ts";

const PCAP_MAGIC = 0xa1b2c3d4;
const LINKTYPE_USER0 = 147;
/** Packets that a trace keeps, about 300 MB of JSON: the first ones. */
const MAX_PACKETS = 1_000_000;

export class Trace {
  readonly #packets: SentPacket[] = [];

  add(packet: SentPacket): void {
    if (this.#packets.length < MAX_PACKETS) this.#packets.push(packet);
  }

  /** @param epochMs Unix time at the beginning of the virtual clock */
  encode(format: TraceFormat, epochMs: number): Uint8Array {
    return format === "pcap" ? pcap(this.#packets, epochMs) : utf8(this.#packets.map(jsonLine).join(""));
  }
}

function jsonLine({ atMs, station, from, hopLimit, type, payload, airtimeUs }: SentPacket): string {
  const [by, made] = [station.toString(16), from.toString(16)];
  const line = { atMs, by, made, hopLimit, type, bytes: payload.length, airtimeUs, payload: toHex(payload) };
  return `${JSON.stringify(line)}\n`;
}

function pcap(packets: readonly SentPacket[], epochMs: number): Uint8Array {
  const head = new DataView(new ArrayBuffer(24));
  head.setUint32(0, PCAP_MAGIC, true);
  head.setUint16(4, 2, true);
  head.setUint16(6, 4, true);
  head.setUint32(16, MAX_PAYLOAD_BYTES, true);
  head.setUint32(20, LINKTYPE_USER0, true);
  const parts: Uint8Array[] = [new Uint8Array(head.buffer)];
  for (const { atMs, port, payload } of packets) {
    if (port !== PRIVATE_APP) continue;
    const atUs = Math.round((epochMs + atMs) * 1000);
    const record = new DataView(new ArrayBuffer(16));
    record.setUint32(0, Math.floor(atUs / 1e6), true);
    record.setUint32(4, atUs % 1e6, true);
    record.setUint32(8, payload.length, true);
    record.setUint32(12, payload.length, true);
    parts.push(new Uint8Array(record.buffer), payload);
  }
  return Buffer.concat(parts);
}
