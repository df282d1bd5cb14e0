/** Traces as files. Golden bytes: draft-ietf-opsawg-pcap-04, sections 4 and 5, by hand. */
import { expect, test } from "vitest";
import type { SentPacket } from "../../src/sim/sim-village.ts";
import { Trace } from "../../src/sim/trace.ts";

const PACKET: SentPacket = {
  atMs: 1500.25,
  station: 0x0ca7e001,
  from: 0x0ca7e001,
  to: 0xffff_ffff,
  id: 7,
  port: 256,
  payload: Uint8Array.of(0xd1, 2, 3),
  hopLimit: 0,
  relayed: false,
  frameBytes: 26,
  airtimeUs: 400_000,
  type: "beacon",
};

test("a capture has the classic header, link type 147, and our payload alone", () => {
  const trace = new Trace();
  trace.add(PACKET);
  trace.add({ ...PACKET, port: 1, type: "port 1" });
  const header = ["d4c3b2a1", "02000400", "00000000", "00000000", "e7000000", "93000000"];
  // 2.50025 s: one second of the epoch, and 1,500.25 ms.
  const record = ["02000000", "1aa20700", "03000000", "03000000", "d10203"];
  expect(Buffer.from(trace.encode("pcap", 1000)).toString("hex")).toBe([...header, ...record].join(""));
});

test("JSON lines name time, radio, type and bytes", () => {
  const trace = new Trace();
  trace.add(PACKET);
  expect(JSON.parse(Buffer.from(trace.encode("jsonl", 0)).toString())).toEqual({
    atMs: 1500.25,
    by: "ca7e001",
    made: "ca7e001",
    hopLimit: 0,
    type: "beacon",
    bytes: 3,
    airtimeUs: 400_000,
    payload: "d10203",
  });
});
