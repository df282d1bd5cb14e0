/** What `caye log` says of signatures is looked up on the disk, not believed. @module */
import { expect, test } from "vitest";
import { entryKey, signatureKey } from "../../src/dag/keys.ts";
import { encodeLogRecord } from "../../src/dag/records.ts";
import { verifiedLogs } from "../../src/desk/verified-logs.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { freshShard, type TestShard } from "../dag/shards.ts";

async function withThreeFiles(): Promise<TestShard & { readonly own: string }> {
  const opened = await freshShard(1);
  const { shard } = opened;
  for (const name of ["a", "b", "c"]) await shard.putFile(name, utf8(name));
  return { ...opened, own: Buffer.from(shard.author.id).toString("hex") };
}

test("a log as it was signed is verified", async () => {
  const { shard, own } = await withThreeFiles();
  expect([...(await verifiedLogs(shard))]).toEqual([own]);
});

test("a log with an entry that the disk has damaged is not, and that is no failure", async () => {
  const { shard, store } = await withThreeFiles();
  store.corrupt(entryKey(shard.author.id, 2));
  expect([...(await verifiedLogs(shard))]).toEqual([]);
});

test("a log with an exchanged entry is not", async () => {
  const { shard, store } = await withThreeFiles();
  const record = encodeLogRecord({
    head: new Uint8Array(32),
    entry: utf8("something else"),
    summary: { kind: "other" },
  });
  await store.tamper(entryKey(shard.author.id, 3), record);
  expect([...(await verifiedLogs(shard))]).toEqual([]);
});

test("a log whose last signature is lost is not", async () => {
  const { shard, store } = await withThreeFiles();
  await store.tamper(signatureKey(shard.author.id, 4), undefined);
  expect([...(await verifiedLogs(shard))]).toEqual([]);
});
