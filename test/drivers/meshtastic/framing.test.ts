import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, toHex, utf8 } from "../../../src/kernel/bytes.ts";
import { frame, FrameReader, MAX_MESSAGE_BYTES, type Frame } from "../../../src/drivers/meshtastic/framing.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";

/** Bytes in which the frame mark is as frequent as it can be. */
const nastyBytes = fc
  .array(fc.oneof(fc.constant(0x94), fc.constant(0xc3), fc.integer({ min: 0, max: 255 })), { maxLength: 300 })
  .map((bytes) => Uint8Array.from(bytes));
/** What firmware logs: printable lines, in colours. */
const logText = fc
  .array(fc.stringMatching(/^[ -~]{0,60}$/), { maxLength: 3 })
  .map((lines) => utf8(lines.map((line) => `\u001B[32m${line}\u001B[0m\r\n`).join("")));

function readAll(bytes: Uint8Array, cuts: readonly number[] = []): Frame[] {
  const reader = new FrameReader();
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).flatMap((edge, i) => reader.push(bytes.subarray(edges[i], edge)));
}

function messages(frames: readonly Frame[]): string[] {
  return frames.flatMap((piece) => (piece.kind === "message" ? [toHex(piece.bytes)] : []));
}

function lines(frames: readonly Frame[]): string[] {
  return frames.flatMap((piece) => (piece.kind === "text" ? [piece.line] : []));
}

describe("framing", () => {
  test("writes the mark, the length and the message", () => {
    expect(toHex(frame(Uint8Array.of(0x18, 0x01)))).toBe("94c300021801");
    expect(toHex(frame(new Uint8Array(512)).subarray(0, 4))).toBe("94c30200");
    expect(() => frame(new Uint8Array(MAX_MESSAGE_BYTES + 1))).toThrow(RangeError);
  });

  test("any messages, with text between them, in any pieces, come out as they went in", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(logText, nastyBytes)), fc.array(fc.nat()), (parts, cuts) => {
        const stream = concatBytes(...parts.flatMap(([text, message]) => [text, frame(message)]));
        expect(messages(readAll(stream, cuts))).toEqual(parts.map(([, message]) => toHex(message)));
      }),
    );
  });

  test("how a stream is cut into pieces changes nothing, whatever it holds", () => {
    fc.assert(
      fc.property(nastyBytes, fc.array(fc.nat()), (stream, cuts) => {
        expect(readAll(stream, cuts)).toEqual(readAll(stream));
      }),
    );
  });

  test("gives log text line by line, without its colours", () => {
    const stream = concatBytes(
      utf8("\u001B[34mDEBUG\u001B[0m | 12:00 [Router] hello\r\nsecond"),
      frame(Uint8Array.of(1)),
      utf8("third\n"),
    );
    const frames = readAll(stream);
    expect(lines(frames)).toEqual(["DEBUG | 12:00 [Router] hello", "second", "third"]);
    expect(messages(frames)).toEqual(["01"]);
  });

  test("cuts endless text without a line break into pieces", () => {
    const frames = readAll(utf8("x".repeat(1000)));
    expect(lines(frames).map((line) => line.length)).toEqual([240, 240, 240, 240]);
  });

  test("does not search a message for the mark: 94 C3 inside it is content", () => {
    const nasty = Uint8Array.of(0x01, 0x02, 0x94, 0xc3, 0x05, 0x06, 0x07, 0x08, 0x01);
    const next = Uint8Array.of(9);
    expect(messages(readAll(concatBytes(frame(nasty), frame(next), frame(next), frame(next))))).toEqual([
      toHex(nasty),
      "09",
      "09",
      "09",
    ]);
  });

  test("is in step again after a length that cannot be", () => {
    const reader = new FrameReader();
    const frames = reader.push(concatBytes(Uint8Array.of(0x94, 0xc3, 0xff, 0xff), frame(Uint8Array.of(5))));
    expect(messages(frames)).toEqual(["05"]);
    expect(reader.counts()).toMatchObject({ resyncs: 1, messages: 1 });
  });

  test("finds the real mark right behind a false one, and behind half a mark", () => {
    const real = frame(Uint8Array.of(5));
    expect(messages(readAll(concatBytes(Uint8Array.of(0x94, 0xc3), real)))).toEqual(["05"]);
    expect(messages(readAll(concatBytes(Uint8Array.of(0x94), real)))).toEqual(["05"]);
    expect(messages(readAll(concatBytes(Uint8Array.of(0x94, 0xc3, 0x94), real)))).toEqual(["05"]);
    expect(messages(readAll(concatBytes(Uint8Array.of(0x94, 0x94, 0x94), real)))).toEqual(["05"]);
    expect(messages(readAll(concatBytes(Uint8Array.of(0xc3, 0xc3, 0xc3), real)))).toEqual(["05"]);
  });

  test("a frame that broke off costs at most its length, then all is well", () => {
    const broken = frame(new Uint8Array(100)).subarray(0, 40);
    const good = frame(new Uint8Array(20).fill(7));
    const frames = readAll(concatBytes(broken, good, good, good, good, good));
    expect(messages(frames).slice(-2)).toEqual([toHex(good.subarray(4)), toHex(good.subarray(4))]);
  });

  test("passes an empty message, and one of the greatest length", () => {
    expect(messages(readAll(concatBytes(frame(new Uint8Array(0)), frame(new Uint8Array(512)))))).toEqual([
      "",
      "00".repeat(512),
    ]);
  });

  test("keeps its messages on buffers of their own", () => {
    const chunk = frame(Uint8Array.of(1, 2, 3));
    const [first] = readAll(chunk);
    chunk.fill(0);
    expect(first).toMatchObject({ kind: "message" });
    expect(first?.kind === "message" && first.bytes.buffer.byteLength).toBe(3);
  });

  test("a million random inputs: nothing throws, nothing grows, and a valid frame still gets through", () => {
    const random = seededRandom("framing fuzz");
    const soup = random.bytes(65_536);
    const reader = new FrameReader();
    const valid = frame(Uint8Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 0x94 : 0xc3)));
    const startBytes = process.memoryUsage().heapUsed;
    const startMs = performance.now();
    let pieces = 0;
    for (let i = 0; i < 1_000_000; i++) {
      const at = (i * 7919) & 0xffff;
      const kind = soup[at] ?? 0;
      if (kind < 128) {
        pieces += reader.push(soup.subarray(at, at + (kind & 0x1f))).length;
        continue;
      }
      // A valid frame with one byte changed, or cut short, or with the mark written into its length.
      const mutated = Uint8Array.from(valid.subarray(0, kind & 1 ? valid.length : kind & 0x3f));
      const place = (soup[(at + 1) & 0xffff] ?? 0) % Math.max(mutated.length, 1);
      mutated[place] = soup[(at + 2) & 0xffff] ?? 0;
      pieces += reader.push(mutated).length;
    }
    const spentMs = performance.now() - startMs;
    const grownMiB = (process.memoryUsage().heapUsed - startBytes) / 2 ** 20;
    console.log(`1,000,000 inputs in ${Math.round(spentMs)} ms, heap ${grownMiB.toFixed(1)} MiB, ${pieces} pieces`);
    expect(pieces).toBeGreaterThan(1000);
    expect(grownMiB).toBeLessThan(64);
    // At most one open message of 512 bytes swallows these; then the reader must be in step.
    const after = Array.from({ length: 12 }, () => reader.push(valid)).flat();
    expect(messages(after)).toContain(toHex(valid.subarray(4)));
    expect(messages(reader.push(valid))).toEqual([toHex(valid.subarray(4))]);
  });
});
