/** What the disk has lost stays known until somebody has dealt with it. @module */
import { expect, test } from "vitest";
import { DAMAGE_FILE, StoreDamage } from "../../src/desk/store-damage.ts";
import { fromUtf8, utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { Memory } from "../../src/ports/memory.ts";
import { rememberingLog, silentLog } from "../fakes/log.ts";

function memory(files = new Map<string, Uint8Array>()): Memory & { readonly files: Map<string, Uint8Array> } {
  return {
    files,
    read: (name) => Promise.resolve(files.get(name)),
    writeAtomic: (name, bytes) => Promise.resolve(void files.set(name, bytes)),
    remove: (name) => Promise.resolve(void files.delete(name)),
  };
}

test("where nothing was lost there is no step, and nothing is written", async () => {
  const disk = memory();
  const damage = await StoreDamage.remembered(disk, silentLog);
  await damage.save();
  expect([damage.step(), disk.files.size]).toEqual([undefined, 0]);
});

test("a loss is a step that names it, at the next start too, until its file is removed", async () => {
  const disk = memory();
  const damage = await StoreDamage.remembered(disk, silentLog);
  damage.note("dropping 26060 bytes;\nCorruption");
  damage.note("1 missing files");
  await damage.save();
  const again = await StoreDamage.remembered(disk, silentLog);
  expect(again.step()).toEqual(damage.step());
  expect(again.step()).toMatchObject({
    step: "store",
    state: "damaged",
    ok: false,
    detail: expect.stringContaining("(dropping 26060 bytes; Corruption, and 1 more)"),
    fix: expect.stringContaining(DAMAGE_FILE),
  });
  disk.files.delete(DAMAGE_FILE);
  expect((await StoreDamage.remembered(disk, silentLog)).step()).toBeUndefined();
});

test("a disk that loses something at each start fills no file without end", async () => {
  const disk = memory();
  for (let start = 0; start < 50; start++) {
    const damage = await StoreDamage.remembered(disk, silentLog);
    damage.note("x".repeat(1_000));
    await damage.save();
  }
  expect(fromUtf8(disk.files.get(DAMAGE_FILE) ?? utf8(""))?.length).toBeLessThan(5_000);
});

test("a disk that is full besides is said in the log, and the loss is known all the same", async () => {
  const { log, sentences } = rememberingLog();
  const full = { ...memory(), writeAtomic: () => Promise.reject(new AgentError("DISK_FULL", "full")) };
  const damage = await StoreDamage.remembered(full, log);
  damage.note("1 missing files");
  await damage.save();
  expect(damage.step()).toMatchObject({ state: "damaged" });
  expect(sentences).toEqual(["That the store is damaged could not be noted on the disk"]);
});
