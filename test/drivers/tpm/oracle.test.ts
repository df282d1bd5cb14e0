/** tpm2-tools, which share no line with us, on the same software TPM: keys, policies, sealed objects, credentials. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, afterAll, describe, expect, test, type TestContext } from "vitest";
import { makeCredential } from "../../../src/attest/credential.ts";
import { systemClock } from "../../../src/drivers/clock.ts";
import { systemRandom } from "../../../src/drivers/random.ts";
import { openTpm } from "../../../src/drivers/tpm/open.ts";
import { ByteReader, ByteWriter, concatBytes, toHex } from "../../../src/kernel/bytes.ts";
import { p256FromSecret } from "../../../src/kernel/p256.ts";
import { pcrPolicyDigest } from "../../../src/kernel/pcr.ts";
import { authorizePolicyDigest, orPolicyDigest, secretPolicyDigest } from "../../../src/kernel/tpm-policy.ts";
import { authorityKeyArea, decodePublic, objectName } from "../../../src/kernel/tpm-public.ts";
import type { Tpm } from "../../../src/ports/tpm.ts";
import { silentLog } from "../../fakes/log.ts";
import { missingFor, startSwtpmServer, type SwtpmServer } from "../../fakes/swtpm-server.ts";
import { sha256 } from "../../fakes/tpm.ts";

const PROGRAMS = ["swtpm", "swtpm_setup", "tpm2_createek", "tpm2_makecredential", "tpm2_policyauthorize"];
const AK_ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|sign";
const ROOT_ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt";
/** What tpm2-tools put before the two parts of a credential: a magic number and a version. */
const CREDENTIAL_HEAD = new ByteWriter().u32(0xbadc_c0de).u32(1).finish();

let server: SwtpmServer | undefined;

beforeAll(async () => {
  if (missingFor(...PROGRAMS) === undefined) server = await startSwtpmServer("tcp", { setUp: true });
});
afterAll(async () => server?.[Symbol.asyncDispose]());

function needServer(context: TestContext): SwtpmServer {
  return server ?? context.skip(missingFor(...PROGRAMS) ?? "swtpm does not start");
}

/** Ours, for as long as the tools keep away: the software TPM serves one program at a time. */
async function withTpm<T>({ uri }: SwtpmServer, use: (tpm: Tpm) => Promise<T>): Promise<T> {
  await using tpm = await openTpm(uri, {
    stateDir: "",
    clock: systemClock(),
    random: systemRandom(),
    log: silentLog,
  });
  return await use(tpm);
}

function file({ directory }: SwtpmServer, name: string, content?: Uint8Array): Uint8Array {
  const path = join(directory, name);
  if (content === undefined) return new Uint8Array(readFileSync(path));
  writeFileSync(path, content);
  return content;
}

/** The form of structures in the tools' files: their length, then they. */
function sized(bytes: Uint8Array): Uint8Array {
  return new ByteWriter().u16(bytes.length).bytes(bytes).finish();
}

function sizedParts(bytes: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(bytes);
  const parts: Uint8Array[] = [];
  while (reader.remaining > 0) parts.push(reader.take(reader.u16()));
  expect(reader.done()).toBeUndefined();
  return parts;
}

/** The unique field of a P-256 template, in the tools' memory layout: two times a length and 128 bytes. */
function unique(server: SwtpmServer, length: number): string {
  const coordinate = new Uint8Array(2 + 128);
  coordinate[0] = length;
  file(server, `unique${length}`, concatBytes(coordinate, coordinate));
  return `unique${length}`;
}

function flush(server: SwtpmServer): void {
  server.tools("tpm2_flushcontext", "-t");
}

/** The storage root, as the tools make it of the same template. */
function storageRoot(server: SwtpmServer): void {
  const shared = ["-Q", "-C", "o", "-g", "sha256", "-G", "ecc", "-a", ROOT_ATTRIBUTES];
  server.tools("tpm2_createprimary", ...shared, "-u", unique(server, 32), "-c", "root.ctx");
  flush(server);
}

describe("with tpm2-tools on the same TPM", () => {
  test.for([
    ["rsa", "rsa"],
    ["ecc", "ecc"],
  ] as const)("the %s endorsement key is that of tpm2_createek", async ([kind, name], context) => {
    const server = needServer(context);
    server.tools("tpm2_createek", "-Q", "-c", `${kind}.ctx`, "-G", name, "-u", `${kind}.ek`);
    flush(server);
    const keys = await withTpm(server, (tpm) => tpm.endorsementKeys());
    const area = keys.find((key) => key.kind === kind)?.publicArea ?? new Uint8Array();
    expect(sized(area)).toEqual(file(server, `${kind}.ek`));
  });

  test("the endorsement key that lies ready is the one that the template makes", async (context) => {
    const server = needServer(context);
    const ready = await withTpm(server, (tpm) => tpm.endorsementKeys());
    server.tools("tpm2_evictcontrol", "-Q", "-C", "o", "-c", "0x81010001");
    const made = await withTpm(server, (tpm) => tpm.endorsementKeys());
    expect(made).toEqual(ready);
    // Somebody's own key in its place is not taken for it.
    storageRoot(server);
    server.tools("tpm2_evictcontrol", "-Q", "-C", "o", "-c", "root.ctx", "0x81010001");
    expect(await withTpm(server, (tpm) => tpm.endorsementKeys())).toEqual(ready);
    server.tools("tpm2_evictcontrol", "-Q", "-C", "o", "-c", "0x81010001");
  });

  test("the endorsement certificates are those of tpm2_nvread, without the room behind them", async (context) => {
    const server = needServer(context);
    server.tools("tpm2_nvread", "-Q", "-C", "o", "-o", "rsa.der", "0x01c00002");
    const rsa = file(server, "rsa.der");
    // Nobody puts a P-256 certificate into a software TPM: any certificate shows how it is read and trimmed.
    file(server, "padded.der", concatBytes(rsa, new Uint8Array(300).fill(0xff)));
    const attributes = "ownerread|authread|authwrite|ownerwrite|no_da";
    server.tools("tpm2_nvdefine", "-Q", "-C", "o", "-s", `${rsa.length + 300}`, "-a", attributes, "0x01c0000a");
    server.tools("tpm2_nvwrite", "-Q", "-C", "o", "-i", "padded.der", "0x01c0000a");
    const keys = await withTpm(server, (tpm) => tpm.endorsementKeys());
    expect(keys.map(({ certificate }) => certificate)).toEqual([rsa, rsa]);
    server.tools("tpm2_nvundefine", "-Q", "-C", "o", "0x01c0000a");
  });

  test.for([
    ["never written", "ownerread|authread|authwrite|no_da", undefined],
    ["not readable without a password", "policyread|authwrite|no_da", [0x30, 0x82, 0, 1, 0]],
    ["no certificate", "ownerread|authread|authwrite|no_da", [0x31, 0x82, 0, 1, 0]],
    ["longer than its room", "ownerread|authread|authwrite|no_da", [0x30, 0x82, 0, 2, 0]],
  ] as const)("what is %s is no certificate, and no error", async ([, attributes, content], context) => {
    const server = needServer(context);
    server.tools("tpm2_nvdefine", "-Q", "-C", "o", "-s", "5", "-a", attributes, "0x01c0000a");
    if (content !== undefined) {
      file(server, "content", Uint8Array.from(content));
      server.tools("tpm2_nvwrite", "-Q", "-C", "0x01c0000a", "-i", "content", "0x01c0000a");
    }
    const keys = await withTpm(server, (tpm) => tpm.endorsementKeys());
    server.tools("tpm2_nvundefine", "-Q", "-C", "o", "0x01c0000a");
    expect(keys.map(({ certificate }) => certificate === undefined)).toEqual([false, true]);
  });

  test.for([
    ["ecc", "ecc:ecdsa-sha256:null"],
    ["rsa", "rsa2048:rsassa-sha256:null"],
  ] as const)(
    "the %s attestation key is the one that they make of the same template",
    async ([kind, type], context) => {
      const server = needServer(context);
      const shared = ["-Q", "-C", "e", "-g", "sha256", "-G", type, "-a", AK_ATTRIBUTES, "-c", "ak.ctx"];
      server.tools("tpm2_createprimary", ...shared, ...(kind === "ecc" ? ["-u", unique(server, 0)] : []));
      server.tools("tpm2_readpublic", "-Q", "-c", "ak.ctx", "-o", "ak.pub");
      flush(server);
      const { publicArea } = await withTpm(server, (tpm) => tpm.attestationKey({ kind }));
      expect(sized(publicArea)).toEqual(file(server, "ak.pub"));
    },
  );

  test("policy digests are those of tpm2_policypcr, tpm2_policyauthorize, tpm2_policyor and tpm2_policysecret", async (context) => {
    const server = needServer(context);
    const { x, y } = p256FromSecret(randomBytes(32), "authority");
    const area = authorityKeyArea(x, y);
    const policyRef = sha256("node 1");
    file(server, "authority.pub", sized(area));
    file(server, "ref", policyRef);
    server.tools("tpm2_loadexternal", "-Q", "-C", "o", "-u", "authority.pub", "-c", "key.ctx", "-n", "authority.name");
    flush(server);
    expect(file(server, "authority.name")).toEqual(objectName(area));

    const inSession = (program: string, ...args: string[]): Uint8Array => {
      server.tools("tpm2_startauthsession", "-S", "session.ctx");
      server.tools(program, "-S", "session.ctx", "-L", "policy", ...args);
      server.tools("tpm2_flushcontext", "session.ctx");
      return file(server, "policy");
    };
    const values = await withTpm(server, (tpm) => tpm.pcrRead([0, 7, 14]));
    const pcrs = inSession("tpm2_policypcr", "-Q", "-l", "sha256:0,7,14");
    expect(toHex(pcrPolicyDigest([14, 7, 0], values))).toBe(toHex(pcrs));
    file(server, "pcr.policy", pcrs);
    const authorized = inSession("tpm2_policyauthorize", "-i", "pcr.policy", "-n", "authority.name", "-q", "ref");
    expect(toHex(authorizePolicyDigest(objectName(area), policyRef))).toBe(toHex(authorized));
    file(server, "authorized.policy", authorized);
    const either = inSession("tpm2_policyor", "-Q", "-l", "sha256:pcr.policy,authorized.policy");
    expect(toHex(orPolicyDigest([pcrs, authorized]))).toBe(toHex(either));
    const secret = inSession("tpm2_policysecret", "-Q", "-c", "e");
    expect(toHex(secretPolicyDigest(Uint8Array.of(0x40, 0, 0, 0x0b)))).toBe(toHex(secret));
  });

  test("they open what Caye sealed, and Caye opens what they sealed", async (context) => {
    const server = needServer(context);
    const ours = randomBytes(32);
    const blob = await withTpm(server, async (tpm) => tpm.seal(ours, pcrPolicyDigest([14], await tpm.pcrRead([14]))));
    file(server, "our.pub", sized(blob.publicPart));
    file(server, "our.priv", sized(blob.privatePart));
    storageRoot(server);
    server.tools("tpm2_load", "-Q", "-C", "root.ctx", "-u", "our.pub", "-r", "our.priv", "-c", "our.ctx");
    flush(server);
    server.tools("tpm2_unseal", "-c", "our.ctx", "-p", "pcr:sha256:14", "-o", "our.secret");
    flush(server);
    expect(file(server, "our.secret")).toEqual(new Uint8Array(ours));

    const theirs = randomBytes(48);
    file(server, "their.secret", theirs);
    file(server, "their.policy", await withTpm(server, async (tpm) => pcrPolicyDigest([14], await tpm.pcrRead([14]))));
    const sealing = ["-L", "their.policy", "-i", "their.secret", "-a", "fixedtpm|fixedparent|noda"];
    server.tools("tpm2_create", "-Q", "-C", "root.ctx", "-u", "their.pub", "-r", "their.priv", ...sealing);
    flush(server);
    const [publicPart = new Uint8Array()] = sizedParts(file(server, "their.pub"));
    const [privatePart = new Uint8Array()] = sizedParts(file(server, "their.priv"));
    const opened = await withTpm(server, (tpm) => tpm.unseal({ publicPart, privatePart }, { pcrs: [14] }));
    expect(opened).toEqual(new Uint8Array(theirs));
  });

  test.for(["rsa", "ecc"] as const)("a credential of tpm2_makecredential opens in Caye: %s", async (kind, context) => {
    const server = needServer(context);
    const secret = new Uint8Array(randomBytes(32));
    const { ek, name } = await withTpm(server, async (tpm) => ({
      ek: (await tpm.endorsementKeys()).find((key) => key.kind === kind)?.publicArea ?? new Uint8Array(),
      name: objectName((await tpm.attestationKey()).publicArea),
    }));
    file(server, "ek.pub", sized(ek));
    file(server, "secret", secret);
    const args = ["-Q", "-T", "none", "-u", "ek.pub", "-s", "secret", "-n", toHex(name), "-o", "credential"];
    server.tools("tpm2_makecredential", ...args);
    const made = file(server, "credential");
    expect(made.subarray(0, 8)).toEqual(CREDENTIAL_HEAD);
    const [blob = made, encrypted = made] = sizedParts(made.subarray(8));
    const opened = await withTpm(server, (tpm) => tpm.activateCredential(kind, { blob, secret: encrypted }));
    expect(opened).toEqual(secret);
  });

  test.for(["rsa", "ecc"] as const)(
    "a credential of Caye's opens in tpm2_activatecredential: %s",
    async (kind, context) => {
      const server = needServer(context);
      const secret = new Uint8Array(randomBytes(32));
      const credential = await withTpm(server, async (tpm) => {
        const area = (await tpm.endorsementKeys()).find((key) => key.kind === kind)?.publicArea ?? new Uint8Array();
        const ek = decodePublic(area);
        if (!ek.ok) throw new Error(ek.reason);
        return makeCredential(ek.value, objectName((await tpm.attestationKey()).publicArea), secret, systemRandom());
      });
      file(server, "made", concatBytes(CREDENTIAL_HEAD, sized(credential.blob), sized(credential.secret)));
      const ak = ["-Q", "-C", "e", "-g", "sha256", "-G", "ecc:ecdsa-sha256:null", "-a", AK_ATTRIBUTES];
      server.tools("tpm2_createprimary", ...ak, "-u", unique(server, 0), "-c", "ak.ctx");
      flush(server);
      server.tools("tpm2_createek", "-Q", "-c", "ek.ctx", "-G", kind);
      flush(server);
      server.tools("tpm2_startauthsession", "--policy-session", "-S", "session.ctx");
      server.tools("tpm2_policysecret", "-Q", "-S", "session.ctx", "-c", "e");
      const inputs = ["-c", "ak.ctx", "-C", "ek.ctx", "-i", "made", "-P", "session:session.ctx"];
      server.tools("tpm2_activatecredential", "-Q", ...inputs, "-o", "opened");
      server.tools("tpm2_flushcontext", "session.ctx");
      flush(server);
      expect(file(server, "opened")).toEqual(secret);
    },
  );

  test("the clock and the counters are those of tpm2_readclock, exact beyond 32 bits", async (context) => {
    const server = needServer(context);
    const far = 2n ** 53n + 12_345n;
    server.tools("tpm2_setclock", "-Q", "-c", "o", `${far}`);
    const said = server.tools("tpm2_readclock");
    const clock = await withTpm(server, (tpm) => tpm.clock());
    expect(clock.clock >= far && clock.clock < far + 3_600_000n).toBe(true);
    expect(said).toContain(`reset_count: ${clock.resetCount}`);
    expect(said).toContain(`restart_count: ${clock.restartCount}`);
    expect(said).toContain(`safe: ${clock.safe ? "yes" : "no"}`);
  });
});
