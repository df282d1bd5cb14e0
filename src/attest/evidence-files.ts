/**
 * Evidence as files in a directory. `ak.pem`, `quote.msg` (TPMS_ATTEST), `quote.sig` (TPMT_SIGNATURE) and `quote.pcrs` are
 * as `tpm2_quote` and `tpm2_createak` of tpm2-tools 5.4 write them and `tpm2_checkquote` reads them; beside them stand
 * `ak.pub` (TPM2B_PUBLIC: the key's attributes, which a PEM file does not tell) and the logs that there are.
 * @module
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import type { Evidence } from "../kernel/attest.ts";
import type { EvidenceFiles } from "../kernel/attest-tools.ts";
import { ByteReader, ByteWriter, copyBytes, fromUtf8, utf8, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { attestationKeyArea, decodePublic, publicKeyOf, rsaAttestationKeyArea } from "../kernel/tpm-public.ts";
import { decodePcrFile, encodePcrFile, keyPem } from "./quote-files.ts";

const KEY_PEM = "ak.pem";
const KEY_AREA = "ak.pub";
const MESSAGE = "quote.msg";
const SIGNATURE = "quote.sig";
const REGISTERS = "quote.pcrs";
const LOGS = {
  own: "own-events.json",
  tcg: "tcg-events.bin",
  ima: "ima-events.bin",
  cel: "cel-events.jsonseq",
} as const;
const MAX_STRUCTURE_BYTES = 4_096;

/** @throws AgentError "QUOTE_MALFORMED" when the key is none or a register's value is missing */
export function evidenceFiles({ attest, signature, akPublic, pcrs, values, logs }: Evidence): EvidenceFiles {
  const files = new Map<string, Uint8Array>([
    [KEY_PEM, utf8(keyPem(akPublic))],
    [KEY_AREA, new ByteWriter().u16(akPublic.length).bytes(akPublic).finish()],
    [MESSAGE, attest],
    [SIGNATURE, signature],
    [REGISTERS, encodePcrFile(pcrs, values)],
  ]);
  for (const kind of ["own", "tcg", "ima", "cel"] as const) {
    const log = logs[kind];
    if (log !== undefined) files.set(LOGS[kind], log);
  }
  return files;
}

/**
 * The form only. One of `ak.pub` and `ak.pem` is enough; where only the PEM file is there, the key's attributes are those
 * that the verifier knows.
 * @param enrolledKey TPMT_PUBLIC of the key that is expected
 */
export function readEvidenceFiles(files: EvidenceFiles, enrolledKey: Uint8Array): Decoded<Evidence> {
  const attest = structure(files, MESSAGE);
  const signature = structure(files, SIGNATURE);
  if (!attest.ok) return attest;
  if (!signature.ok) return signature;
  const registers = files.get(REGISTERS);
  if (registers === undefined) return refused(`${REGISTERS} is missing`);
  const read = decodePcrFile(registers);
  if (!read.ok) return refused(`${REGISTERS}: ${read.reason}`);
  const key = keyOf(files, enrolledKey);
  if (!key.ok) return key;
  const logs = {
    own: files.get(LOGS.own),
    tcg: files.get(LOGS.tcg),
    ima: files.get(LOGS.ima),
    cel: files.get(LOGS.cel),
  };
  const { pcrs, values } = read.value;
  return decoded({ attest: attest.value, signature: signature.value, akPublic: key.value, pcrs, values, logs });
}

/** TPMT_PUBLIC from what `tpm2_createak -u` writes: TPM2B_PUBLIC, or TPMT_PUBLIC itself. Never throws. */
export function decodeKeyFile(file: Uint8Array): Decoded<Bytes> {
  const reader = new ByteReader(file);
  const length = reader.u16();
  const area = copyBytes(length === reader.remaining ? reader.rest() : file);
  const key = decodePublic(area);
  return key.ok ? decoded(area) : refused(key.reason);
}

function structure(files: EvidenceFiles, name: string): Decoded<Bytes> {
  const file = files.get(name);
  if (file === undefined) return refused(`${name} is missing`);
  return file.length > MAX_STRUCTURE_BYTES ? refused(`${name} is too long`) : decoded(copyBytes(file));
}

function keyOf(files: EvidenceFiles, enrolledKey: Uint8Array): Decoded<Bytes> {
  const [area, pem] = [files.get(KEY_AREA), files.get(KEY_PEM)];
  if (area === undefined) return pem === undefined ? refused(`${KEY_AREA} is missing`) : keyOfPem(pem, enrolledKey);
  const key = decodeKeyFile(area);
  if (!key.ok) return refused(`${KEY_AREA}: ${key.reason}`);
  const same = pem === undefined || fromUtf8(pem) === pemOf(key.value);
  return same ? key : refused(`${KEY_PEM} is not the key of ${KEY_AREA}`);
}

/** Undefined when the area holds no key that there could be. */
function pemOf(area: Uint8Array): string | undefined {
  const key = decodePublic(area);
  return key.ok && publicKeyOf(key.value) !== undefined ? keyPem(area) : undefined;
}

function keyOfPem(pem: Uint8Array, enrolledKey: Uint8Array): Decoded<Bytes> {
  if (fromUtf8(pem) === pemOf(enrolledKey)) return decoded(copyBytes(enrolledKey));
  const other = areaOfPem(pem);
  return other === undefined ? refused(`${KEY_PEM} is no key of a TPM`) : decoded(other);
}

/** Another key than the enrolled one, as if it were an attestation key: the verdict is about which key it is. */
function areaOfPem(pem: Uint8Array): Bytes | undefined {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(pem), format: "pem" });
  } catch {
    return undefined;
  }
  if (key.asymmetricKeyType !== "ec" && key.asymmetricKeyType !== "rsa") return undefined;
  const { crv, x = "", y = "", n = "" } = key.export({ format: "jwk" });
  const bytes = (text: string): Uint8Array => Buffer.from(text, "base64url");
  const area =
    key.asymmetricKeyType === "rsa" ? rsaAttestationKeyArea(bytes(n)) : attestationKeyArea(bytes(x), bytes(y));
  const isP256 = key.asymmetricKeyType === "rsa" || crv === "P-256";
  return isP256 && decodePublic(area).ok ? area : undefined;
}
