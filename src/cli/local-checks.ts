/** What `caye doctor` sees without an agent: Node, configuration, state directory, packages, TPM and radio. @module */
import { describeError, isAgentError } from "../kernel/errors.ts";
import type { Check } from "../kernel/reports.ts";
import type { CliIo } from "./io.ts";

const NODE_MAJOR = 24;
const TPM_DEVICE = "/dev/tpmrm0";
const SERIAL_BY_ID = "/dev/serial/by-id";
/** Programs that the software devices and the tests need, each with its Debian package. */
const PROGRAMS: Readonly<Record<string, string>> = {
  swtpm: "swtpm",
  swtpm_setup: "swtpm-tools",
  tpm2_checkquote: "tpm2-tools",
  socat: "socat",
};

export async function localChecks(io: CliIo): Promise<readonly Check[]> {
  return [
    checkNode(io.nodeVersion),
    await checkConfig(io),
    await checkState(io),
    await checkPackages(io),
    await checkTpm(io),
    await checkRadio(io),
  ];
}

function checkNode(version: string): Check {
  const good = Number(version.split(".")[0]) === NODE_MAJOR;
  return good
    ? ok("node", `Node ${version}`)
    : fail(
        "node",
        `Node ${version}, but Caye is tested on Node ${NODE_MAJOR}`,
        "npm run setup, then start with npm start",
      );
}

async function checkConfig(io: CliIo): Promise<Check> {
  try {
    await io.checkConfig();
    return ok(
      "config",
      io.env["CAYE_CONFIG"] ?? "defaults: CAYE_CONFIG names no file here (an agent started with --config has its own)",
    );
  } catch (error) {
    return fail(
      "config",
      describeError(error).replaceAll(/\s*\n\s*/g, " "),
      isAgentError(error) ? (error.fix ?? "") : "",
    );
  }
}

async function checkState(io: CliIo): Promise<Check> {
  const name = "state directory";
  let path: string;
  try {
    path = io.statePath();
  } catch (error) {
    return fail(name, describeError(error), isAgentError(error) ? (error.fix ?? "") : "");
  }
  const facts = await io.facts(path);
  if (facts === undefined)
    return warn(
      name,
      `${path} is not there yet`,
      "npm start makes it; a node's own is root's to look at: sudo caye doctor.",
    );
  if (facts.kind !== "directory") return fail(name, `${path} is no directory`, "Name another: CAYE_STATE=DIR");
  if (!facts.writable || !facts.readable) {
    return fail(name, `this user may not use ${path}`, "Use the user that the agent runs as.");
  }
  if ((facts.mode & 0o077) !== 0) return fail(name, `other users may look into ${path}`, `chmod 700 '${path}'`);
  return ok(name, path);
}

async function checkPackages(io: CliIo): Promise<Check> {
  const missing: string[] = [];
  for (const [program, debianPackage] of Object.entries(PROGRAMS)) {
    if (!(await onPath(io, program))) missing.push(debianPackage);
  }
  if (missing.length === 0) return ok("packages", Object.values(PROGRAMS).join(", "));
  const install = `sudo apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  return warn("packages", `missing: ${missing.join(", ")}`, install);
}

async function checkTpm(io: CliIo): Promise<Check> {
  const facts = await io.facts(TPM_DEVICE);
  if (facts?.readable === true && facts.writable) return ok("tpm", `TPM 2.0 at ${TPM_DEVICE}`);
  if (facts !== undefined) {
    return fail("tpm", `no permission on ${TPM_DEVICE}`, 'sudo usermod -aG tss "$USER", then log in again');
  }
  if (await onPath(io, "swtpm")) {
    return warn(
      "tpm",
      "a TPM in software: it protects against nobody who has the disk",
      "Fit a TPM 2.0 (SLB 9670 or 9672).",
    );
  }
  const fix = "Fit a TPM 2.0, or: sudo apt-get install -y --no-install-recommends swtpm";
  return fail("tpm", `there is neither ${TPM_DEVICE} nor swtpm`, fix);
}

async function checkRadio(io: CliIo): Promise<Check> {
  const devices = await io.list(SERIAL_BY_ID);
  if (devices.length === 0) {
    return warn(
      "radio",
      "no serial device on USB: the simulated village stands in for a radio",
      "Plug a Meshtastic radio in.",
    );
  }
  for (const device of devices) {
    const facts = await io.facts(`${SERIAL_BY_ID}/${device}`);
    if (facts?.readable === true && facts.writable) return ok("radio", `serial device ${device}`);
  }
  const fix = 'sudo usermod -aG dialout "$USER", then log in again';
  return fail("radio", `no permission on ${SERIAL_BY_ID}/${devices[0] ?? ""}`, fix);
}

async function onPath(io: CliIo, program: string): Promise<boolean> {
  for (const directory of (io.env["PATH"] ?? "").split(":")) {
    if (directory !== "" && (await io.facts(`${directory}/${program}`))?.kind === "file") return true;
  }
  return false;
}

function ok(name: string, detail: string): Check {
  return { name, state: "OK", detail, fix: "" };
}

function warn(name: string, detail: string, fix: string): Check {
  return { name, state: "WARN", detail, fix };
}

function fail(name: string, detail: string, fix: string): Check {
  return { name, state: "FAIL", detail, fix };
}
