/**
 * The signature of a Raspberry Pi 5's boot.img, as its bootloader reads it: a text `boot.sig` of three lines, SHA-256 of the
 * image in hex, `ts: ` with a time, and `rsa2048: ` with the signature (PKCS#1 v1.5 over SHA-256) in hex. RSA-2048 only.
 *
 * Source: raspberrypi/usbboot, `secure-boot-recovery5/README.md`, and rpi-eeprom's `rpi-eeprom-digest`.
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { fromHex, fromUtf8, toHex, utf8, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { AgentError } from "../kernel/errors.ts";
import type { BootKey, BootSignature } from "../kernel/provision.ts";
import type { Machine } from "../ports/machine.ts";

const SIGNATURE_BYTES = 256;
const MODULUS_BITS = 2_048;
const MAX_IMAGE_BYTES = 256 * 1_048_576;
const MAX_SIGNATURE_FILE_BYTES = 1_024;
const FORM = /^([0-9a-f]{64})\nts: (0|[1-9]\d{0,10})\nrsa2048: ([0-9a-f]{512})\n$/;
/** Of a key in a token; never a PIN in it, which every user of the machine could read in the list of processes. */
const PKCS11 = /^pkcs11:[A-Za-z0-9%=;._~:/?&+-]{1,500}$/;

interface BootSig {
  readonly sha256: string;
  readonly ts: number;
  readonly signature: Bytes;
}

export function encodeBootSig({ sha256, ts, signature }: BootSig): Bytes {
  return utf8(`${sha256}\nts: ${ts}\nrsa2048: ${toHex(signature)}\n`);
}

/** The one form that {@link encodeBootSig} gives. */
export function decodeBootSig(file: Uint8Array): Decoded<BootSig> {
  if (file.length > MAX_SIGNATURE_FILE_BYTES) return refused("too long");
  const [, sha256, ts, hex = ""] = FORM.exec(fromUtf8(file) ?? "") ?? [];
  const signature = fromHex(hex);
  if (sha256 === undefined || signature?.length !== SIGNATURE_BYTES) return refused("not a boot.sig");
  return decoded({ sha256, ts: Number(ts), signature });
}

/** @param ts Unix time in s @throws AgentError "SECURE_BOOT_KEY", "FILE_UNREADABLE" */
export async function signBoot(
  machine: Machine,
  image: string,
  key: BootKey,
  out: string,
  ts: number,
): Promise<BootSignature> {
  const bytes = await read(machine, image, MAX_IMAGE_BYTES);
  const signature =
    key.pkcs11 === undefined
      ? await byFile(machine, key.file, bytes)
      : await byToken(machine, key.pkcs11, image, bytes);
  const sha256 = digestOf(bytes);
  await machine.write(out, encodeBootSig({ sha256, ts, signature }));
  return { sha256, ts, bytes: bytes.length };
}

/** @param publicKey a file in PEM: the public key, or the private one @throws AgentError "SECURE_BOOT_SIGNATURE", … */
export async function verifyBoot(
  machine: Machine,
  image: string,
  signatureFile: string,
  publicKey: string,
): Promise<BootSignature> {
  const bytes = await read(machine, image, MAX_IMAGE_BYTES);
  const found = decodeBootSig(await read(machine, signatureFile, MAX_SIGNATURE_FILE_BYTES));
  if (!found.ok) throw bad(`${signatureFile} is ${found.reason}`);
  const { sha256, ts, signature } = found.value;
  if (digestOf(bytes) !== sha256) throw bad(`${image} is not the image that was signed`);
  const pem = await read(machine, publicKey, MAX_IMAGE_BYTES);
  const key = rsaKey(publicKey, () => createPublicKey(Buffer.from(pem)));
  if (!verify("sha256", bytes, key, signature)) throw bad("the signature does not hold under that key");
  return { sha256, ts, bytes: bytes.length };
}

async function byFile(machine: Machine, file: string | undefined, bytes: Uint8Array): Promise<Bytes> {
  if (file === undefined) throw noKey("neither a key's file nor a token's key is named");
  const pem = await read(machine, file, MAX_SIGNATURE_FILE_BYTES * 16);
  const key = rsaKey(file, () => createPrivateKey(Buffer.from(pem)));
  pem.fill(0);
  return new Uint8Array(sign("sha256", bytes, key));
}

/** OpenSSL speaks to the token: by its engine (OpenSSL 3 of Debian 12), else by a provider (Debian 13). */
async function byToken(machine: Machine, uri: string, image: string, bytes: Uint8Array): Promise<Bytes> {
  if (!PKCS11.test(uri) || /pin-value/.test(uri)) {
    throw noKey("that is no PKCS#11 URI without a PIN in it: give the PIN as pin-source=file:/PATH");
  }
  const ways = [
    {
      sign: ["-engine", "pkcs11", "-keyform", "engine", "-sign", uri],
      show: ["-engine", "pkcs11", "-inform", "engine"],
    },
    {
      sign: ["-provider", "pkcs11", "-provider", "default", "-sign", uri],
      show: ["-provider", "pkcs11", "-provider", "default"],
    },
  ];
  const said: string[] = [];
  for (const way of ways) {
    const signed = await machine.run("openssl", ["dgst", "-sha256", "-hex", ...way.sign, image]);
    const shown = await machine.run("openssl", ["pkey", ...way.show, "-in", uri, "-pubin", "-pubout"]);
    if (signed.missing) throw noKey("openssl is not installed", "apt install openssl libengine-pkcs11-openssl");
    const signature = fromHex(/= *([0-9a-f]+)\s*$/.exec(signed.stdout)?.[1] ?? "");
    if (signed.status !== 0 || signature === undefined || shown.status !== 0) {
      said.push(`${signed.stderr}${shown.stderr}`.trim().split("\n")[0] ?? "");
      continue;
    }
    const key = rsaKey("the token's key", () => createPublicKey(shown.stdout));
    if (verify("sha256", bytes, key, signature)) return signature;
    said.push("what the token signed does not hold under its own public key");
  }
  throw noKey(`the token did not sign: ${said.join("; ")}`, "look at it with: pkcs11-tool --list-objects --login");
}

/** @throws AgentError "SECURE_BOOT_KEY" unless it is RSA of 2,048 bits with the usual exponent */
function rsaKey(name: string, open: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = open();
  } catch (cause) {
    throw new AgentError("SECURE_BOOT_KEY", `${name}: it holds no key in PEM, or one that a passphrase closes`, {
      cause,
    });
  }
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  const isRight = key.asymmetricKeyType === "rsa" && modulusLength === MODULUS_BITS && publicExponent === 65_537n;
  if (isRight) return key;
  throw noKey(
    `${name}: the bootloader takes RSA with 2048 bits and exponent 65537 only`,
    "openssl genrsa -out key.pem 2048",
  );
}

function digestOf(bytes: Uint8Array): string {
  return toHex(new Uint8Array(createHash("sha256").update(bytes).digest()));
}

function bad(message: string): AgentError {
  return new AgentError("SECURE_BOOT_SIGNATURE", message, { fix: "sign it again: caye provision secure-boot sign" });
}

function noKey(message: string, fix?: string): AgentError {
  return new AgentError("SECURE_BOOT_KEY", message, fix === undefined ? {} : { fix });
}

async function read(machine: Machine, file: string, most: number): Promise<Bytes> {
  const bytes = await machine.read(file, most + 1).catch((cause: unknown) => {
    throw new AgentError("FILE_UNREADABLE", `${file}: it can't be read`, { cause });
  });
  if (bytes === undefined) throw new AgentError("FILE_UNREADABLE", `${file}: there is no such file`);
  if (bytes.length <= most) return bytes;
  throw new AgentError("FILE_UNREADABLE", `${file}: it is longer than ${most} bytes`);
}
