/** boot.img signed and verified: by a file, by a token, held against openssl; and the step that can't be undone is never taken by mistake. @module */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { thisMachine } from "../../src/drivers/machine.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { decodeBootSig, encodeBootSig, signBoot, verifyBoot } from "../../src/provision/secure-boot.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";

const TS = 1_763_600_000;
let dir: string;
const at = (name: string): string => join(dir, name);
const byFile = (name: string) => ({ file: at(name), pkcs11: undefined });

function openssl(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("openssl", [...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "caye-secure-boot-"));
  openssl("genrsa", "-out", at("key.pem"), "2048");
  openssl("rsa", "-in", at("key.pem"), "-pubout", "-out", at("pub.pem"));
  openssl("genrsa", "-out", at("other.pem"), "2048");
  openssl("genrsa", "-out", at("long.pem"), "3072");
  await writeFile(at("boot.img"), Buffer.alloc(300_000, "boot"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error instanceof AgentError) return `${error.code}: ${error.message}`;
  throw new Error("it was not refused", { cause: error });
}

test("a signature is the bootloader's three lines, and openssl verifies it", async () => {
  const machine = thisMachine();
  const signed = await signBoot(machine, at("boot.img"), byFile("key.pem"), at("boot.sig"), TS);
  const [sha256, ts, rsa, end] = (await readFile(at("boot.sig"), "utf8")).split("\n");
  expect([sha256, ts, end]).toEqual([openssl("dgst", "-sha256", "-r", at("boot.img")).slice(0, 64), `ts: ${TS}`, ""]);
  expect(rsa).toMatch(/^rsa2048: [0-9a-f]{512}$/);
  await writeFile(at("raw"), Buffer.from((rsa ?? "").slice("rsa2048: ".length), "hex"));
  const said = openssl("dgst", "-sha256", "-verify", at("pub.pem"), "-signature", at("raw"), at("boot.img"));
  expect(said).toContain("Verified OK");
  expect(await verifyBoot(machine, at("boot.img"), at("boot.sig"), at("pub.pem"))).toEqual(signed);
});

test("what openssl signed by hand is verified", async () => {
  const hex = openssl("dgst", "-sha256", "-hex", "-sign", at("key.pem"), at("boot.img")).split("= ")[1]?.trim();
  const sum = openssl("dgst", "-sha256", "-r", at("boot.img")).slice(0, 64);
  await writeFile(at("hand.sig"), `${sum}\nts: 7\nrsa2048: ${hex}\n`);
  expect((await verifyBoot(thisMachine(), at("boot.img"), at("hand.sig"), at("pub.pem"))).ts).toBe(7);
});

test("another image, another key, a bent signature or a key of another kind is refused", async () => {
  const machine = thisMachine();
  await signBoot(machine, at("boot.img"), byFile("key.pem"), at("boot.sig"), TS);
  await writeFile(at("bent.img"), Buffer.alloc(300_000, "bent"));
  const text = await readFile(at("boot.sig"), "utf8");
  const sum = openssl("dgst", "-sha256", "-r", at("bent.img")).slice(0, 64);
  await writeFile(at("bent.sig"), sum + text.slice(64));
  const verify = (image: string, sig: string, key: string) => verifyBoot(machine, at(image), at(sig), at(key));
  expect(await refusal(verify("bent.img", "boot.sig", "pub.pem"))).toContain("not the image that was signed");
  expect(await refusal(verify("bent.img", "bent.sig", "pub.pem"))).toContain("does not hold");
  expect(await refusal(verify("boot.img", "boot.sig", "other.pem"))).toContain("does not hold");
  expect(await refusal(verify("boot.img", "pub.pem", "pub.pem"))).toContain("not a boot.sig");
  expect(await refusal(verify("none.img", "boot.sig", "pub.pem"))).toContain("FILE_UNREADABLE");
  for (const key of ["long.pem", "boot.sig"]) {
    expect(await refusal(signBoot(machine, at("boot.img"), byFile(key), at("x.sig"), TS))).toContain("SECURE_BOOT_KEY");
  }
  expect(existsSync(at("x.sig"))).toBe(false);
});

test("a signature's file has one form; whatever else is refused", () => {
  const whole = encodeBootSig({ sha256: "ab".repeat(32), ts: TS, signature: new Uint8Array(256).fill(7) });
  expect(decodeBootSig(whole).ok).toBe(true);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), (place, byte) => {
      const bent = whole.with(place, byte);
      const read = decodeBootSig(bent);
      if (read.ok) expect(encodeBootSig(read.value)).toEqual(bent);
    }),
  );
  for (let length = 0; length < whole.length; length += 1)
    expect(decodeBootSig(whole.subarray(0, length)).ok).toBe(false);
  expect(decodeBootSig(new Uint8Array(2_000)).ok).toBe(false);
});

test("a key in a token signs, and never leaves it", async (context) => {
  const module = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"].find(
    existsSync,
  );
  if (module === undefined) context.skip("softhsm2 is not installed here");
  await mkdir(at("tokens"), { recursive: true });
  await writeFile(at("softhsm.conf"), `directories.tokendir = ${at("tokens")}\nobjectstore.backend = file\n`);
  await writeFile(at("pin"), "1234");
  const env = {
    SOFTHSM2_CONF: at("softhsm.conf"),
    PKCS11_MODULE_PATH: module ?? "",
    PKCS11_PROVIDER_MODULE: module ?? "",
  };
  openssl("pkcs8", "-topk8", "-nocrypt", "-in", at("key.pem"), "-out", at("key.p8"));
  const soft = (...args: string[]) =>
    spawnSync("softhsm2-util", args, { env: { ...process.env, ...env }, encoding: "utf8" });
  expect(soft("--init-token", "--free", "--label", "caye", "--pin", "1234", "--so-pin", "1234").status).toBe(0);
  const stored = soft("--import", at("key.p8"), "--token", "caye", "--label", "boot", "--id", "01", "--pin", "1234");
  expect([stored.status, stored.stderr]).toEqual([0, ""]);
  const machine = thisMachine();
  const inToken = {
    ...machine,
    run: ((command, args, limits) => machine.run(command, args, { ...limits, env })) as typeof machine.run,
  };
  const uri = `pkcs11:token=caye;object=boot;type=private?pin-source=file:${at("pin")}`;
  if (!["engines-3/pkcs11.so", "engines-3/libpkcs11.so", "ossl-modules/pkcs11.so"].some(isInLibraries)) {
    context.skip("openssl has no PKCS#11 engine or provider here");
  }
  const said = await signBoot(inToken, at("boot.img"), { file: undefined, pkcs11: uri }, at("token.sig"), TS);
  expect(said).toMatchObject({ ts: TS });
  const signed = await verifyBoot(machine, at("boot.img"), at("token.sig"), at("pub.pem"));
  expect(signed.ts).toBe(TS);
  // As every user of the machine could read it in the list of processes.
  const withPin = { file: undefined, pkcs11: "pkcs11:token=caye?pin-value=1234" };
  expect(await refusal(signBoot(machine, at("boot.img"), withPin, at("x.sig"), TS))).toContain("without a PIN");
});

function isInLibraries(file: string): boolean {
  return ["x86_64-linux-gnu", "aarch64-linux-gnu"].some((arch) => existsSync(`/usr/lib/${arch}/${file}`));
}

const SENTENCE = "burn this key into this board for ever";
const FLAG = "--i-understand-this-can-not-be-undone";

async function recovery(): Promise<{ readonly cli: FakeCli; readonly file: string; readonly text: () => string }> {
  const cli = fakeCli();
  const file = "/usb/recovery5/config.txt";
  cli.files.set(file, new TextEncoder().encode("uart_2ndstage=1\n#program_pubkey=1\n#program_jtag_lock=1\n"));
  return { cli, file, text: () => new TextDecoder().decode(cli.files.get(file)) };
}

test("the plan is printed, and nothing is written, unless flag and sentence both say so", async () => {
  const { cli, file, text } = await recovery();
  const before = text();
  const plan = await cli.run("provision", "secure-boot", "burn-plan");
  expect([plan.code, plan.err]).toEqual([0, ""]);
  expect(plan.out).toContain("can't rehearse this");
  const folder = ["provision", "secure-boot", "burn-plan", "--recovery", "/usb/recovery5"];
  expect((await cli.run(...folder)).code).toBe(2);
  for (const typed of ["", "yes", SENTENCE.toUpperCase(), `${SENTENCE}!`]) {
    cli.stdin = `${typed}\n`;
    expect((await cli.run(...folder, FLAG)).err, typed).toContain("nothing was written");
  }
  expect(text()).toBe(before);
  cli.stdin = `${SENTENCE}\n`;
  const done = await cli.run(...folder, FLAG, "--json");
  expect([done.code, JSON.parse(done.out)]).toMatchObject([0, { written: file }]);
  expect(text()).toBe("uart_2ndstage=1\n\n#program_jtag_lock=1\nprogram_pubkey=1\n");
});

test("the config.txt of a boot partition is not taken for that of the recovery", async () => {
  const { cli, file, text } = await recovery();
  cli.files.set(file, new TextEncoder().encode("dtparam=spi=on\n"));
  cli.stdin = `${SENTENCE}\n`;
  const said = await cli.run("provision", "secure-boot", "burn-plan", "--recovery", "/usb/recovery5", FLAG);
  expect([said.code, said.err]).toEqual([1, expect.stringContaining("secure-boot-recovery5")]);
  expect(text()).toBe("dtparam=spi=on\n");
});

test("sign and verify, as they are typed", async () => {
  const cli = fakeCli();
  const sign = await cli.run(
    "provision",
    "secure-boot",
    "sign",
    at("boot.img"),
    "--key",
    at("key.pem"),
    "--time",
    "9",
    "--json",
  );
  expect([sign.code, JSON.parse(sign.out)]).toMatchObject([0, { file: at("boot.sig"), ts: 9, bytes: 300_000 }]);
  const verify = await cli.run("provision", "secure-boot", "verify", at("boot.img"), "--key", at("pub.pem"));
  expect([verify.code, verify.out]).toEqual([0, expect.stringContaining("The signature holds")]);
  const wrong = await cli.run("provision", "secure-boot", "verify", at("boot.img"), "--key", at("other.pem"));
  expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("does not hold")]);
  expect((await cli.run("provision", "secure-boot", "sign", at("boot.img"))).code).toBe(2);
});
