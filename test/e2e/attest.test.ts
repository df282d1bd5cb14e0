/** Attestation as operators live it: a real agent on a software TPM, the real commands, and tpm2-tools as the stranger. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attestTools } from "../../src/attest/tools.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { isInstalled } from "../fakes/chips.ts";
import { typed } from "../fakes/local-io.ts";
import { missingFor, startSwtpmServer, type SwtpmServer } from "../fakes/swtpm-server.ts";
import { type AgentProcess, type CliResult, eventually, ROOT, run, startAgent } from "./agent-process.ts";

const NODE = join(ROOT, "node_modules/.bin/node");
const START = { command: [NODE, "src/main.ts", "run"] } as const;
/** A machine that does much else takes its time to start an agent. */
const LIMIT = { timeout: 240_000 };
const LOCAL_CA = "/var/lib/swtpm-localca";
const UNTIL = ["--until", "2099-12-31"];
const missing = isInstalled("swtpm") ? undefined : "swtpm is not installed";

const directory = mkdtempSync(join(tmpdir(), "caye-attest-"));
const state = join(directory, "state");
const at = (name: string): string => join(directory, name);
const nonce = (): string => randomBytes(32).toString("hex");

/** As typed, without the second that a process of its own takes. */
function caye(...args: readonly string[]): Promise<CliResult> {
  return typed(directory, state, ...args);
}

/** In a process of its own, as people do. */
function cayeProcess(...args: readonly string[]): Promise<CliResult> {
  const { PATH = "", HOME = "" } = process.env;
  return run([NODE, join(ROOT, "src/main.ts"), ...args], { PATH, HOME, CAYE_STATE: state }, directory);
}

/** @throws with what was said when it fails */
async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await caye(...args);
  if (code !== 0) throw new Error(`caye ${args.join(" ")} ended with ${code}: ${stdout}${stderr}`);
  return stdout;
}

async function quoted(name: string, ...more: readonly string[]): Promise<string> {
  const hex = nonce();
  await done("attest", "quote", "--nonce", hex, "--out", name, ...more);
  return hex;
}

/** Exit code and first word. */
async function verdict(hex: string, name: string, ...more: readonly string[]): Promise<string> {
  const enrolment = more.includes("--enrolment") ? [] : ["--enrolment", "clinic.enrolment"];
  const { code, stdout, stderr } = await caye("attest", "verify", "--nonce", hex, ...enrolment, ...more, name);
  expect(stderr).toBe("");
  return `${code} ${stdout.split(":")[0]}`;
}

let agent: AgentProcess | undefined;

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  agent = await startAgent({ ...START, state, env });
  await agent.printed("caye is up");
}

async function restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
  await agent?.stop();
  await start(env);
}

/** The radio tells its number a moment after the start. */
async function enrolled(...args: readonly string[]): Promise<string> {
  return eventually(async () => {
    const { code, stdout, stderr } = await caye("attest", "enrol", ...args);
    if (code !== 0 && stderr.includes("has not told its number")) return undefined;
    if (code !== 0) throw new Error(stdout + stderr);
    return stdout;
  });
}

afterAll(async () => {
  await agent?.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe.skipIf(missing !== undefined)("a node with a TPM in software", LIMIT, () => {
  let authority = "";
  const env = (): Record<string, string> => ({ CAYE_VILLAGE_AUTHORITY: authority, CAYE_NODE_NAME: "clinic" });

  beforeAll(async () => {
    mkdirSync(state);
    await done("village", "create", "--out", "village.authority");
    authority =
      /authority = "([0-9a-f]+)"/.exec(await done("village", "show", "--authority", "village.authority"))?.[1] ?? "";
    await start(env());
    await enrolled("--pin", "--out", "clinic.enrolment");
  }, 240_000);

  test("is enrolled aloud, quotes, and is believed by Caye and by tpm2_checkquote", async (context) => {
    const said = await enrolled("--pin", "--out", "second.enrolment");
    expect(said).toContain("pinned");
    expect(said).toMatch(/clinic \([0-9a-f]{16}\) is enrolled/);
    const hex = nonce();
    const quote = await cayeProcess("attest", "quote", "--nonce", hex, "--out", "quote");
    expect([quote.code, quote.stderr]).toEqual([0, ""]);
    const judge = ["attest", "verify", "--enrolment", "clinic.enrolment", "--nonce"];
    const good = await cayeProcess(...judge, hex, "quote");
    expect([good.code, good.stdout]).toEqual([0, expect.stringMatching(/^attested: /)]);
    const bad = await cayeProcess(...judge, nonce(), "quote");
    expect([bad.code, bad.stdout]).toEqual([1, expect.stringMatching(/^nonce: /)]);
    // Once more: nothing but the nonce makes a quote old.
    expect(await verdict(hex, "quote")).toBe("0 attested");
    if (!isInstalled("tpm2_checkquote")) context.skip("tpm2_checkquote is not installed");
    for (const key of ["ecc", "rsa"]) {
      const fresh = await quoted(`quote-${key}`, "--key", key);
      expect([key, checkquote(`quote-${key}`, fresh)]).toEqual([key, 0]);
      expect([key, checkquote(`quote-${key}`, nonce())]).toEqual([key, 1]);
    }
  });

  test("is not believed for an old quote, a nonce of others, or another key", async () => {
    const [first, second] = [await quoted("first"), await quoted("second")];
    expect(await verdict(second, "first")).toBe("1 nonce");
    expect(await verdict(nonce(), "second")).toBe("1 nonce");
    expect(await verdict(first, "first")).toBe("0 attested");
    const rsa = await quoted("rsa", "--key", "rsa");
    expect(await verdict(rsa, "rsa")).toBe("1 other-key");
    await done("attest", "enrol", "--from-ak", "rsa/ak.pub", "--out", "rsa.enrolment");
    expect(await verdict(rsa, "rsa", "--enrolment", "rsa.enrolment", "--quote-only")).toBe("0 attested");
    expect(await verdict(rsa, "rsa", "--enrolment", "rsa.enrolment")).toBe("1 policy-missing");
    const { stdout } = await caye(
      "attest",
      "verify",
      "--nonce",
      second,
      "--enrolment",
      "clinic.enrolment",
      "--json",
      "first",
    );
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      reason: "nonce",
      fix: expect.stringMatching(/\w/),
      counters: null,
    });
  });

  test("is not believed with any of its files changed, cut short, empty or gone", async () => {
    const hex = await quoted("good");
    const reasons: Readonly<Record<string, RegExp>> = {
      "ak.pem": /^1 (malformed|other-key)$/,
      "ak.pub": /^1 (malformed|other-key|key-attributes)$/,
      "quote.msg": /^1 (malformed|signature)$/,
      "quote.sig": /^1 (malformed|signature)$/,
      "quote.pcrs": /^1 (malformed|values|selection)$/,
      "own-events.json": /^1 (malformed|unexplained|drift)$/,
    };
    const names = Object.keys(reasons);
    const files = new Map(names.map((name) => [name, new Uint8Array(readFileSync(at(`good/${name}`)))]));
    const enrolment = new Uint8Array(readFileSync(at("clinic.enrolment")));
    const asked = { enrolment, nonce: new Uint8Array(Buffer.from(hex, "hex")), reboots: 0 };
    const judged = (changed: ReadonlyMap<string, Uint8Array>): string => {
      const { verdict: found } = attestTools(systemRandom()).verify({ ...asked, files: changed });
      return found.ok ? "0 attested" : `1 ${found.reason}`;
    };
    expect(judged(files)).toBe("0 attested");
    for (const [file, reason] of Object.entries(reasons)) {
      const bytes = files.get(file) ?? new Uint8Array();
      for (const changed of [flipped(bytes), bytes.subarray(0, bytes.length >> 1), new Uint8Array()]) {
        expect(judged(new Map([...files, [file, changed]])), file).toMatch(reason);
      }
      // The key stands in two files, of which one is enough.
      const gone = judged(new Map([...files].filter(([name]) => name !== file)));
      expect(gone, `${file} gone`).toMatch(file.startsWith("ak.") ? /^0 attested$/ : reason);
    }
    cpSync(at("good"), at("bad"), { recursive: true });
    writeFileSync(at("bad/quote.msg"), flipped(readFileSync(at("good/quote.msg"))));
    expect(await verdict(hex, "bad")).toBe("1 signature");
    mkdirSync(at("nothing"));
    expect(await verdict(hex, "nothing")).toBe("1 malformed");
    writeFileSync(at("garbled.enrolment"), randomBytes(500));
    expect(await verdict(hex, "good", "--enrolment", "garbled.enrolment")).toBe("1 malformed");
  });

  test("is enrolled by files, each step done again, and cut off between any two", async () => {
    const stick = (name: string): string => `stick/${name}`;
    mkdirSync(at("stick"));
    await enrolled("request", "--out", stick("clinic.attest-request"));
    const request = readFileSync(at(stick("clinic.attest-request")));
    await done("attest", "enrol", "request", "--out", stick("clinic.attest-request"));
    expect(readFileSync(at(stick("clinic.attest-request")))).toEqual(request);
    const challenge = ["attest", "enrol", "challenge", stick("clinic.attest-request"), "--pin"];
    await done(...challenge);
    // It holds the secret in clear.
    expect(statSync(at(stick("clinic.pending"))).mode & 0o777).toBe(0o600);
    // Cut off between the two files of that step: it is simply done again.
    rmSync(at(stick("clinic.challenge")));
    await done(...challenge);
    const refused = await caye(...challenge);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("--again")]);
    await done("attest", "enrol", "answer", stick("clinic.challenge"));
    await done("attest", "enrol", "answer", stick("clinic.challenge"));
    const finish = [
      "attest",
      "enrol",
      "finish",
      stick("clinic.answer"),
      "--pending",
      stick("clinic.pending"),
      "--out",
      "files.enrolment",
    ];
    await done(...finish);
    const enrolment = readFileSync(at("files.enrolment"));
    await done(...finish);
    expect(readFileSync(at("files.enrolment"))).toEqual(enrolment);
    expect(await verdict(await quoted("by-files"), "by-files", "--enrolment", "files.enrolment")).toBe("0 attested");
    // Newer counters are not written over by an old answer.
    const late = await caye(...finish);
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining("exists already")]);
    // A second challenge makes the first one's answer worthless.
    await done(...challenge, "--again");
    const other = await caye(...finish.slice(0, -1), "other.enrolment");
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining("answers another challenge")]);
    expect(existsSync(at("other.enrolment"))).toBe(false);
    for (const step of [
      ["challenge", "quote"],
      ["answer", stick("clinic.answer")],
    ] as const) {
      const wrong = await caye("attest", "enrol", ...step, ...(step[0] === "challenge" ? ["--pin"] : []));
      expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/^caye: .+\n/)]);
      expect(wrong.stderr).not.toContain("    at ");
    }
  });

  test("gets a certificate that names its attestation key, which the roster shows", async () => {
    await enrolled("--pin", "--out", "member.enrolment", "--authority", "village.authority", ...UNTIL);
    const facts: { ak_name: string } = JSON.parse(await done("attest", "enrol", "show", "--json", "member.enrolment"));
    expect(facts.ak_name).toMatch(/^000b[0-9a-f]{64}$/);
    expect(await done("village", "join", "member.certificate")).toContain("taken, and told");
    const { members }: { members: { name: string; attestation_key: string }[] } = JSON.parse(
      await done("roster", "--json"),
    );
    expect(members).toEqual([
      expect.objectContaining({ name: "clinic", attestation_key: expect.stringMatching(/^0[23]/) }),
    ]);
    expect(await done("roster")).toContain(members[0]?.attestation_key.slice(2, 10));
  });

  test("measures no configuration from a device, a pipe or a heap of bytes", async () => {
    writeFileSync(at("heap.toml"), "");
    truncateSync(at("heap.toml"), 2 ** 33);
    expect(spawnSync("mkfifo", [at("pipe.toml")]).status).toBe(0);
    for (const file of ["/dev/zero", "heap.toml", "pipe.toml"]) {
      const { code, stderr } = await caye("attest", "policy", "reference", "--config", file);
      expect([file, code, stderr]).toEqual([file, 1, expect.stringMatching(/no regular file|too long/)]);
    }
  });

  test("is judged by a policy of its authority: its word alone, in its time", async () => {
    const reference: Record<string, string> = JSON.parse(await done("attest", "policy", "reference", "--json"));
    const nowS = Math.floor(Date.now() / 1000);
    const policy = {
      version: 1,
      from: nowS - 60,
      until: nowS + 3_600,
      pcrs: [14],
      own: { code: [reference["code"]] },
      values: [],
      firmware: [],
      resets: "confirm",
      unattested: "serve",
      max_age_s: 3_600,
    };
    const signed = async (name: string, changes: object = {}): Promise<string[]> => {
      writeFileSync(at("policy.json"), JSON.stringify({ ...policy, ...changes }));
      await done("attest", "policy", "sign", "policy.json", "--authority", "village.authority", "--out", name);
      return ["--policy", name, "--authority", authority, "--enrolment", "policy.enrolment"];
    };
    cpSync(at("clinic.enrolment"), at("policy.enrolment"));
    const hex = await quoted("judged");
    const good = await signed("good.policy");
    expect(await verdict(hex, "judged", ...good)).toBe("0 attested");
    expect(await verdict(hex, "judged", ...(await signed("early.policy", { from: nowS + 3_000 })))).toBe(
      "1 policy-not-yet",
    );
    expect(await verdict(hex, "judged", ...(await signed("late.policy", { from: 1, until: nowS - 60 })))).toBe(
      "1 policy-expired",
    );
    expect(await verdict(hex, "judged", ...(await signed("other.policy", { own: { code: ["00".repeat(32)] } })))).toBe(
      "1 drift",
    );
    const second = await signed("second.policy", { version: 2 });
    expect(await verdict(hex, "judged", ...second)).toBe("0 attested");
    expect(await verdict(hex, "judged", ...good)).toBe("1 policy-stale");
    const bytes = readFileSync(at("second.policy"), "utf8");
    writeFileSync(at("second.policy"), bytes.replace('"confirm"', '"count"'));
    expect(await verdict(hex, "judged", ...second)).toBe("1 policy-forged");
    expect((await caye("attest", "policy", "show", "second.policy", "--authority", authority)).code).toBe(1);
    expect((await caye("attest", "policy", "show", "good.policy", "--authority", authority)).code).toBe(0);
  });

  test("is judged over HTTP as by the command", async () => {
    const hex = await quoted("http");
    const { api }: { api: string } = JSON.parse(readFileSync(join(state, "agent.json"), "utf8"));
    const token = readFileSync(join(state, "token"), "utf8").trim();
    const base64 = (name: string): string => readFileSync(at(name)).toString("base64");
    const names = ["ak.pub", "quote.msg", "quote.sig", "quote.pcrs", "own-events.json"];
    const files = Object.fromEntries(names.map((name) => [name, base64(`http/${name}`)]));
    const ask = async (changes: object = {}, authorization = `Bearer ${token}`) => {
      const body = JSON.stringify({ nonce: hex, enrolment: base64("clinic.enrolment"), files, ...changes });
      const response = await fetch(`${api}/v1/attest/verify`, { method: "POST", headers: { authorization }, body });
      const report: Record<string, unknown> = JSON.parse(await response.text());
      return { status: response.status, report };
    };
    const good = await ask();
    expect(good).toMatchObject({ status: 200, report: { ok: true, name: "clinic", reason: "" } });
    writeFileSync(at("http.enrolment"), Buffer.from(String(good.report["enrolment"]), "base64"));
    expect(await verdict(hex, "http", "--enrolment", "http.enrolment")).toBe("0 attested");
    expect(await ask({ nonce: nonce() })).toMatchObject({
      status: 200,
      report: { ok: false, reason: "nonce", enrolment: "" },
    });
    expect(await ask({ files: {} })).toMatchObject({ status: 200, report: { ok: false, reason: "malformed" } });
    expect(await ask({ files: { "../x": "" } })).toMatchObject({ status: 400 });
    expect(await ask({ policy: "AA==" })).toMatchObject({ status: 400 });
    expect(await ask({}, "")).toMatchObject({ status: 401 });
  });

  test("shows a restart that the verifier does not know of", async () => {
    const before = await quoted("before");
    expect(await verdict(before, "before")).toBe("0 attested");
    await restart(env());
    const after = await quoted("after");
    const unknown = await caye("attest", "verify", "--nonce", after, "--enrolment", "clinic.enrolment", "after");
    expect([unknown.code, unknown.stdout]).toEqual([1, expect.stringMatching(/^unknown-reset: [\s\S]*--reboots/)]);
    expect(await verdict(after, "after", "--reboots", "2")).toBe("1 reset-missing");
    expect(await verdict(after, "after", "--reboots", "1", "--dry-run")).toBe("0 attested");
    expect(await verdict(after, "after", "--reboots", "1")).toBe("0 attested");
    expect(await verdict(before, "before")).toBe("1 counters-backward");
  });

  test("answers in quarantine, too: data and radio are shut, and its TPM tells why", async () => {
    await restart({ ...env(), CAYE_TRUST_MODE: "enforce", CAYE_NODE_NAME: "impostor" });
    expect(agent?.output()).toContain("quarantine");
    const shut = await quoted("shut");
    const drift = await caye(
      "attest",
      "verify",
      "--nonce",
      shut,
      "--enrolment",
      "clinic.enrolment",
      "--reboots",
      "1",
      "shut",
    );
    expect([drift.code, drift.stdout]).toEqual([1, expect.stringMatching(/^drift: .*config/)]);
    const request = await caye("attest", "enrol", "request", "--out", "shut.attest-request");
    expect([request.code, request.stderr]).toEqual([1, expect.stringContaining("data and radio are shut")]);
  });
});

describe.skipIf(missing !== undefined)("a node that opens its store in accepted states alone", LIMIT, () => {
  test("starts in another one once its authority has approved just that", async () => {
    await agent?.stop();
    rmSync(state, { recursive: true, force: true });
    mkdirSync(state);
    const shown = await done("village", "show", "--authority", "village.authority");
    const updateKey = /update_key = "([0-9a-f]+)"/.exec(shown)?.[1] ?? "";
    const env = { CAYE_TRUST_MODE: "enforce", CAYE_TRUST_UPDATE_KEY: updateKey };
    await start({ ...env, CAYE_NODE_NAME: "clinic" });
    await enrolled("--pin", "--out", "sealed.enrolment");
    await restart({ ...env, CAYE_NODE_NAME: "hospital" });
    expect(agent?.output()).toContain("quarantine");
    const named = /approve this state, ([0-9a-f]{64})/.exec(await done("status", "--json"))?.[1] ?? "";
    writeFileSync(at("next.json"), await done("attest", "policy", "reference", "--json"));
    const approve = [
      "attest",
      "policy",
      "approve",
      "--authority",
      "village.authority",
      "--enrolment",
      "sealed.enrolment",
    ];
    await done(...approve, "--reference", "next.json", "--out", "reckoned.approval");
    await done(...approve, "--digest", named, "--out", "named.approval");
    // What the authority reckons from the digests is what the shut node asks for.
    const stateOf = (name: string) => /"approved": ?"([0-9a-f]{64})"/.exec(readFileSync(at(name), "utf8"))?.[1];
    expect([stateOf("reckoned.approval"), stateOf("named.approval")]).toEqual([named, named]);
    await done("allow-update", "--approval", "reckoned.approval");
    await restart({ ...env, CAYE_NODE_NAME: "hospital" });
    expect(agent?.output()).not.toContain("quarantine");
    const hex = await quoted("updated");
    const judge = ["--enrolment", "sealed.enrolment", "--reboots", "2"];
    expect(await verdict(hex, "updated", ...judge)).toBe("1 drift");
  });
});

describe("a chip with its maker's certificate, on another socket", LIMIT, () => {
  const wanted = missingFor("swtpm", "swtpm_setup", "tpm2_quote", "tpm2_createak");
  let server: SwtpmServer | undefined;

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  test("is enrolled by the chain to that maker, and by no other", async (context) => {
    if (wanted !== undefined) context.skip(wanted);
    await agent?.stop();
    rmSync(state, { recursive: true, force: true });
    mkdirSync(state);
    server = await startSwtpmServer("tcp", { setUp: true });
    await start({ CAYE_TRUST_TPM: server.uri, CAYE_NODE_NAME: "school" });
    // A maker's authority, and the root above it.
    mkdirSync(at("roots"));
    for (const file of ["issuercert.pem", "swtpm-localca-rootca-cert.pem"])
      cpSync(join(LOCAL_CA, file), at(`roots/${file}`));
    const said = await enrolled("--roots", "roots", "--out", "school.enrolment");
    expect(said).toContain("certified by");
    const facts: { endorsement: string } = JSON.parse(
      await done("attest", "enrol", "show", "--json", "school.enrolment"),
    );
    expect(facts.endorsement).toBe("chain");
    expect(await verdict(await quoted("school"), "school", "--enrolment", "school.enrolment")).toBe("0 attested");
    mkdirSync(at("strangers"));
    cpSync(join(ROOT, "test/vectors/attest/root.pem"), at("strangers/root.pem"));
    const refused = await caye("attest", "enrol", "--roots", "strangers", "--out", "no.enrolment");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/nothing shows whose chip[\s\S]*--pin/)]);
    expect(existsSync(at("no.enrolment"))).toBe(false);
  });

  test("quotes by tpm2-tools are judged as well, RSA and ECC", async (context) => {
    if (wanted !== undefined) context.skip(wanted);
    await agent?.stop();
    await server?.[Symbol.asyncDispose]();
    server = await startSwtpmServer("tcp", { setUp: true });
    const { directory: files } = server;
    const tools = (...words: [string, ...string[]]): string => server?.tools(...words) ?? "";
    tools("tpm2_pcrextend", `16:sha256=${"ab".repeat(32)}`);
    for (const [kind, scheme] of [
      ["ecc", "ecdsa"],
      ["rsa", "rsassa"],
      ["rsa", "rsapss"],
    ] as const) {
      const name = `${kind}-${scheme}`;
      mkdirSync(at(name));
      tools(
        "tpm2_createak",
        "-C",
        "0x81010001",
        "-c",
        `${name}.ctx`,
        "-G",
        kind,
        "-g",
        "sha256",
        "-s",
        scheme,
        "-u",
        `${name}.pub`,
      );
      tools("tpm2_flushcontext", "-t");
      const hex = nonce();
      tools(
        "tpm2_quote",
        "-c",
        `${name}.ctx`,
        "-l",
        "sha256:0,7,16",
        "-q",
        hex,
        "--scheme",
        scheme,
        "-g",
        "sha256",
        "-m",
        "q.msg",
        "-s",
        "q.sig",
        "-o",
        "q.pcrs",
      );
      tools("tpm2_flushcontext", "-t");
      cpSync(join(files, `${name}.pub`), at(`${name}/ak.pub`));
      for (const part of ["msg", "sig", "pcrs"]) cpSync(join(files, `q.${part}`), at(`${name}/quote.${part}`));
      await done("attest", "enrol", "--from-ak", `${name}/ak.pub`, "--out", `${name}.enrolment`);
      const only = ["--enrolment", `${name}.enrolment`, "--quote-only"];
      expect([name, await verdict(hex, name, ...only)]).toEqual([name, "0 attested"]);
      expect([name, await verdict(nonce(), name, ...only)]).toEqual([name, "1 nonce"]);
      expect([name, await verdict(hex, name, ...only.slice(0, 2))]).toEqual([name, "1 not-measured"]);
    }
  });
});

function checkquote(name: string, hex: string): number | null {
  const d = at(name);
  const files = ["-u", `${d}/ak.pem`, "-m", `${d}/quote.msg`, "-s", `${d}/quote.sig`, "-f", `${d}/quote.pcrs`];
  return spawnSync("tpm2_checkquote", [...files, "-g", "sha256", "-q", hex]).status;
}

/** One bit, in the last quarter: behind what only frames the rest. */
function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const byte = Math.floor(copy.length * 0.75);
  copy[byte] = (copy[byte] ?? 0) ^ 1;
  return copy;
}
