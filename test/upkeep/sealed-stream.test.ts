/** The closed stream: what goes in comes out, and nothing changed, cut off or added goes unseen. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, utf8, type Bytes } from "../../src/kernel/bytes.ts";
import type { BackupLock } from "../../src/kernel/upkeep.ts";
import { decodePublic, decodeSecret, makeKeyFiles } from "../../src/upkeep/backup-keys.ts";
import { openStream, PIECE_BYTES, sealStream } from "../../src/upkeep/sealed-stream.ts";
import { seeded } from "../fakes/seeded.ts";

const { random } = seeded(21);
const FILES = makeKeyFiles(random, undefined);
const TO_KEY: BackupLock = { kind: "key", file: FILES.public };
const OF_KEY: BackupLock = { kind: "key", file: FILES.secret };
const WORDS: BackupLock = { kind: "passphrase", passphrase: "six words that nobody guesses" };

async function* pieces(bytes: Uint8Array, length = 1_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function whole(stream: AsyncIterable<Uint8Array>): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return concatBytes(...parts);
}

const seal = (content: Uint8Array, lock: BackupLock): Promise<Bytes> =>
  whole(sealStream(pieces(content), lock, random));
const open = (sealed: Uint8Array, lock: BackupLock): Promise<Bytes> => whole(openStream(pieces(sealed, 777), lock));

describe("a sealed stream", () => {
  test("gives back what was put in, of every length around a piece's", async () => {
    for (const length of [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES]) {
      const content = random.bytes(Math.min(length, 65_536));
      const long = concatBytes(...Array.from({ length: Math.ceil(length / 65_536) }, () => content)).subarray(
        0,
        length,
      );
      expect(await open(await seal(long, TO_KEY), OF_KEY), String(length)).toEqual(new Uint8Array(long));
    }
  });

  test("opens by its passphrase, and by no other", async () => {
    const sealed = await seal(utf8("the school's list"), WORDS);
    expect(await open(sealed, WORDS)).toEqual(utf8("the school's list"));
    await expect(
      open(sealed, { kind: "passphrase", passphrase: "six words that nobody guessed" }),
    ).rejects.toMatchObject({
      code: "BACKUP_KEY",
    });
    await expect(open(sealed, OF_KEY)).rejects.toMatchObject({ code: "BACKUP_KEY" });
  }, 120_000);

  test("names a wrong key, a public key in the secret one's place, and a newer version", async () => {
    const sealed = await seal(utf8("x"), TO_KEY);
    const other: BackupLock = { kind: "key", file: makeKeyFiles(random, undefined).secret };
    await expect(open(sealed, other)).rejects.toMatchObject({ code: "BACKUP_KEY" });
    await expect(open(sealed, TO_KEY)).rejects.toMatchObject({ code: "BACKUP_KEY" });
    await expect(open(sealed, WORDS)).rejects.toMatchObject({ code: "BACKUP_KEY" });
    await expect(seal(utf8("x"), OF_KEY)).rejects.toMatchObject({ code: "BACKUP_KEY" });
    const newer = sealed.with(7, 2);
    await expect(open(newer, OF_KEY)).rejects.toMatchObject({ code: "BACKUP_NEWER" });
  });

  test("shows every one of 10,000 changes: bits, cuts, additions, swaps", async () => {
    const content = random.bytes(2_000);
    const sealed = await seal(content, TO_KEY);
    const change = fc.oneof(
      fc.record({ at: fc.nat(sealed.length - 1), flip: fc.integer({ min: 1, max: 255 }) }),
      fc.record({ cut: fc.nat(sealed.length - 1) }),
      fc.record({ more: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
    );
    await fc.assert(
      fc.asyncProperty(change, async (made) => {
        const bytes = new Uint8Array(sealed);
        if ("at" in made) bytes[made.at] = (bytes[made.at] ?? 0) ^ made.flip;
        const changed =
          "cut" in made ? bytes.subarray(0, made.cut) : "more" in made ? concatBytes(bytes, made.more) : bytes;
        await expect(open(changed, OF_KEY)).rejects.toMatchObject({ code: expect.stringMatching(/^BACKUP_/) });
      }),
      { numRuns: 10_000, seed: 7 },
    );
  }, 600_000);

  test("shows pieces that changed places, came twice, or are missing", async () => {
    const sealed = await seal(concatBytes(...Array.from({ length: 3 }, () => random.bytes(PIECE_BYTES))), TO_KEY);
    const piece = PIECE_BYTES + 16;
    const head = sealed.subarray(0, sealed.length - 3 * piece);
    const [a, b, c] = [0, 1, 2].map((i) => sealed.subarray(head.length + i * piece, head.length + (i + 1) * piece));
    const none = new Uint8Array();
    for (const order of [[b, a, c], [a, a, c], [a, c], [a, b], [a, b, b, c], [c]]) {
      const changed = concatBytes(head, ...order.map((part) => part ?? none));
      await expect(open(changed, OF_KEY)).rejects.toMatchObject({ code: "BACKUP_DAMAGED" });
    }
    expect(await open(concatBytes(head, a ?? none, b ?? none, c ?? none), OF_KEY)).toHaveLength(3 * PIECE_BYTES);
  });
});

describe("key files", () => {
  test("are two halves of one pair, and never the same twice", () => {
    const [open, secret] = [decodePublic(FILES.public), decodeSecret(FILES.secret, undefined)];
    expect(open.ok && secret.ok && secret.value.public.id).toEqual(open.ok && open.value.id);
    expect(makeKeyFiles(random, undefined).public).not.toEqual(FILES.public);
  });

  test("a passphrase closes the secret one", () => {
    const { secret } = makeKeyFiles(random, "a long passphrase");
    expect(decodeSecret(secret, undefined)).toEqual({ ok: false, reason: "passphrase wanted" });
    expect(decodeSecret(secret, "another passphrase")).toEqual({ ok: false, reason: "wrong passphrase" });
    expect(decodeSecret(secret, "a long passphrase").ok).toBe(true);
  }, 120_000);

  test("whatever else lies there is a reason, never an exception", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 3_000 }), fc.string().map(utf8)), (bytes) => {
        expect(decodePublic(bytes).ok).toBe(false);
        expect(decodeSecret(bytes, "x").ok).toBe(false);
      }),
    );
    for (const file of [FILES.public, FILES.secret]) {
      for (let end = 0; end < file.length - 2; end += 7) {
        expect(decodePublic(file.subarray(0, end)).ok).toBe(false);
        expect(decodeSecret(file.subarray(0, end), undefined).ok).toBe(false);
      }
    }
  });
});
