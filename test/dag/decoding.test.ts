/** What comes from strangers: nodes, manifests, entries, archives. @module */
import { createWriter } from "@ipld/car/buffer-writer";
import { encode } from "@ipld/dag-cbor";
import fc from "fast-check";
import { CID } from "multiformats/cid";
import { describe, expect, test } from "vitest";
import { prefixOf, refOf } from "../../src/dag/block-ref.ts";
import { pack } from "../../src/codec/pack.ts";
import { packText } from "../../src/codec/short-text.ts";
import { decodeCar, encodeCar, exportCar, importCar } from "../../src/dag/car.ts";
import { type Cid, cidOf } from "../../src/dag/cid.ts";
import {
  type AuthorEntry,
  type FileEntry,
  MAX_PACKED_BYTES,
  decodeEntry,
  encodeEntry,
  fileEntry,
} from "../../src/dag/entry.ts";
import { nameFlaw } from "../../src/dag/name.ts";
import { MAX_INLINE_BYTES } from "../../src/dag/unpacked.ts";
import { FAN_OUT, MAX_FILE_BYTES, decodeManifest, splitFile } from "../../src/dag/manifest.ts";
import { MAX_BLOCK_BYTES, MAX_NODE_DEPTH, decodeNode, encodeNode } from "../../src/dag/node.ts";
import { type Bytes, concatBytes, copyBytes, equalBytes, fromHex, utf8 } from "../../src/kernel/bytes.ts";
import { seeded } from "../fakes/seeded.ts";
import { freshShard } from "./shards.ts";

const bytes = (hex: string): Bytes => fromHex(hex.replaceAll(" ", "")) ?? new Uint8Array();
const validName = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).map((text) => text.normalize("NFC"));
const name = validName.filter((text) => nameFlaw(text) === undefined);
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const prefix = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(copyBytes);
const entry: fc.Arbitrary<AuthorEntry | FileEntry> = fc.oneof(
  fc.record({ kind: fc.constant("author" as const), publicKey: digest, name }),
  fc.record({
    kind: fc.constant("file" as const),
    codec: fc.constant("raw" as const),
    prefix,
    bytes: fc.integer({ min: 1, max: MAX_BLOCK_BYTES }),
    name,
    content: fc.constant(undefined),
  }),
  fc.record({
    kind: fc.constant("file" as const),
    codec: fc.constant("dag-cbor" as const),
    prefix,
    bytes: fc.integer({ min: MAX_BLOCK_BYTES + 1, max: MAX_FILE_BYTES }),
    name,
    content: fc.constant(undefined),
  }),
  fc.record({ name, content: fc.uint8Array({ maxLength: 50 }) }).map(({ name, content }) => {
    return fileEntry(name, refOf(cidOf("raw", content)), content);
  }),
);

describe("entries", () => {
  test("come back as they were, and stay small", () => {
    fc.assert(
      fc.property(entry, (value) => {
        const encoded = encodeEntry(value);
        const head = value.kind === "author" ? 33 : value.content === undefined ? 20 : 2 + value.content.length;
        expect(encoded.length).toBeLessThanOrEqual(head + 1 + utf8(value.name).length);
        expect(decodeEntry(encoded)).toEqual({ ok: true, value });
      }),
    );
  });

  test.each([
    ["", "empty name"],
    ["a".repeat(65), "name too long"],
    ["ü".repeat(33), "name too long"],
    ["a/b", "name with a forbidden character"],
    ["a\\b", "name with a forbidden character"],
    ["a\nb", "name with a forbidden character"],
    ["a\u0000", "name with a forbidden character"],
    ["a\u009bm", "name with a forbidden character"],
    ["photo\u202egpj.exe", "name with a forbidden character"],
    ["zero\u200bwidth", "name with a forbidden character"],
    [".", "name with a leading dot"],
    ["..", "name with a leading dot"],
    [".bashrc", "name with a leading dot"],
    [" a", "name with a space at an end"],
    ["a ", "name with a space at an end"],
    ["e\u0301", "name not in normal form C"],
  ])("refuse the name %j", (text, flaw) => {
    expect(nameFlaw(text)).toBe(flaw);
    const encoded = concatBytes(Uint8Array.of(0, 7), new Uint8Array(16).fill(1), packText(text));
    expect(decodeEntry(encoded).ok).toBe(false);
  });

  test("are never made with a name that would change on the way", () => {
    const broken = fileEntry("a\ud800", refOf(cidOf("raw", utf8("a"))), utf8("a"));
    expect(nameFlaw(broken.name)).toBe("name not well-formed");
    expect(() => encodeEntry(broken)).toThrow(RangeError);
  });

  test("take names as people write them", () => {
    for (const text of ["Rundbrief März.txt", "agua potable.pdf", "日本.txt", "Dí Mopan", "a..b", "x"]) {
      expect(nameFlaw(text)).toBeUndefined();
    }
  });

  test("refuse lengths that don't fit, and what is cut short", () => {
    const file = (head: string): Bytes => concatBytes(bytes(head), new Uint8Array(16).fill(1), packText("a"));
    expect(decodeEntry(file("0000"))).toMatchObject({ ok: true, value: { codec: "raw", bytes: 1 } });
    expect(decodeEntry(file("3fff"))).toMatchObject({ ok: true, value: { codec: "raw", bytes: 16_384 } });
    expect(decodeEntry(file("40000000"))).toMatchObject({ ok: true, value: { codec: "dag-cbor", bytes: 16_385 } });
    expect(decodeEntry(file("43ffbfff"))).toMatchObject({ ok: true, value: { bytes: MAX_FILE_BYTES } });
    for (const head of ["43ffc000", "7fffffff"]) expect(decodeEntry(file(head)).ok, head).toBe(false);
    const whole = file("0000");
    for (let length = 0; length < whole.length; length++) {
      expect(decodeEntry(whole.subarray(0, length)).ok, String(length)).toBe(false);
    }
    expect(decodeEntry(new Uint8Array(201)).ok).toBe(false);
  });

  test("of kinds to come are held as they are, whatever is in them", () => {
    expect(decodeEntry(bytes("c1"))).toEqual({ ok: true, value: { kind: "other", number: 1 } });
    expect(decodeEntry(bytes("ff 00 11 22"))).toEqual({ ok: true, value: { kind: "other", number: 63 } });
    expect(decodeEntry(bytes("c0")).ok).toBe(false);
  });

  test("carry a short file inside, and tell its hash without sending it", () => {
    const content = utf8("Boat leaves 6:30\n");
    const root = refOf(cidOf("raw", content));
    const inside = fileEntry("boat.txt", root, content);
    const encoded = encodeEntry(inside);
    expect(decodeEntry(encoded)).toEqual({
      ok: true,
      value: { kind: "file", codec: "raw", prefix: prefixOf(root.digest), bytes: 17, name: "boat.txt", content },
    });
    expect(fileEntry("noise", root, seeded(1).random.bytes(MAX_PACKED_BYTES)).content).toBeUndefined();
    expect(fileEntry("long", root, new Uint8Array(MAX_INLINE_BYTES + 1)).content).toBeUndefined();
    expect(() => encodeEntry({ ...inside, content: seeded(1).random.bytes(100) })).toThrow(RangeError);
  });

  test("refuse content that is not packed as it should be, or is longer than it may be", () => {
    const name = packText("a");
    const inside = (packed: Uint8Array): Bytes => concatBytes(Uint8Array.of(0x80 | packed.length), packed, name);
    expect(decodeEntry(inside(pack(utf8("x")))).ok).toBe(true);
    expect(decodeEntry(inside(new Uint8Array())).ok).toBe(false);
    expect(decodeEntry(concatBytes(Uint8Array.of(0x80 | 61), new Uint8Array(61), name)).ok).toBe(false);
    const bomb = pack(new Uint8Array(MAX_INLINE_BYTES + 1));
    if (bomb.length <= MAX_PACKED_BYTES) expect(decodeEntry(inside(bomb)).ok).toBe(false);
  });

  test("an empty file rides inside, and no other entry has its hash", () => {
    const empty = fileEntry("empty", refOf(cidOf("raw", new Uint8Array())), new Uint8Array());
    expect(decodeEntry(encodeEntry(empty))).toMatchObject({ ok: true, value: { bytes: 0 } });
    expect(() => encodeEntry({ ...empty, bytes: 1, content: undefined })).toThrow(RangeError);
  });
});

describe("nodes", () => {
  const json = fc.jsonValue({ maxDepth: 4, noUnicodeString: false }).filter((value) => !hasFraction(value));

  test("come back as they were, and only their canonical bytes are taken", () => {
    fc.assert(
      fc.property(json, (value) => {
        const encoded = encodeNode(value);
        const round = decodeNode(encoded);
        expect(round.ok && equalBytes(encodeNode(round.value), encoded)).toBe(true);
      }),
    );
  });

  test.each([
    ["unsorted keys", "a2 61 62 01 61 61 02"],
    ["a key twice", "a2 61 61 01 61 61 02"],
    ["a whole number as float64", "fb 3ff0000000000000"],
    ["float16", "f9 3c00"],
    ["float32", "fa 3f800000"],
    ["NaN", "fb 7ff8000000000000"],
    ["undefined", "f7"],
    ["a long form of a small number", "18 01"],
    ["an indefinite list", "9f 01 ff"],
    ["a reserved head", "1c"],
    ["a foreign tag", "c1 01"],
    ["a key that is no text", "a1 01 01"],
    ["trailing bytes", "01 01"],
    ["a truncated text", "65 61"],
    ["a list of 2^32 − 1 elements", "9a ffffffff"],
    ["a text of 2^53 bytes", "7b 0020000000000000"],
    ["nothing", ""],
  ])("refuse %s", (_, hex) => {
    expect(decodeNode(bytes(hex)).ok).toBe(false);
  });

  test("are bounded in size and depth, without recursion", () => {
    const nested = (depth: number): Bytes => concatBytes(new Uint8Array(depth).fill(0x81), Uint8Array.of(1));
    expect(decodeNode(nested(MAX_NODE_DEPTH)).ok).toBe(true);
    expect(decodeNode(nested(MAX_NODE_DEPTH + 1))).toEqual({ ok: false, reason: "node too deep" });
    expect(decodeNode(nested(16_000))).toEqual({ ok: false, reason: "node too deep" });
    expect(decodeNode(new Uint8Array(MAX_BLOCK_BYTES + 1))).toEqual({ ok: false, reason: "node too large" });
    expect(() => encodeNode(new Uint8Array(MAX_BLOCK_BYTES))).toThrow(RangeError);
  });
});

describe("manifests", () => {
  const link = (codec: "raw" | "dag-cbor", i: number): Cid => cidOf(codec, Uint8Array.of(i));
  const two = { v: 1, bytes: 20_000, chunks: [link("raw", 1), link("raw", 2)] };

  test("cover every content up to 64 MiB, in blocks, and give it back", () => {
    for (const length of [0, 1, 16_384, 16_385, 32_768, FAN_OUT * 16_384, FAN_OUT * 16_384 + 1, 13_000_001]) {
      const content = new Uint8Array(length).map((_, i) => i * 31 + (i >> 14));
      const { root, blocks } = splitFile(content);
      const known = new Map(blocks.map((block) => [block.cid.toString(), block.bytes]));
      expect(Math.max(...blocks.map((block) => block.bytes.length))).toBeLessThanOrEqual(MAX_BLOCK_BYTES);
      expect(blocks[0]?.cid.equals(root)).toBe(true);
      const read = (cid: Cid): Uint8Array[] => {
        const block = known.get(cid.toString()) ?? new Uint8Array();
        if (cid.code === 0x55) return [block];
        const manifest = decodeManifest(block);
        return manifest.ok ? manifest.value.parts.flatMap((part) => read(part.cid)) : [];
      };
      expect(equalBytes(concatBytes(...read(root)), content)).toBe(true);
    }
    expect(() => splitFile(new Uint8Array(MAX_FILE_BYTES + 1))).toThrow(RangeError);
  });

  test("are taken in one shape only", () => {
    expect(decodeManifest(encodeNode(two)).ok).toBe(true);
    const dagPb = CID.parse("bafybeicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am");
    const bad: unknown[] = [
      null,
      [],
      { ...two, v: 2 },
      { ...two, more: 1 },
      { ...two, bytes: 0 },
      { ...two, bytes: -1 },
      { ...two, bytes: "20000" },
      { ...two, bytes: 40_000 },
      { ...two, bytes: 16_384 },
      { ...two, bytes: MAX_FILE_BYTES + 1 },
      { ...two, bytes: FAN_OUT * 16_384 + 1 },
      { ...two, chunks: [link("raw", 1), link("dag-cbor", 2)] },
      { ...two, chunks: [link("raw", 1), dagPb] },
      { ...two, chunks: [link("raw", 1), "text"] },
      { ...two, chunks: "text" },
    ];
    for (const value of bad) expect(decodeManifest(copy(encode(value))).ok, JSON.stringify(value)).toBe(false);
  });
});

describe("archives", () => {
  test("carry a file from one shard to another", async () => {
    await using from = await freshShard(1);
    await using to = await freshShard(2);
    const content = seeded(3).random.bytes(50_000);
    const { cid } = await from.shard.putFile("map.png", content);
    const car = await exportCar(from.shard, cid);
    expect(await importCar(to.shard, car)).toMatchObject({ ok: true });
    expect(await to.shard.readFile(refOf(cid))).toEqual(content);
    await expect(exportCar(to.shard, cidOf("raw", utf8("never")))).rejects.toMatchObject({ code: "FILE_MISSING" });
  });

  test("come back as they were, and no changed byte goes unseen", () => {
    const { random, below } = seeded(4);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60_000 }), (length) => {
        const { root, blocks } = splitFile(random.bytes(length));
        const distinct = [...new Map(blocks.map((block) => [block.cid.toString(), block])).values()];
        const car = encodeCar({ root, blocks: distinct });
        const round = decodeCar(car);
        expect(round.ok && equalBytes(encodeCar(round.value), car)).toBe(true);
        const changed = new Uint8Array(car);
        changed[below(changed.length)]! ^= 1 << below(8);
        expect(decodeCar(changed).ok).toBe(false);
      }),
      { numRuns: 40 },
    );
  });

  test("refuse other roots, doubles, lies, unknown codecs", () => {
    const block = (text: string) => ({ cid: cidOf("raw", utf8(text)), bytes: utf8(text) });
    const [a, b] = [block("a"), block("b")];
    expect(decodeCar(encodeCar({ root: a.cid, blocks: [a, b] })).ok).toBe(true);
    for (const blocks of [[], [b, a], [a, a], [a, { cid: b.cid, bytes: utf8("c") }]]) {
      expect(decodeCar(encodeCar({ root: a.cid, blocks })).ok).toBe(false);
    }
    const dagPb = CID.parse("bafybeicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am");
    const foreign = { cid: dagPb, bytes: utf8("hello\n") };
    expect(decodeCar(anyCar([a.cid], [a, foreign])).ok).toBe(false);
    expect(decodeCar(anyCar([dagPb], [foreign])).ok).toBe(false);
    expect(decodeCar(anyCar([a.cid, b.cid], [a, b])).ok).toBe(false);
    expect(decodeCar(anyCar([], [a])).ok).toBe(false);
  });
});

describe("no input of a stranger", () => {
  const good: readonly Bytes[] = [
    encodeEntry(fileEntry("a.txt", refOf(cidOf("raw", utf8("a"))), utf8("a"))),
    encodeEntry({ kind: "author", publicKey: new Uint8Array(32), name: "clinic" }),
    encodeNode({ v: 1, bytes: 20_000, chunks: [cidOf("raw", utf8("a")), cidOf("raw", utf8("b"))] }),
    encodeCar({ root: cidOf("raw", utf8("a")), blocks: [{ cid: cidOf("raw", utf8("a")), bytes: utf8("a") }] }),
  ];
  const decoders = [decodeEntry, decodeNode, decodeManifest, decodeCar];

  test.each([
    ["entries", 0, 10_000],
    ["nodes", 1, 100_000],
    ["manifests", 2, 100_000],
    ["archives", 3, 100_000],
  ])("makes the decoder of %s throw", (_, which, rounds) => {
    const { below, random } = seeded(which + 10);
    const decode = decoders[which] ?? decodeEntry;
    let accepted = 0;
    for (let round = 0; round < rounds; round++) {
      const base = good[below(good.length)] ?? new Uint8Array();
      // Half of them anything, half of them something good with a few wounds.
      const input =
        round % 2 === 0 ? random.bytes(below(48)) : new Uint8Array(base.subarray(0, base.length - below(3)));
      for (let wounds = below(4); wounds > 0 && input.length > 0; wounds--) input[below(input.length)] = below(256);
      if (decode(input).ok) accepted++;
    }
    expect(accepted).toBeGreaterThan(0);
    // Of entries a quarter is of kinds to come.
    expect(accepted).toBeLessThan(which === 0 ? rounds : rounds / 2);
  });
});

function anyCar(roots: CID[], blocks: readonly { readonly cid: CID; readonly bytes: Uint8Array }[]): Uint8Array {
  const writer = createWriter(new ArrayBuffer(10_000), { roots });
  for (const block of blocks) writer.write(block);
  return writer.close();
}

function copy(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}

/** dag-cbor can't keep −0 or a fraction that is whole: our schemas have none. */
function hasFraction(value: unknown): boolean {
  if (typeof value === "number") return !Number.isSafeInteger(value) || Object.is(value, -0);
  return typeof value === "object" && value !== null && Object.values(value).some(hasFraction);
}
