/** Caye and tpm2-tools judge each other's quotes and credentials, on a real software TPM: RSA and ECC, both ways. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test, type TestContext } from "vitest";
import { makeCredential } from "../../src/attest/credential.ts";
import { judgeEk } from "../../src/attest/ek-chain.ts";
import { decodeKeyFile, evidenceFiles } from "../../src/attest/evidence-files.ts";
import { encodeEventLog, eventsOf } from "../../src/attest/logs/own.ts";
import { attestTools } from "../../src/attest/tools.ts";
import { systemClock } from "../../src/drivers/clock.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { openTpm } from "../../src/drivers/tpm/open.ts";
import type { EvidenceFiles, VerifyRequest } from "../../src/kernel/attest-tools.ts";
import { ByteWriter, toHex, utf8, type Bytes } from "../../src/kernel/bytes.ts";
import { decodePublic, objectName, type TpmPublic } from "../../src/kernel/tpm-public.ts";
import type { Credential, KeyKind, Tpm } from "../../src/ports/tpm.ts";
import { tcgLog } from "../fakes/boot-logs.ts";
import { temporaryDirectory } from "../fakes/chips.ts";
import { silentLog } from "../fakes/log.ts";
import { missingFor, startSwtpmServer, type SwtpmServer } from "../fakes/swtpm-server.ts";
import { sha256 } from "../fakes/tpm.ts";
import { answerOf, requestOf } from "./enrolling.ts";
import { evidenceOf, OWN_PCR, ownDigests } from "./rig.ts";

const PROGRAMS = ["swtpm", "swtpm_setup", "tpm2_createak", "tpm2_quote", "tpm2_checkquote", "tpm2_activatecredential"];
const PCRS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 14];
const SELECTION = `sha256:${PCRS.join(",")}`;
const EK_HANDLES: Readonly<Record<KeyKind, string>> = { rsa: "0x81010001", ecc: "0x81010016" };

/** One TPM for all tests, set up as a maker would, with an authority of its own. */
const place = temporaryDirectory();
let starting: Promise<SwtpmServer> | undefined;
afterAll(async () => {
  await (await starting)?.[Symbol.asyncDispose]();
  place.remove();
});

async function server(context: TestContext): Promise<SwtpmServer> {
  const missing = missingFor(...PROGRAMS);
  if (missing !== undefined) context.skip(missing);
  starting ??= setUp();
  return await starting;
}

async function setUp(): Promise<SwtpmServer> {
  const directory = join(place.path, "tpm");
  const authority = join(place.path, "ca");
  for (const path of [directory, authority]) mkdirSync(path);
  const write = (name: string, lines: readonly string[]): string => {
    writeFileSync(join(place.path, name), `${lines.join("\n")}\n`);
    return join(place.path, name);
  };
  const localca = write("localca.conf", [
    `statedir = ${authority}`,
    `signingkey = ${authority}/signkey.pem`,
    `issuercert = ${authority}/issuercert.pem`,
    `certserial = ${authority}/certserial`,
  ]);
  const options = write("localca.options", ["--platform-manufacturer Caye", "--platform-model test"]);
  const config = write("setup.conf", [
    "create_certs_tool= /usr/bin/swtpm_localca",
    `create_certs_tool_config = ${localca}`,
    `create_certs_tool_options = ${options}`,
  ]);
  const args = ["--tpm2", "--tpmstate", directory, "--create-ek-cert", "--pcr-banks", "sha256", "--config", config];
  const done = spawnSync("swtpm_setup", [...args, "--overwrite"], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`swtpm_setup: ${done.stdout}${done.stderr}`);
  const running = await startSwtpmServer("tcp", { directory });
  for (const pcr of PCRS) running.tools("tpm2_pcrextend", `${pcr}:sha256=${toHex(sha256(`event ${pcr}`))}`);
  return running;
}

async function withTpm<T>({ uri, directory }: SwtpmServer, work: (tpm: Tpm) => Promise<T>): Promise<T> {
  const options = { stateDir: directory, clock: systemClock(), random: systemRandom(), log: silentLog };
  await using tpm = await openTpm(uri, options);
  return await work(tpm);
}

const TOOLS = attestTools(systemRandom());

function readAll(directory: string, names: readonly string[]): EvidenceFiles {
  return new Map(names.map((name) => [name, new Uint8Array(readFileSync(join(directory, name)))]));
}

function judge(files: EvidenceFiles, enrolment: Uint8Array, nonce: Uint8Array): string {
  const request: VerifyRequest = { files, enrolment, nonce, reboots: 0, quoteOnly: true };
  const { verdict } = TOOLS.verify(request);
  return verdict.ok ? "good" : verdict.reason;
}

describe("Caye judges a quote of tpm2-tools", () => {
  test.for<[string, string, string]>([
    ["ecc", "ecdsa", "an ECC key"],
    ["rsa", "rsassa", "an RSA key, RSASSA"],
    ["rsa", "rsapss", "an RSA key, RSAPSS"],
  ])("by $2", async ([kind, scheme], context) => {
    const tpm = await server(context);
    const nonce = new Uint8Array(randomBytes(20));
    const ek = EK_HANDLES[kind === "rsa" ? "rsa" : "ecc"];
    if (kind === "ecc") tpm.tools("tpm2_createek", "-c", "ek.ctx", "-G", "ecc", "-u", "ek.pub");
    const parent = kind === "ecc" ? "ek.ctx" : ek;
    const key = ["-c", "ak.ctx", "-G", kind, "-g", "sha256", "-s", scheme];
    tpm.tools("tpm2_createak", "-C", parent, ...key, "-u", "ak.pub");
    tpm.tools("tpm2_flushcontext", "-t");
    tpm.tools("tpm2_readpublic", "-c", "ak.ctx", "-f", "pem", "-o", "ak.pem");
    tpm.tools("tpm2_flushcontext", "-t");
    const out = ["-m", "quote.msg", "-s", "quote.sig", "-o", "quote.pcrs", "-g", "sha256"];
    const pss = scheme === "rsapss" ? ["--scheme", scheme] : [];
    tpm.tools("tpm2_quote", "-c", "ak.ctx", "-l", SELECTION, "-q", toHex(nonce), ...out, ...pss);
    tpm.tools("tpm2_flushcontext", "-t");
    const names = ["ak.pub", "ak.pem", "quote.msg", "quote.sig", "quote.pcrs"];
    const files = readAll(tpm.directory, names);
    const enrolment = TOOLS.bareEnrolment(files.get("ak.pub") ?? new Uint8Array(), "theirs");
    expect(judge(files, enrolment, nonce)).toBe("good");
    expect(judge(files, enrolment, randomBytes(20))).toBe("nonce");
    // The key of an enrolment is enough where only its PEM form came along, and another's is not.
    const pemOnly = new Map([...files].filter(([name]) => name !== "ak.pub"));
    expect(judge(pemOnly, enrolment, nonce)).toBe("good");
    const other = await withTpm(
      tpm,
      async (own) => (await own.attestationKey({ kind: kind === "rsa" ? "rsa" : "ecc" })).publicArea,
    );
    expect(judge(pemOnly, TOOLS.bareEnrolment(other, ""), nonce)).toBe("other-key");
    // TPMT_PUBLIC without its length does as well.
    const bare = files.get("ak.pub")?.subarray(2) ?? new Uint8Array();
    expect(judge(new Map([...files, ["ak.pub", bare]]), enrolment, nonce)).toBe("good");
    for (const name of names) expect(judge(flipped(files, name), enrolment, nonce), name).not.toBe("good");
  });

  test.for(["sha384:0,7", "sha1:0", "sha1:0+sha384:7"])(
    "over banks that the TPM has not (%s), as empty",
    async (selection, context) => {
      const tpm = await server(context);
      const nonce = new Uint8Array(randomBytes(20));
      const key = ["-c", "ak.ctx", "-G", "ecc", "-g", "sha256", "-s", "ecdsa", "-u", "ak.pub"];
      tpm.tools("tpm2_createak", "-C", EK_HANDLES.rsa, ...key);
      tpm.tools("tpm2_flushcontext", "-t");
      const out = ["-m", "quote.msg", "-s", "quote.sig", "-o", "quote.pcrs", "-g", "sha256"];
      tpm.tools("tpm2_quote", "-c", "ak.ctx", "-l", selection, "-q", toHex(nonce), ...out);
      tpm.tools("tpm2_flushcontext", "-t");
      const files = readAll(tpm.directory, ["ak.pub", "quote.msg", "quote.sig", "quote.pcrs"]);
      const enrolment = TOOLS.bareEnrolment(files.get("ak.pub") ?? new Uint8Array(), "");
      expect(judge(files, enrolment, nonce)).toBe("bank-missing");
    },
  );
});

function flipped(files: EvidenceFiles, name: string): EvidenceFiles {
  const bytes = files.get(name) ?? new Uint8Array();
  const at = Math.floor(bytes.length / 2);
  return new Map([...files, [name, bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))]]);
}

describe("tpm2_checkquote accepts a quote of Caye", () => {
  test.for<KeyKind>(["ecc", "rsa"])("by its %s key, and no other nonce, and no changed file", async (kind, context) => {
    const tpm = await server(context);
    const nonce = new Uint8Array(randomBytes(32));
    const evidence = await withTpm(tpm, async (own) => {
      const { publicArea } = await own.attestationKey({ kind });
      const { attest, signature } = await own.quote(nonce, PCRS, { kind });
      const logs = { own: undefined, tcg: undefined, ima: undefined, cel: undefined };
      return { attest, signature, akPublic: publicArea, pcrs: PCRS, values: await own.pcrRead(PCRS), logs };
    });
    const files = evidenceFiles(evidence);
    expect([...files.keys()]).toEqual(["ak.pem", "ak.pub", "quote.msg", "quote.sig", "quote.pcrs"]);
    const check = (all: EvidenceFiles, hex: string): boolean => {
      for (const [name, bytes] of all) writeFileSync(join(tpm.directory, name), bytes);
      const args = [
        "-u",
        "ak.pem",
        "-m",
        "quote.msg",
        "-s",
        "quote.sig",
        "-f",
        "quote.pcrs",
        "-g",
        "sha256",
        "-q",
        hex,
      ];
      return spawnSync("tpm2_checkquote", args, { cwd: tpm.directory }).status === 0;
    };
    expect(check(files, toHex(nonce))).toBe(true);
    expect(check(files, toHex(randomBytes(32)))).toBe(false);
    for (const name of ["quote.msg", "quote.sig"]) expect(check(flipped(files, name), toHex(nonce)), name).toBe(false);
    const enrolment = TOOLS.bareEnrolment(files.get("ak.pub") ?? new Uint8Array(), "ours");
    expect(judge(files, enrolment, nonce)).toBe("good");
    // What they read as the key is what Caye reads.
    writeFileSync(join(tpm.directory, "ours.pub"), files.get("ak.pub") ?? new Uint8Array());
    expect(tpm.tools("tpm2_print", "-t", "TPM2B_PUBLIC", "ours.pub")).toMatch(/restricted/);
  });
});

describe("a credential of Caye", () => {
  test.for<KeyKind>(["rsa", "ecc"])(
    "for the chip's %s key opens in tpm2_activatecredential and in our port",
    async (kind, context) => {
      const tpm = await server(context);
      const secret = new Uint8Array(randomBytes(32));
      tpm.tools("tpm2_createek", "-c", "ek.ctx", "-G", kind, "-u", "ek.pub");
      tpm.tools("tpm2_flushcontext", "-t");
      const key = ["-c", "ak.ctx", "-G", "ecc", "-g", "sha256", "-s", "ecdsa", "-u", "ak.pub"];
      tpm.tools("tpm2_createak", "-C", "ek.ctx", ...key);
      tpm.tools("tpm2_flushcontext", "-t");
      const ek = publicOf(tpm, "ek.pub");
      const ak = publicOf(tpm, "ak.pub");
      const credential = makeCredential(ek, ak.name, secret, systemRandom());
      writeFileSync(join(tpm.directory, "cred.blob"), credentialFile(credential));
      tpm.tools("tpm2_startauthsession", "--policy-session", "-S", "s.ctx");
      tpm.tools("tpm2_policysecret", "-S", "s.ctx", "-c", "e");
      const session = ["-P", "session:s.ctx"];
      tpm.tools(
        "tpm2_activatecredential",
        "-c",
        "ak.ctx",
        "-C",
        "ek.ctx",
        "-i",
        "cred.blob",
        "-o",
        "cred.out",
        ...session,
      );
      tpm.tools("tpm2_flushcontext", "s.ctx");
      tpm.tools("tpm2_flushcontext", "-t");
      expect(new Uint8Array(readFileSync(join(tpm.directory, "cred.out")))).toEqual(secret);
      await withTpm(tpm, async (own) => {
        const name = objectName((await own.attestationKey()).publicArea);
        const ours = makeCredential(ek, name, secret, systemRandom());
        expect(new Uint8Array(await own.activateCredential(kind, ours))).toEqual(secret);
        await expect(own.activateCredential(kind, credential)).rejects.toThrow("0x1df");
        const last = ours.blob.length - 1;
        const blob = ours.blob.map((byte, i) => (i === last ? byte ^ 1 : byte));
        await expect(own.activateCredential(kind, { ...ours, blob })).rejects.toThrow("0x1df");
      });
    },
  );
});

test("the certificate that swtpm_setup gave the chip leads to its authority, and to no other", async (context) => {
  const tpm = await server(context);
  const keys = await withTpm(tpm, (own) => own.endorsementKeys());
  const certified = keys.find(({ certificate }) => certificate !== undefined);
  if (certified?.certificate === undefined) throw new Error("swtpm_setup left no certificate");
  const ek = decodePublic(certified.publicArea);
  if (!ek.ok) throw new Error(ek.reason);
  const read = (name: string): Uint8Array => readFileSync(join(place.path, "ca", name));
  const authority = [read("issuercert.pem"), read("swtpm-localca-rootca-cert.pem")];
  const nowS = Math.floor(systemClock().nowMs() / 1000);
  const shared = { certificate: certified.certificate, ek: ek.value, nowS };
  expect(judgeEk({ ...shared, roots: authority })).toMatchObject({ ok: true, rootName: "CN=swtpm-localca-rootca" });
  expect(judgeEk({ ...shared, roots: authority.slice(1) })).toMatchObject({ ok: false, reason: "no-root" });
  const stranger = readFileSync(join(import.meta.dirname, "..", "vectors", "attest", "root.pem"));
  expect(judgeEk({ ...shared, roots: [stranger] })).toMatchObject({ ok: false, reason: "no-root" });
});

test("a node whose chip its maker certified is enrolled by that, and its next quotes are judged", async (context) => {
  const tpm = await server(context);
  const events = eventsOf(ownDigests());
  const read = (name: string): Uint8Array => readFileSync(join(place.path, "ca", name));
  const roots = [read("issuercert.pem"), read("swtpm-localca-rootca-cert.pem")];
  await withTpm(tpm, async (own) => {
    // Before the agent, the other tests extended its register: a log of firmware says so.
    const base = (await own.pcrRead([OWN_PCR])).get(OWN_PCR) ?? new Uint8Array();
    for (const { digest } of events) await own.pcrExtend(OWN_PCR, digest);
    const before = tcgLog([{ pcr: OWN_PCR, type: 5, data: utf8(`event ${OWN_PCR}`) }]);
    const log = encodeEventLog({ pcr: OWN_PCR, base: new Uint8Array(base), events });
    const node = { tpm: own, pcrs: [OWN_PCR], logs: { own: log, tcg: before, ima: undefined, cel: undefined } };
    const request = await requestOf(node);
    const made = TOOLS.challenge(request, { kind: "chain", roots, nowS: Math.floor(systemClock().nowMs() / 1000) });
    expect(made).toMatchObject({ endorsement: expect.stringContaining("CN=swtpm-localca-rootca"), warnings: [] });
    expect(() => TOOLS.challenge(request, { kind: "chain", roots: [] })).toThrow("no-root");
    const { enrolment } = TOOLS.finish(await answerOf(node, request, made.challenge), made.pending);
    expect(TOOLS.showEnrolment(enrolment)).toMatchObject({ endorsement: "chain", own_pcr: OWN_PCR });
    const nonce = new Uint8Array(randomBytes(32));
    const files = evidenceFiles(await evidenceOf(own, nonce, [OWN_PCR], node.logs));
    const judge = (all: EvidenceFiles) => {
      const { verdict } = TOOLS.verify({ files: all, enrolment, nonce, reboots: 0 });
      return verdict.ok ? "good" : verdict.reason;
    };
    expect(judge(files)).toBe("good");
    for (const name of files.keys()) {
      if (name !== "tcg-events.bin") expect(judge(flipped(files, name)), name).not.toBe("good");
      const without = new Map([...files].filter(([other]) => other !== name));
      expect(judge(without), name).toBe(
        name.startsWith("ak.") ? "good" : name.startsWith("quote") ? "malformed" : "unexplained",
      );
    }
  });
});

function publicOf({ directory }: SwtpmServer, name: string): TpmPublic {
  const area = decodeKeyFile(readFileSync(join(directory, name)));
  const key = area.ok ? decodePublic(area.value) : area;
  if (!key.ok) throw new Error(key.reason);
  return key.value;
}

/** As tpm2-tools keep it: a magic number, version 1, and both parts with their lengths. */
function credentialFile({ blob, secret }: Credential): Bytes {
  const writer = new ByteWriter().u32(0xbadc_c0de).u32(1).u16(blob.length).bytes(blob);
  return writer.u16(secret.length).bytes(secret).finish();
}
