/** The whole agent, killed again and again while clients put files over its API: what it acknowledged stays. @module */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { FilesReport, LogReport, PutReport } from "../../src/kernel/reports.ts";
import { ScriptedRadio } from "../fakes/scripted-radio.ts";
import { seeded } from "../fakes/seeded.ts";
import { eventually, startAgent, type AgentProcess } from "./agent-process.ts";

const ROUNDS = 20;
/** Puts under way at a time. */
const LANES = 6;
/** As many boot steps as the agent logs: it is killed after one of them now and then, too. */
const BOOT_STEPS = 6;

interface Acknowledged {
  readonly cid: string;
  readonly sha256: string;
}

/** By name. */
type Acknowledgements = Map<string, Acknowledged>;

test(
  "a real agent, killed twenty times amid puts over HTTP, has lost none that it acknowledged",
  { timeout: 180_000 },
  async () => {
    const state = await mkdtemp(join(tmpdir(), "caye-kill-agent-"));
    onTestFinished(() => rm(state, { recursive: true, force: true }));
    await using radio = await ScriptedRadio.open();
    const env = { CAYE_RADIO_MODEM: radio.uri, CAYE_LOG_FORMAT: "json" };
    const start = (): Promise<AgentProcess> =>
      startAgent({ env, state, command: [process.execPath, "src/main.ts", "run"] });
    const { below, random } = seeded(42_026);
    const acknowledged: Acknowledgements = new Map();
    for (let round = 0; round < ROUNDS; round++) {
      if (round % 4 === 3) await killAmidBoot(await start(), below(BOOT_STEPS));
      await using agent = await start();
      const client = await clientOf(agent);
      await expectAllHeld(client, acknowledged, [...acknowledged.keys()].slice(-20));
      const content = (most: number): Uint8Array<ArrayBuffer> => Uint8Array.from(random.bytes(1 + below(most)));
      const fresh = await putUntilKilled(agent, client, { round, enough: 1 + below(40), content });
      expect(fresh.size).toBeGreaterThan(0);
      for (const [name, file] of fresh) acknowledged.set(name, file);
    }
    await using last = await start();
    await expectAllHeld(await clientOf(last), acknowledged, [...acknowledged.keys()]);
    expect(last.output()).not.toMatch(/unhandled|repair/i);
    expect(await last.stop()).toBe(0);
    // Neither the killed agents nor the last one left their software TPM behind.
    await eventually(async () => ((await commandsNaming(state)).length === 0 ? true : undefined), 10_000);
  },
);

interface Client {
  readonly put: (name: string, content: Uint8Array<ArrayBuffer>) => Promise<PutReport>;
  readonly files: () => Promise<FilesReport>;
  readonly log: () => Promise<LogReport>;
  readonly content: (cid: string) => Promise<Uint8Array>;
}

async function clientOf(agent: AgentProcess): Promise<Client> {
  await agent.printed("caye is up", 30_000);
  const { api }: { api: string } = JSON.parse(await readFile(join(agent.state, "agent.json"), "utf8"));
  const token = (await readFile(join(agent.state, "token"), "utf8")).trim();
  const headers = { authorization: `Bearer ${token}` };
  const ask = async (path: string, init: RequestInit = {}): Promise<Uint8Array<ArrayBuffer>> => {
    const response = await fetch(api + path, { ...init, headers });
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (response.ok) return bytes;
    throw new Error(`${path}: ${response.status} ${Buffer.from(bytes).toString()}`);
  };
  const parsed = (bytes: Uint8Array): ReturnType<typeof JSON.parse> => JSON.parse(Buffer.from(bytes).toString());
  return {
    put: async (name, body) => parsed(await ask(`/v1/files?name=${name}`, { method: "POST", body })),
    files: async () => parsed(await ask("/v1/files")),
    log: async () => parsed(await ask("/v1/log?limit=1")),
    content: (cid) => ask(`/v1/content/${cid}`),
  };
}

/** Several clients put until so many puts are acknowledged; then the agent dies with the others under way. */
async function putUntilKilled(
  agent: AgentProcess,
  client: Client,
  plan: {
    readonly round: number;
    readonly enough: number;
    readonly content: (most: number) => Uint8Array<ArrayBuffer>;
  },
): Promise<Acknowledgements> {
  const fresh: Acknowledgements = new Map();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (!agent.child.killed) {
      const number = next++;
      const name = `r${plan.round}-${number}`;
      const content = plan.content(number % 7 === 0 ? 60_000 : 2_000);
      try {
        const { cid } = await client.put(name, content);
        fresh.set(name, { cid, sha256: sha256(content) });
      } catch (error) {
        // A put that was under way when the agent died was not acknowledged; any other failure is a fault.
        if (!agent.child.killed) throw error;
        return;
      }
      if (fresh.size >= plan.enough) agent.child.kill("SIGKILL");
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  expect(await agent.exited).toBe("SIGKILL");
  return fresh;
}

async function killAmidBoot(agent: AgentProcess, after: number): Promise<void> {
  await eventually(() => Promise.resolve(agent.output().split("Boot step").length > after || undefined), 30_000, 1);
  expect(await agent.stop("SIGKILL")).toBe("SIGKILL");
}

/** Every acknowledged file is listed as held, the log verifies, and the contents of these are what was put. */
async function expectAllHeld(client: Client, acknowledged: Acknowledgements, names: readonly string[]): Promise<void> {
  const { files } = await client.files();
  const held = new Map(files.flatMap((row) => (row.held ? [[row.name, row.cid] as const] : [])));
  const lost = [...acknowledged].filter(([name, { cid }]) => held.get(name) !== cid).map(([name]) => name);
  expect(lost, "acknowledged and lost").toEqual([]);
  for (const name of names) {
    const file = acknowledged.get(name);
    expect(sha256(await client.content(file?.cid ?? "")), name).toBe(file?.sha256);
  }
  const { authors } = await client.log();
  expect(authors).toHaveLength(1);
  expect(authors[0]).toMatchObject({ verified: true });
  expect(authors[0]?.entries).toBeGreaterThan(acknowledged.size);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Running processes whose command line names a path. */
async function commandsNaming(path: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes(path)) found.push(command.replaceAll("\0", " "));
  }
  return found;
}
