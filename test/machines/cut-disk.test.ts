/** The disk that a power cut treats as a real one, by QEMU's own client. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { command } from "./command.ts";
import { openCutDisk, type CutDisk } from "./cut-disk.ts";

const SECTORS = 64;

async function disk(): Promise<{ readonly cut: CutDisk; readonly bytes: () => Promise<Buffer> }> {
  const directory = await mkdtemp(join(tmpdir(), "caye-cut-disk-"));
  const image = join(directory, "disk.img");
  await writeFile(image, Buffer.alloc(SECTORS * 512));
  const cut = await openCutDisk(image, join(directory, "disk.sock"));
  onTestFinished(async () => {
    await cut[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  return { cut, bytes: () => readFile(image) };
}

/** Says these to the disk one after the other. When it ends in order, QEMU's client flushes; `sigraise 9` spares it that. */
async function say(cut: CutDisk, ...words: readonly string[]): Promise<string> {
  const args = words.flatMap((word) => ["-c", word]);
  const { stdout, stderr } = await command(["qemu-io", "-f", "raw", "-t", "writeback", ...args, cut.uri], {
    seconds: 30,
  });
  return stdout + stderr;
}

const MISSING = "qemu-io is not installed";
const isMissing = spawnSync("qemu-io", ["--version"]).error !== undefined;

test("what was flushed stays, what was not is lost", async (context) => {
  if (isMissing) context.skip(MISSING);
  const { cut, bytes } = await disk();
  await say(cut, "write -P 1 0 4096", "flush", "write -P 2 4096 4096", "write -P 3 0 512", "sigraise 9");
  expect(await cut.cut(() => false)).toEqual({ lost: 9, unflushed: 9 });
  const after = await bytes();
  expect(after.subarray(0, 4096)).toEqual(Buffer.alloc(4096, 1));
  expect(after.subarray(4096)).toEqual(Buffer.alloc((SECTORS - 8) * 512));
});

test("sectors that were not flushed are lost one by one, in no order", async (context) => {
  if (isMissing) context.skip(MISSING);
  const { cut, bytes } = await disk();
  await say(cut, "write -P 7 1024 4096", "sigraise 9");
  let sector = 0;
  expect(await cut.cut(() => sector++ % 2 === 0)).toEqual({ lost: 4, unflushed: 8 });
  const after = await bytes();
  const kept = Array.from({ length: SECTORS }, (_, i) => after[i * 512]).flatMap((byte, i) => (byte === 7 ? [i] : []));
  expect(kept).toEqual([2, 4, 6, 8]);
});

test("what was written is read, flushed or not, and a write that is forced through is not lost", async (context) => {
  if (isMissing) context.skip(MISSING);
  const { cut, bytes } = await disk();
  const said = await say(
    cut,
    "write -P 5 0 8192",
    "write -f -P 6 512 512",
    "read -v 0 1536",
    "read -P 5 1024 512",
    "sigraise 9",
  );
  expect(said).toMatch(/00000200: {2}06 06/);
  expect(said).not.toMatch(/Pattern verification failed/);
  expect(await cut.cut(() => false)).toMatchObject({ unflushed: 15 });
  const after = await bytes();
  expect(after.subarray(512, 1024)).toEqual(Buffer.alloc(512, 6));
  expect(after[0]).toBe(0);
});

test("told to stop, it keeps nothing of what comes after that many sectors, and nobody learns otherwise", async (context) => {
  if (isMissing) context.skip(MISSING);
  const { cut, bytes } = await disk();
  const stopped = cut.stopAt(3);
  const said = say(cut, "write -P 1 0 512", "flush", "write -P 2 512 2048", "flush", "write -P 3 4096 512");
  await stopped;
  expect(await cut.cut(() => false)).toEqual({ lost: 4, unflushed: 4 });
  expect(await said).not.toMatch(/wrote 512\/512 bytes at offset 4096/);
  const after = await bytes();
  expect([after[0], after[512], after[4096]]).toEqual([1, 0, 0]);
});

test("a client that ends in order leaves nothing to lose", async (context) => {
  if (isMissing) context.skip(MISSING);
  const { cut, bytes } = await disk();
  await say(cut, "write -P 9 0 512");
  expect(await cut.cut(() => false)).toEqual({ lost: 0, unflushed: 0 });
  expect((await bytes())[0]).toBe(9);
});
