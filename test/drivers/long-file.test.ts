/** Long files: whole or not at all, whatever happens in between. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { longFiles } from "../../src/drivers/long-file.ts";

const directory = await mkdtemp(join(tmpdir(), "caye-long-"));
afterAll(() => rm(directory, { recursive: true, force: true }));
const path = join(directory, "a.caye-backup");
const files = longFiles();

async function* pieces(count: number, fails = false): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(50_000).fill(i);
  if (fails) throw new Error("the agent is gone");
}

test("what is written is read, in pieces of 64 KiB at most", async () => {
  expect(await files.write(path, pieces(5), 0o600)).toBe(250_000);
  const lengths: number[] = [];
  for await (const piece of files.read(path)) lengths.push(piece.length);
  expect(lengths).toEqual([65_536, 65_536, 65_536, 53_392]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("what breaks off leaves the old file, and nothing beside it", async () => {
  const before = await readFile(path);
  await expect(files.write(path, pieces(3, true), 0o600)).rejects.toThrow("gone");
  expect(await readFile(path)).toEqual(before);
  expect(await readdir(directory)).toEqual(["a.caye-backup"]);
});

test("what a power cut left half written is begun anew", async () => {
  await writeFile(join(directory, ".a.caye-backup.part"), "half");
  expect(await files.write(path, pieces(1), 0o600)).toBe(50_000);
  expect(await readdir(directory)).toEqual(["a.caye-backup"]);
});

test("a file that is not there is a system error", async () => {
  await expect(files.read(join(directory, "none"))[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: "ENOENT",
  });
});
