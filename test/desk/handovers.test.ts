/** What operators are told of authors that go on under another key. */
import { expect, test } from "vitest";
import { Membership } from "../../src/dag/membership.ts";
import { encodeHandover } from "../../src/dag/handover.ts";
import { handoverChecks, handoverReports } from "../../src/desk/handovers.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import { Scribe } from "../dag/scribe.ts";
import { freshShard } from "../dag/shards.ts";
import { keysOf } from "../fakes/keys-view.ts";
import { openDeskRig } from "../fakes/desk.ts";

const NOBODY = { publicKey: new Uint8Array(32), mlDsaFingerprint: new Uint8Array(32) };

const village = (): Promise<Membership> =>
  Membership.open({ store: openMemoryStore(), clock: { nowMs: () => 0 }, authority: NOBODY, strangers: "accept" });

test("a node is told of its new key until the village knows it, and of others that use a former one", async () => {
  const { shard } = await freshShard(1, undefined, "clinic");
  const own = toHex(shard.author.id);
  const former = new Scribe(2, 1);
  former.entries.push(encodeHandover(former.author.publicKey, shard.author));
  const membership = await village();
  expect(await handoverChecks({ shard, membership })).toEqual([]);
  await shard.merge(...former.update(1, 3));
  const from = `scribe 2 (${toHex(former.id)})`;
  const link = { from, to: `clinic (${own})`, ignored: 0, contested: false };
  expect(await handoverReports(shard)).toEqual([link]);
  expect(await handoverChecks({ shard, membership: undefined })).toEqual([]);
  expect(await handoverChecks({ shard, membership })).toMatchObject([
    { name: "author key", state: "WARN", fix: expect.stringContaining("caye village request") },
  ]);
  former.add("late");
  await shard.merge(...former.update(4, 4));
  expect(await handoverReports(shard)).toEqual([{ ...link, ignored: 1 }]);
  expect(await handoverChecks({ shard, membership: undefined })).toMatchObject([
    { name: "handover", state: "WARN", detail: expect.stringContaining(from), fix: expect.stringContaining("revoke") },
  ]);
  await shard.replaceAuthor();
  expect((await handoverChecks({ shard, membership })).map(({ detail }) => detail)).toEqual([
    expect.stringContaining("1 in all"),
    expect.stringContaining(`${own}, is replaced at the agent's next start`),
  ]);
});

test("the desk replaces the author from the next start on, and says so everywhere; in quarantine not", async () => {
  await using rig = await openDeskRig();
  const id = toHex(rig.shard.author.id);
  const desk = rig.deskWith({ keys: keysOf() });
  expect((await desk.keys.report()).author_key).toEqual({ id, replaced_at_next_start: false });
  expect(await desk.keys.rotateAuthorKey()).toEqual({ id, replaced_at_next_start: true });
  expect((await desk.keys.report()).author_key).toEqual({ id, replaced_at_next_start: true });
  expect((await desk.checks()).checks).toContainEqual(expect.objectContaining({ name: "author key", state: "WARN" }));
  const former = new Scribe(2, 1);
  former.entries.push(encodeHandover(former.author.publicKey, rig.shard.author));
  await rig.shard.merge(...former.update(1, 3));
  expect((await desk.log(1)).entries).toMatchObject([{ kind: "handover", seq: 3, name: id }]);
  expect((await desk.log(1)).handovers).toMatchObject([{ to: `clinic (${id})` }]);
  expect((await desk.village.roster()).handovers).toEqual((await desk.log(1)).handovers);
  await rig.shard.putFile("still", utf8("under the former key, until then"));

  await using shut = await openDeskRig({ quarantine: "attest: mismatch" });
  expect((await shut.desk.keys.report()).author_key).toEqual({ id: "", replaced_at_next_start: false });
  await expect(shut.desk.keys.rotateAuthorKey()).rejects.toMatchObject({ code: "QUARANTINE" });
});
