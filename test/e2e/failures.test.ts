/** What stands in the way of a start is said in one message with its fix; whatever tells the agent to stop, it ends in order. */
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AgentProcess, caye, startAgent } from "./agent-process.ts";

const RUN = ["node_modules/.bin/node", "src/main.ts", "run"];
/** No radio answers there, and the simulated village rests: these tests are about the process. */
const NO_RADIO = { CAYE_RADIO_MODEM: "tcp://127.0.0.1:9" };
const STOP_LIMIT_MS = 2_000;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "caye-failures-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Attempt {
  readonly state?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** A start that should fail: its exit code, and all that it said. */
async function attempt({ state, env = NO_RADIO, args = [] }: Attempt): Promise<{ code: unknown; said: string }> {
  const path = state === undefined ? {} : { state };
  await using agent = await startAgent({ command: [...RUN, ...args], env, ...path });
  const [code]: unknown[] = await once(agent.child, "close", { signal: AbortSignal.timeout(15_000) });
  return { code, said: agent.output() };
}

async function startRunning(state: string, env: Readonly<Record<string, string>> = {}): Promise<AgentProcess> {
  const agent = await startAgent({ command: RUN, env: { ...NO_RADIO, ...env }, state });
  await agent.printed("caye is up", 15_000);
  return agent;
}

test("a second agent on one state directory names the first, and leaves it in peace", async () => {
  const state = join(directory, "shared");
  await using first = await startRunning(state);
  const { code, said } = await attempt({ state });
  expect([code, said]).toEqual([
    1,
    expect.stringMatching(/^caye: process \d+ is using .*\/shared\nstop it first .*\n$/),
  ]);
  const json = await attempt({ state, args: ["--json"] });
  expect([json.code, json.said]).toEqual([1, expect.stringContaining('"code": "STATE_IN_USE"')]);
  expect(await caye(state, "put", "package.json")).toMatchObject({ code: 0 });
  expect(await first.stop()).toBe(0);
});

test("a port in use is named, with who uses it and how to get another", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? String(address?.port) : "";
  try {
    const state = join(directory, "port");
    const { code, said } = await attempt({ state, env: { ...NO_RADIO, CAYE_API_PORT: port } });
    const sentence = `caye: port ${port} of \\[api\\] is in use by process ${process.pid} \\(.*\\)\nStop that program, .*\n`;
    expect([code, said]).toEqual([1, expect.stringMatching(new RegExp(`^${sentence}$`))]);
    // It failed before it touched the TPM or the store.
    expect((await readdir(state)).filter((name) => !["lock", "version"].includes(name))).toEqual([]);
  } finally {
    server.close();
  }
});

test("a state directory that can't be one, is somebody else's, or newer, is said to be so and left as it is", async () => {
  const file = join(directory, "file");
  await writeFile(file, "a letter");
  const newer = join(directory, "newer");
  await mkdir(newer);
  await writeFile(join(newer, "version"), "99\n");
  const foreign = join(directory, "foreign");
  await mkdir(foreign);
  await writeFile(join(foreign, "letter.txt"), "dear Ana");
  const cases = [
    [
      join(file, "below"),
      /^caye: .*\/file\/below can't be the state directory: .*\nchoose another one: CAYE_STATE=DIR\n$/,
    ],
    [newer, /^caye: .*\/newer was written by a newer Caye \(format 99, .*\ninstall the Caye that wrote it, .*\n$/],
    [foreign, /^caye: .*\/foreign holds other files, .*\nchoose an empty directory, .*\n$/],
  ] as const;
  for (const [state, sentence] of cases) {
    expect(await attempt({ state })).toEqual({ code: 1, said: expect.stringMatching(sentence) });
  }
  expect((await readdir(newer)).filter((name) => name !== "lock")).toEqual(["version"]);
  expect(await readdir(foreign)).toEqual(["letter.txt"]);
});

test("a configuration that is wrong is refused with the path of the field, before anything is touched", async () => {
  const config = join(directory, "caye.toml");
  const state = join(directory, "untouched");
  const cases = [
    ['[radio]\nprest = "LongFast"\n', "  radio.prest: there is no such field; did you mean preset?\n"],
    ['[radio]\nmodem = "usb:/dev/x"\n', "(it starts with none of serial://, tcp:// and sim:), for example modem ="],
    ['[radio]\nduty_share = "50 %"\n', "write a percentage as a ratio: 50 % is 0.5\n"],
  ] as const;
  for (const [toml, sentence] of cases) {
    await writeFile(config, toml);
    const { code, said } = await attempt({ state, env: {}, args: ["--config", config] });
    expect([code, said]).toEqual([1, expect.stringContaining(sentence)]);
    expect(said).toMatch(/^caye: .*caye.toml: 1 problem in the configuration:\n.*\ndocs\/configuration.md .*\n$/);
  }
  const unreadable = await attempt({ state, args: ["--config", directory] });
  expect(unreadable).toEqual({
    code: 1,
    said: expect.stringMatching(/^caye: .*: it is a directory\nName the right one .*\n$/),
  });
  const variable = await attempt({ state, env: { CAYE_RADIO_HOP_LIMITS: "3" } });
  expect(variable).toEqual({ code: 1, said: expect.stringContaining("did you mean CAYE_RADIO_HOP_LIMIT?") });
  expect(await readdir(directory)).not.toContain("untouched");
});

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s ends the agent within 2 s with code 0", async (signal) => {
  const state = join(directory, signal);
  await using agent = await startRunning(state);
  const closed = once(agent.child, "close");
  const began = performance.now();
  expect(await agent.stop(signal)).toBe(0);
  expect(performance.now() - began).toBeLessThan(STOP_LIMIT_MS);
  await closed;
  expect(agent.output()).toMatch(new RegExp(`\ncaye has stopped \\(${signal}\\)\n$`));
  expect(await readdir(state)).not.toContain("agent.json");
});

test("told to stop while it boots, it ends with code 0 and without complaint", async () => {
  await using agent = await startAgent({ command: RUN, env: NO_RADIO });
  await agent.printed(": boot: ", 15_000);
  expect(await agent.stop()).toBe(0);
  expect(agent.output()).not.toContain("caye:");
});

test("when nobody reads its output any more, it ends in order, with code 0", async () => {
  const state = join(directory, "pipe");
  // It says "radio down" once, which may be before we stop to read; at this level it goes on to say each attempt.
  await using agent = await startRunning(state, { CAYE_LOG_LEVEL: "debug" });
  agent.child.stdout?.destroy();
  const [code]: unknown[] = await once(agent.child, "exit", { signal: AbortSignal.timeout(20_000) });
  expect(code).toBe(0);
  expect(await readdir(state)).not.toContain("agent.json");
});

test("how the log is written is no part of the measured state: to look closer does not shut the node", async () => {
  const state = join(directory, "enforce");
  const env = { ...NO_RADIO, CAYE_TRUST_MODE: "enforce", CAYE_TRUST_TPM: "swtpm:" };
  const looks = [
    { command: RUN, env },
    { command: [...RUN, "--json"], env: { ...env, CAYE_LOG_LEVEL: "debug" } },
  ];
  for (const look of looks) {
    await using agent = await startAgent({ ...look, state });
    await agent.printed("caye is up", 15_000);
    expect(agent.output()).not.toContain("QUARANTINE");
    expect(await agent.stop()).toBe(0);
  }
  await using agent = await startAgent({ command: RUN, env: { ...env, CAYE_NODE_NAME: "another" }, state });
  await agent.printed("in QUARANTINE, data and radio are shut: configuration changed", 15_000);
});
