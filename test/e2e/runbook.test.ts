/**
 * Every command of the runbook is typed here, in a sandbox with real agents, in the order of the page; or it stands in
 * NOT_HERE with the reason. A new command without a decision fails.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AgentProcess, ROOT, startAgent } from "./agent-process.ts";

const PAGE = readFileSync(join(ROOT, "docs/runbook.md"), "utf8");
const LIMIT_MS = 120_000;

const SYSTEMD = "needs systemd with the package: test/machines";
const WORDS = "wants the recovery words typed in: test/e2e/keys.test.ts";
const PACKAGE = "needs two signed packages, dpkg and root: test/release, test/machines";
const NOT_HERE: Readonly<Record<string, string>> = {
  "systemctl status caye": SYSTEMD,
  "journalctl -u caye -n 50": SYSTEMD,
  "systemctl --failed": SYSTEMD,
  "sudo systemctl stop caye": SYSTEMD,
  "sudo systemctl start caye": SYSTEMD,
  "sudo systemctl restart caye": SYSTEMD,
  "sudo journalctl --vacuum-size=50M": SYSTEMD,
  "sudo apt-get clean": "is another program's, and would change this machine",
  "sudo chown -R caye:caye /var/lib/caye": "needs root and the package's user",
  "sudo mv /var/lib/caye /var/lib/caye-unreadable": "needs root, and would move a node's state",
  "sudo caye time apply": "would set this machine's clock: test/upkeep/time.test.ts",
  "caye recovery check": WORDS,
  "sudo caye recovery open --state /var/lib/caye": WORDS,
  "sudo caye update check /media/stick/caye_0.2.0_arm64.deb": PACKAGE,
  "sudo caye update apply /media/stick/caye_0.2.0_arm64.deb": PACKAGE,
  "sudo caye update rollback": PACKAGE,
  "caye update status": "reads /var/lib/caye-update of a node: test/release",
};

/** What `caye doctor` finds here is no matter: that it ends with a list is. */
const MAY_FAIL: ReadonlySet<string> = new Set(["caye doctor"]);

/** Commands of the page, without their remarks, one by one; a loop is one. */
const STATEMENTS = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) => statementsOf(block));

function statementsOf(block: string): string[] {
  const found: string[] = [];
  let open = "";
  for (const line of block.split("\n")) {
    open += `${line}\n`;
    if (spawnSync("bash", ["-n"], { input: open }).status !== 0) continue;
    const statement = open.replaceAll(/\s+#.*$/gm, "").trim();
    if (statement !== "") found.push(statement);
    open = "";
  }
  return found;
}

const home = mkdtempSync(join(tmpdir(), "caye-runbook-"));
let old: AgentProcess;
let fresh: AgentProcess;
let author = "";

interface Typed {
  readonly status: number | null;
  readonly output: string;
}

/** As typed on a node: the page's places are the sandbox's. */
function typed(statement: string, agent: AgentProcess | undefined): Typed {
  const state = agent?.state ?? join(home, "nowhere");
  const year = new Date().getUTCFullYear() + 1;
  const soon = new Date(Date.now() + 60_000).toISOString().replace(/\.\d+/, "");
  const local = statement
    .replaceAll("/media/stick", `${home}/stick`)
    .replaceAll("/var/lib/caye", state)
    .replaceAll("/etc/caye", `${home}/etc`)
    .replaceAll("/opt/caye-next", ROOT)
    .replaceAll("3f9a1c20b4d5e6f7", author)
    .replaceAll("2027-12-31", `${year}-12-31`)
    .replaceAll("2027-02-14T08:30-06:00", soon);
  const env = {
    PATH: `${home}/bin:${process.env["PATH"] ?? ""}`,
    HOME: home,
    CAYE_STATE: state,
    CAYE_CONFIG: `${home}/etc/caye.toml`,
    // Some shells' start files ask for it.
    PS1: "",
  };
  const ran = spawnSync("bash", ["-euo", "pipefail", "-c", local], {
    cwd: home,
    env,
    encoding: "utf8",
    timeout: LIMIT_MS,
  });
  return { status: ran.status, output: `${ran.stdout}${ran.stderr}` };
}

function must(statement: string, agent?: AgentProcess): string {
  const { status, output } = typed(statement, agent);
  expect(status, `${statement}\n${output}`).toBe(0);
  return output;
}

async function node(): Promise<AgentProcess> {
  const env = { CAYE_CONFIG: `${home}/etc/caye.toml`, CAYE_API_PORT: "0", CAYE_METRICS_PORT: "0" };
  const agent = await startAgent({ command: ["node", "src/main.ts", "run"], env });
  await agent.printed("radio ready", LIMIT_MS);
  return agent;
}

/** What has to be there before a command, as it would be for who reads the page. */
const BEFORE: Readonly<Record<string, () => void>> = {
  "caye backup check /media/stick/clinic.caye-backup --key village.secret": () => {
    const [file = ""] = globSync(`${home}/stick/*.caye-backup`);
    cpSync(file, `${home}/stick/clinic.caye-backup`);
  },
  "caye village revoke 3f9a1c20b4d5e6f7 --authority village.authority": () => {
    must(`caye village join ${author}.certificate`, old);
  },
};

beforeAll(async () => {
  for (const name of ["bin", "stick", "etc"]) mkdirSync(join(home, name));
  const scripts = {
    caye: `exec node --disable-warning=ExperimentalWarning ${ROOT}/src/main.ts "$@"`,
    sudo: 'exec "$@"',
    // Nothing here may touch the services of this machine.
    systemctl: "exit 0",
  };
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(home, "bin", name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(home, "bin", name), 0o755);
  }
  writeFileSync(`${home}/etc/caye.toml`, "");
  const made = must("caye village create --out village.authority");
  const authority = /[0-9a-f]{128}/.exec(made)?.[0] ?? "";
  const config = `[node]\nname = "clinic-roof"\n[radio]\nmodem = "sim:"\n[village]\nauthority = "${authority}"\n`;
  for (const name of ["caye", "next", "enforce"]) writeFileSync(`${home}/etc/${name}.toml`, config);
  must("caye backup keys --out village && cp village.pub etc/backup.pub");
  [old, fresh] = await Promise.all([node(), node()]);
  writeFileSync(`${home}/storm-bulletin.txt`, "Storm bulletin 7: go to the school.\n".repeat(2_000));
  must("caye put storm-bulletin.txt", old);
  author = /"author": "([0-9a-f]{16})"/.exec(must("caye status --json", old))?.[1] ?? "";
}, 2 * LIMIT_MS);

afterAll(async () => {
  await old?.[Symbol.asyncDispose]();
  await fresh?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

test("the page has commands, and what is left out stands on it", () => {
  expect(STATEMENTS.length).toBeGreaterThan(30);
  for (const statement of Object.keys(NOT_HERE)) expect(STATEMENTS, statement).toContain(statement);
  for (const statement of Object.keys(BEFORE)) expect(STATEMENTS, statement).toContain(statement);
});

async function isTyped(statement: string): Promise<void> {
  if (statement.includes("retire")) await old.stop();
  BEFORE[statement]?.();
  const { status, output } = typed(statement, statement.includes("restore") ? fresh : old);
  if (MAY_FAIL.has(statement)) expect([0, 1], output).toContain(status);
  else expect(status, output).toBe(0);
}

describe("typed in the page's order", () => {
  test.each([...STATEMENTS.entries()])(
    "%i: %s",
    async (_, statement) => {
      const reason = NOT_HERE[statement];
      // Not skipped: that it is left out, and why, is decided above.
      if (reason === undefined) await isTyped(statement);
      else expect(reason).not.toBe("");
    },
    LIMIT_MS,
  );
});

test(
  "after all that, the new node has the old one's file, byte for byte",
  () => {
    must("caye get storm-bulletin.txt -o came-back.txt", fresh);
    expect(readFileSync(`${home}/came-back.txt`)).toEqual(readFileSync(`${home}/storm-bulletin.txt`));
  },
  LIMIT_MS,
);
