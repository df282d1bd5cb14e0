/** `caye doctor`, with and without an agent. @module */
import { beforeEach, expect, test } from "vitest";
import { AgentError } from "../../src/kernel/errors.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";

const RADIO = "/dev/serial/by-id/usb-RAK4631";
const STATE = "/home/ana/.local/state/caye";
let cli: FakeCli;
beforeEach(() => {
  cli = fakeCli();
  for (const program of ["swtpm", "swtpm_setup", "tpm2_checkquote", "socat"]) {
    cli.files.set(`/usr/bin/${program}`, new Uint8Array(0));
  }
});

function device(path: string, usable: boolean): void {
  cli.special.set(path, { kind: "device", mode: 0o660, readable: usable, writable: usable });
}

async function check(name: string): Promise<unknown> {
  const report: unknown = JSON.parse((await cli.run("doctor", "--json")).out);
  const checks = typeof report === "object" && report !== null && "checks" in report ? report.checks : [];
  return Array.isArray(checks) ? checks.find((row) => row.name === name) : undefined;
}

test("--json is a list of checks, each with name, state, detail and fix, the agent's own among them", async () => {
  const { code, out } = await cli.run("doctor", "--json");
  expect(code).toBe(0);
  const text = expect.any(String);
  const state = expect.stringMatching(/^(?:OK|WARN|FAIL)$/);
  expect(JSON.parse(out)).toEqual({
    checks: ["node", "config", "state directory", "packages", "tpm", "agent", "radio"].map((name) => ({
      name,
      state,
      detail: text,
      fix: text,
    })),
  });
  // What both can see, the agent knows better.
  expect(await check("radio")).toEqual({ name: "radio", state: "WARN", detail: "simulated", fix: "Plug one in." });
});

test("the table has a line a check, its fix below, and a verdict", async () => {
  device("/dev/tpmrm0", true);
  expect((await cli.run("doctor")).out).toBe(
    [
      "OK    node             Node 24.21.0",
      "OK    config           defaults: CAYE_CONFIG names no file here (an agent started with --config has its own)",
      `OK    state directory  ${STATE}`,
      "OK    packages         swtpm, swtpm-tools, tpm2-tools, socat",
      "OK    tpm              TPM 2.0 at /dev/tpmrm0",
      "OK    agent            it runs and answers",
      "WARN  radio            simulated",
      "                       fix: Plug one in.",
      "",
      "Works, with 1 warning.",
      "",
    ].join("\n"),
  );
});

test("without an agent it still checks what it can, and ends with 1", async () => {
  cli.answer = undefined;
  const { code, out } = await cli.run("doctor");
  expect(code).toBe(1);
  expect(out).toContain("FAIL  agent            no agent is running here");
  expect(out).toContain("fix: Start it: npm start.");
  expect(out).toMatch(/1 check failed, 2 warnings\.\n$/);
  expect(await check("radio")).toMatchObject({ state: "WARN", fix: "Plug a Meshtastic radio in." });
});

test("a radio or a TPM without permission fails, with the group to join", async () => {
  cli.answer = undefined;
  device(RADIO, false);
  device("/dev/tpmrm0", false);
  expect(await check("radio")).toMatchObject({ state: "FAIL", fix: expect.stringContaining("dialout") });
  expect(await check("tpm")).toMatchObject({ state: "FAIL", fix: expect.stringContaining("tss") });
  device(RADIO, true);
  expect(await check("radio")).toEqual({ name: "radio", state: "OK", detail: "serial device usb-RAK4631", fix: "" });
});

test("missing programs come with the line to type", async () => {
  cli.files.delete("/usr/bin/socat");
  cli.files.delete("/usr/bin/swtpm");
  expect(await check("packages")).toEqual({
    name: "packages",
    state: "WARN",
    detail: "missing: swtpm, socat",
    fix: "sudo apt-get install -y --no-install-recommends swtpm socat",
  });
  expect(await check("tpm")).toMatchObject({ state: "FAIL", detail: "there is neither /dev/tpmrm0 nor swtpm" });
});

test("the state directory must be ours alone", async () => {
  const facts = { kind: "directory", mode: 0o755, readable: true, writable: true } as const;
  cli.special.set(STATE, facts);
  expect(await check("state directory")).toMatchObject({ state: "FAIL", fix: `chmod 700 '${STATE}'` });
  cli.special.set(STATE, { ...facts, mode: 0o700, writable: false });
  expect(await check("state directory")).toMatchObject({ state: "FAIL", detail: `this user may not use ${STATE}` });
  cli.special.set(STATE, { ...facts, kind: "file" });
  expect(await check("state directory")).toMatchObject({ state: "FAIL", detail: `${STATE} is no directory` });
  cli.env["CAYE_STATE"] = "/new";
  expect(await check("state directory")).toMatchObject({ state: "WARN", detail: "/new is not there yet" });
});

test("a wrong configuration and a wrong Node fail, with the fix", async () => {
  cli.configProblem = new AgentError("CONFIG_INVALID", "1 problem in the configuration:\n  radio.x: …", {
    fix: "See docs.",
  });
  cli.nodeVersion = "20.19.2";
  expect(await check("config")).toMatchObject({
    state: "FAIL",
    detail: "1 problem in the configuration: radio.x: …",
    fix: "See docs.",
  });
  expect(await check("node")).toMatchObject({ state: "FAIL", fix: expect.stringContaining("npm run setup") });
});
