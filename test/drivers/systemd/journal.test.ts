/** What the journal is given: one line of JSON behind its level, and only when it is the journal that reads. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openLog } from "../../../src/drivers/log.ts";
import { isJournal } from "../../../src/drivers/systemd/journal.ts";
import { eventually, ROOT } from "../../e2e/agent-process.ts";

const folder = mkdtempSync(join(tmpdir(), "caye-journal-"));
const journal = join(folder, "journal");
const descriptor = openSync(journal, "w");
const { dev, ino } = fstatSync(descriptor, { bigint: true });
afterAll(() => {
  closeSync(descriptor);
  rmSync(folder, { recursive: true, force: true });
});

test("the journal reads when the descriptor is the one that systemd has named", () => {
  expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, descriptor)).toBe(true);
  expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino + 1n}` }, descriptor)).toBe(false);
  expect(isJournal({ JOURNAL_STREAM: `${dev}` }, descriptor)).toBe(false);
  expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, 9_999)).toBe(false);
  expect(isJournal({}, descriptor)).toBe(false);
});

test("a line has its level in front, the sentence first, and no time of its own", async () => {
  const written: string[] = [];
  const log = await openLog({ level: "debug", format: "journal", stream: { write: (text) => written.push(text) } });
  log.named("radio").warn("radio down", { reason: "no\nanswer", retryInMs: 1_000 });
  log.error("disk is full");
  log.info("ok");
  log.debug("detail", { msg: "not the sentence" });
  expect(written).toEqual([
    '<4>{"level":"warn","component":"radio","msg":"radio down","reason":"no<0a>answer","retryInMs":1000}\n',
    '<3>{"level":"error","msg":"disk is full"}\n',
    '<6>{"level":"info","msg":"ok"}\n',
    expect.stringMatching(/^<7>\{"level":"debug".*\}\n$/),
  ]);
});

test("an agent that systemd has started writes such lines and nothing else", { timeout: 60_000 }, async () => {
  const { PATH = "", HOME = "" } = process.env;
  const env = {
    PATH,
    HOME,
    CAYE_STATE: join(folder, "state"),
    CAYE_API_PORT: "0",
    CAYE_METRICS_PORT: "0",
    CAYE_RADIO_MODEM: "tcp://127.0.0.1:9",
    JOURNAL_STREAM: `${dev}:${ino}`,
  };
  const child = spawn(process.execPath, ["src/main.ts", "run"], { cwd: ROOT, env, stdio: ["ignore", descriptor, 2] });
  const exited = once(child, "exit");
  try {
    await eventually(async () => (readFileSync(journal, "utf8").includes('"caye is up"') ? true : undefined), 45_000);
  } finally {
    child.kill("SIGTERM");
  }
  expect((await exited)[0]).toBe(0);
  const lines = readFileSync(journal, "utf8").trimEnd().split("\n");
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) {
    expect(line).toMatch(/^<[3467]>\{"level":"(?:error|warn|info|debug)",/);
    expect(JSON.parse(line.slice(3))).toMatchObject({ msg: expect.any(String) });
  }
});
