/** What operators do with alerts, over a real book, exchange and radio queue. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { AlertDraft } from "../../src/kernel/alert-reports.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { isAgentError } from "../../src/kernel/errors.ts";
import { readCap } from "../../src/alert/cap-read.ts";
import { decodeMessage } from "../../src/wire/codec.ts";
import { authorNumber, noticeWith, signedBy } from "../fakes/alerts.ts";
import { openDeskRig, type DeskRig } from "../fakes/desk.ts";

const FLOOD = readFileSync(new URL("../../src/sim/village-files/shelter/alert-flood.cap.xml", import.meta.url));
const STORM: AlertDraft = {
  severity: "Extreme",
  categories: ["Met"],
  headline: "Sea over the road",
  instruction: "Go to the school.",
  areas: ["Harbour"],
  circles: ["17.25,-88.77 2"],
  expires_in_s: 21_600,
};

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    if (isAgentError(error)) return error.code;
    throw error;
  }
}

/** The types of the messages that the radio was given. */
async function saidBy(rig: DeskRig): Promise<string[]> {
  await rig.clock.advance(10_000);
  return rig.modem.sent.map(({ packet: { payload } }) => {
    const message = decodeMessage(payload);
    return message.ok ? message.value.type : message.reason;
  });
}

describe("an alert of this node", () => {
  test("is on disk, told, and on the air first of all", async () => {
    await using rig = await openDeskRig();
    await rig.desk.put("notes.txt", utf8("some words that wait"));
    const sent = await rig.desk.alerts.send(STORM);
    expect(sent).toMatchObject({
      alert: { standing: "own", state: "active", severity: "Extreme", event: "Severe weather", mapped: true },
      dropped: [],
      cut: [],
    });
    expect(sent.bytes).toBeLessThan(200);
    expect(sent.air_ms).toBeGreaterThan(500);
    expect((await saidBy(rig))[0]).toBe("alert");
    expect(await rig.desk.alerts.list()).toMatchObject({ alerts: [{ id: sent.alert.id }] });
    // Who sent it has read it.
    expect((await rig.desk.status()).alerts).toEqual({ active: 1, unread: 0, unverified: 0 });
  });

  test("is refused with a sentence when something is missing or wrong", async () => {
    await using rig = await openDeskRig();
    const { alerts } = rig.desk;
    for (const draft of [
      { areas: ["Harbour"] },
      { severity: "Severe" },
      { ...STORM, circles: ["here"] },
      { ...STORM, polygons: ["1,1 2,2 1,1"] },
      { ...STORM, circles: ["99,0 1"] },
      { ...STORM, msg_type: "Update" },
      { severity: "Severe", areas: ["Harbour"] },
      { severity: "Severe", areas: ["Harbour"], headline: " ", description: "" },
      { severity: "Severe", areas: [" "], headline: "Sea over the road" },
    ] as const) {
      expect(await codeOf(alerts.send(draft))).toBe("ALERT_INVALID");
    }
    expect((await alerts.list()).alerts).toEqual([]);
  });

  test("that is too long goes whole into a file, and says so", async () => {
    await using rig = await openDeskRig();
    const description = Array.from({ length: 200 }, (_, i) => `w${(i * 7919) % 1000}`).join(" ");
    const sent = await rig.desk.alerts.send({ ...STORM, description });
    expect(sent.cut).toContain("info[0].description");
    expect(sent.alert).toMatchObject({ shortened: true, full_file: `alert-${sent.alert.id}.cap.xml` });
    const { files } = await rig.desk.files();
    const file = files.find(({ name }) => name === sent.alert.full_file);
    const content = await rig.desk.content(file?.cid ?? "");
    const full = readCap(content ?? new Uint8Array(0));
    expect(full.ok && full.value.alert.infos[0]?.description).toBe(description);
  });

  test("is updated with what changed, and cancelled until it would have ended", async () => {
    await using rig = await openDeskRig();
    const { alerts } = rig.desk;
    const first = await alerts.send(STORM);
    const update = { msg_type: "Update", references: [first.alert.id], severity: "Moderate" } as const;
    const nothing = { msg_type: "Update", references: [first.alert.id] } as const;
    await expect(alerts.send(nothing)).rejects.toMatchObject({ message: expect.stringContaining("changes nothing") });
    const second = await alerts.send(update);
    expect(second.alert).toMatchObject({
      severity: "Moderate",
      headline: "Sea over the road",
      references: [first.alert.id],
    });
    const third = await alerts.send({ msg_type: "Cancel", references: [second.alert.id], note: "False alarm" });
    expect(third.alert).toMatchObject({ msg_type: "Cancel", expires: first.alert.expires, note: "False alarm" });
    expect((await alerts.list()).alerts.map(({ state }) => state)).toEqual(["active", "cancelled", "cancelled"]);
  });

  test("is answered once: what was replaced or taken back can't be changed beside its answer", async () => {
    await using rig = await openDeskRig();
    const { alerts } = rig.desk;
    const first = await alerts.send(STORM);
    const update = (id: string) => alerts.send({ msg_type: "Update", references: [id], severity: "Moderate" });
    const cancel = (id: string) => alerts.send({ msg_type: "Cancel", references: [id] });
    const second = await update(first.alert.id);
    await expect(update(first.alert.id)).rejects.toMatchObject({ fix: `Name ${second.alert.id} instead.` });
    const third = await cancel(second.alert.id);
    for (const { alert } of [first, second, third]) {
      await expect(update(alert.id)).rejects.toMatchObject({ code: "ALERT_INVALID" });
      await expect(cancel(alert.id)).rejects.toMatchObject({ code: "ALERT_INVALID" });
    }
    expect((await alerts.list()).alerts).toHaveLength(3);
  });

  test("does not begin after its end", async () => {
    await using rig = await openDeskRig();
    const { alerts } = rig.desk;
    const late = { ...STORM, onset_in_s: 7_200, expires_in_s: 3_600 };
    await expect(alerts.send(late)).rejects.toThrow("it would end before it begins");
    expect((await alerts.send({ ...late, onset_in_s: 600 })).alert.onset).not.toBeNull();
  });
});

describe("CAP XML", () => {
  test("goes in and comes out, both languages whole", async () => {
    await using rig = await openDeskRig();
    const fresh = FLOOD.toString().replace("2026-11-20T15:00:00-06:00", "2025-06-15T09:00:00-06:00");
    const sent = await rig.desk.alerts.importCap(utf8(fresh), []);
    expect(sent.dropped).toEqual(["identifier", "sender"]);
    const xml = await rig.desk.alerts.exportCap(sent.alert.id);
    const out = readCap(utf8(xml));
    const original = readCap(utf8(fresh));
    if (!out.ok || !original.ok) throw new Error(xml);
    expect(out.value.alert.infos).toEqual(original.value.alert.infos);
    expect(out.value.alert.sentUnixS).toBe(original.value.alert.sentUnixS);
  });

  test("that is none is refused with the place", async () => {
    await using rig = await openDeskRig();
    expect(await codeOf(rig.desk.alerts.importCap(utf8("<alert/>"), []))).toBe("CAP_INVALID");
  });
});

describe("an alert of another node", () => {
  test("is shown as unverified, acknowledged here, and changed by nobody but its author", async () => {
    await using rig = await openDeskRig();
    const notice = noticeWith({ sentUnixS: Math.floor(rig.clock.nowMs() / 1000) });
    await rig.hear({ type: "alert", ...signedBy(authorNumber(9), 3, notice) });
    const [row] = (await rig.desk.alerts.list()).alerts;
    expect(row).toMatchObject({ standing: "unverified", state: "active", acknowledged: false });
    expect((await rig.desk.status()).alerts).toEqual({ active: 1, unread: 1, unverified: 1 });
    expect(await rig.desk.alerts.acknowledge(row!.id)).toMatchObject({ acknowledged: true });
    expect((await rig.desk.status()).alerts).toEqual({ active: 1, unread: 0, unverified: 1 });
    expect(await codeOf(rig.desk.alerts.send({ msg_type: "Cancel", references: [row!.id] }))).toBe("ALERT_NOT_OWN");
    expect(await codeOf(rig.desk.alerts.show("00000000-1"))).toBe("NOT_FOUND");
    const seen = await rig.desk.alerts.seen(row!.id);
    expect(seen.nodes).toEqual([{ node: expect.stringContaining("clinic"), acknowledged: true, since_s: 0 }]);
  });
});

test("docs/alerts.md names every field of an alert in the list, and of one that is shown", async () => {
  await using rig = await openDeskRig();
  const { alert } = await rig.desk.alerts.send(STORM);
  const [row] = (await rig.desk.alerts.list()).alerts;
  const page = readFileSync(new URL("../../docs/alerts.md", import.meta.url), "utf8");
  const section = /^## For scripts\n([\s\S]*?)^## /m.exec(page)?.[1] ?? "";
  const table = section.split("\n").filter((line) => line.startsWith("| `"));
  const named = table.flatMap((line) =>
    [...(line.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
  );
  expect(named.toSorted()).toEqual(Object.keys(row ?? {}).toSorted());
  for (const name of [...Object.keys(alert), ...Object.keys(alert.texts[0] ?? {})])
    expect(section).toContain(`\`${name}\``);
});

test("in quarantine alerts are shut, too", async () => {
  await using rig = await openDeskRig({ quarantine: "attest failed" });
  expect(await codeOf(rig.desk.alerts.list())).toBe("QUARANTINE");
  expect(await codeOf(rig.desk.alerts.send(STORM))).toBe("QUARANTINE");
  expect((await rig.desk.status()).alerts).toEqual({ active: 0, unread: 0, unverified: 0 });
});
