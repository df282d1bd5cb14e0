/** A real agent on a state directory that the card has damaged: it says so, loses no more, and can be healed. @module */
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { FilesReport, StatusReport } from "../../src/kernel/reports.ts";
import { ScriptedRadio } from "../fakes/scripted-radio.ts";
import { caye, startAgent, type AgentProcess } from "./agent-process.ts";

async function startOn(state: string, radio: ScriptedRadio): Promise<AgentProcess> {
  const env = { CAYE_RADIO_MODEM: radio.uri };
  const agent = await startAgent({ env, state, command: [process.execPath, "src/main.ts", "run"] });
  await agent.printed("caye is up", 30_000);
  return agent;
}

async function freshState(): Promise<string> {
  const state = await mkdtemp(join(tmpdir(), "caye-hostile-"));
  onTestFinished(() => rm(state, { recursive: true, force: true }));
  return state;
}

async function json<T>(state: string, ...args: readonly string[]): Promise<T> {
  return JSON.parse((await caye(state, ...args, "--json")).stdout);
}

test(
  "one flipped bit in the database's log is a named state until it is dealt with, never a quiet loss",
  { timeout: 90_000 },
  async () => {
    const state = await freshState();
    await using radio = await ScriptedRadio.open();
    const note = join(state, "note.txt");
    {
      await using agent = await startOn(state, radio);
      for (let i = 0; i < 8; i++) {
        await writeFile(note, `note ${i}`);
        expect((await caye(state, "put", note, "--name", `note-${i}`)).code).toBe(0);
      }
      expect(await agent.stop()).toBe(0);
    }
    const database = join(state, "store", "db");
    const log = (await readdir(database)).find((name) => name.endsWith(".log")) ?? "";
    const bytes = await readFile(join(database, log));
    bytes[bytes.length - 700]! ^= 1;
    await writeFile(join(database, log), bytes);
    for (const start of ["the first start", "the second"]) {
      await using agent = await startOn(state, radio);
      const status = await json<StatusReport>(state, "status");
      expect(status.state, start).toBe("warned");
      expect(status.trust.steps).toContainEqual(
        expect.objectContaining({ step: "store", state: "damaged", fix: expect.stringContaining("store-damage.txt") }),
      );
      const { files } = await json<FilesReport>(state, "ls");
      expect(files.length).toBeGreaterThan(0);
      expect(files.every(({ held }) => held)).toBe(true);
      expect(await agent.stop()).toBe(0);
    }
    await rm(join(state, "store-damage.txt"));
    await using agent = await startOn(state, radio);
    const { trust } = await json<StatusReport>(state, "status");
    expect(trust.steps.filter(({ step }) => step === "store")).toMatchObject([{ state: "open", ok: true }]);
    expect(await agent.stop()).toBe(0);
  },
);

test("a token that nobody could say any more is made anew", { timeout: 60_000 }, async () => {
  const state = await freshState();
  await using radio = await ScriptedRadio.open();
  const note = join(state, "note.txt");
  for (const damaged of [undefined, "", "\n", "\u0001".repeat(48), "short"]) {
    if (damaged !== undefined) await writeFile(join(state, "token"), damaged);
    await using agent = await startOn(state, radio);
    await writeFile(note, `note ${String(damaged)}`);
    expect(await caye(state, "put", note)).toMatchObject({ code: 0 });
    expect(await agent.stop()).toBe(0);
  }
});
