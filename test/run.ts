/**
 * `npm test`: types, lint, format, dead code, then all tests, on the pinned Node. Says one line a step, stops at no
 * failure, and ends with one line: `N passed, N failed, N skipped`. When tests were skipped for want of packages, what to
 * install stands before it. Arguments are passed on as filters of test files; the other steps then rest.
 * @module
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type TestModule, startVitest } from "vitest/node";

const root = fileURLToPath(new URL("..", import.meta.url));
const STEPS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["types", "tsc", "--noEmit"],
  ["lint", "oxlint", "--type-aware"],
  ["format", "oxfmt", "--check"],
  ["dead code", "knip"],
];

const filters = process.argv.slice(2);
const failedSteps = filters.length === 0 ? STEPS.filter((step) => !runStep(...step)) : [];
const tally = await runTests();
for (const skipped of tally.skipped) process.stdout.write(`SKIPPED  ${skipped}\n`);
if (failedSteps.length > 0) process.stdout.write(`FAILED   ${failedSteps.map(([name]) => name).join(", ")}\n`);
const install = lineToInstall(tally.skipped);
if (install !== undefined) process.stdout.write(`To run the skipped tests, too: ${install}\n`);
process.stdout.write(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped.length} skipped\n`);
process.exitCode = failedSteps.length > 0 || !tally.ok ? 1 : 0;

function runStep(name: string, command: string, ...args: string[]): boolean {
  const startedMs = performance.now();
  const bin = join(root, "node_modules/.bin");
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`, NO_COLOR: "1" };
  const result = spawnSync(join(bin, command), args, { cwd: root, env, encoding: "utf8" });
  const ok = result.status === 0;
  line(ok, name, performance.now() - startedMs);
  if (!ok) process.stdout.write(`${result.error?.message ?? ""}${result.stdout ?? ""}${result.stderr ?? ""}\n`);
  return ok;
}

function line(ok: boolean, name: string, ms: number): void {
  process.stdout.write(`${ok ? "ok    " : "FAILED"}   ${name.padEnd(12)}${(ms / 1000).toFixed(1).padStart(6)} s\n`);
}

/** What to type when tests were skipped for want of a Debian package; apt-get passes over what is installed. */
function lineToInstall(skipped: readonly string[]): string | undefined {
  if (!skipped.some((reason) => reason.endsWith(" is not installed"))) return undefined;
  const lists = ["debian-packages.txt", "debian-packages-tests.txt"];
  const rows = lists.flatMap((list) => readFileSync(join(root, "provisioning", list), "utf8").split("\n"));
  const names = rows.flatMap((row) => /^[a-z0-9][^\s#]*/.exec(row) ?? []);
  return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names.join(" ")}`;
}

interface Tally {
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  /** Each with its reason. */
  readonly skipped: readonly string[];
}

async function runTests(): Promise<Tally> {
  const startedMs = performance.now();
  let modules: readonly TestModule[] = [];
  let faults = 0;
  const counter = {
    onTestRunEnd(testModules: readonly TestModule[], unhandled: readonly unknown[]): void {
      modules = testModules;
      faults = unhandled.length;
    },
  };
  const vitest = await startVitest(filters, { root, watch: false, run: true, reporters: ["default", counter] });
  await vitest.close();
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  for (const module of modules) {
    // A file that could not even be loaded has no tests to count: it counts as one that failed.
    if (!module.ok() && [...module.children.allTests("failed")].length === 0) failed++;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === "passed") passed++;
      else if (result.state === "skipped") skipped.push(`${test.fullName}: ${result.note ?? "no reason given"}`);
      else failed++;
    }
  }
  const ok = failed === 0 && faults === 0 && passed > 0;
  line(ok, "tests", performance.now() - startedMs);
  return { ok, passed, failed, skipped };
}
