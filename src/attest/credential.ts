/**
 * TPM2_MakeCredential without a TPM: a secret that only the chip with one endorsement key can open, and only while it holds
 * the attestation key of one name. Who gives the secret back has both keys in one chip.
 * TCG TPM 2.0 Library, part 1, section 24; endorsement keys of the TCG's default templates: RSA-2048 and P-256, SHA-256,
 * AES-128-CFB.
 * @module
 */
import { constants, createCipheriv, createHmac, publicEncrypt } from "node:crypto";
import { ByteWriter, concatBytes, copyBytes } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { agreeWith, kdfa, type AgreedSecret } from "../kernel/tpm-kdf.ts";
import { publicKeyOf, type RsaPublic, type TpmPublic } from "../kernel/tpm-public.ts";
import type { Random } from "../ports/random.ts";
import type { Credential } from "../ports/tpm.ts";

const LABEL = "IDENTITY";
const SEED_BYTES = 32;
const MAX_SECRET_BYTES = 32;
const AES_BITS = 128;
const HASH_BITS = 256;
const NOTHING = new Uint8Array();

/** @param akName 34 bytes @param secret 1 … 32 bytes @throws AgentError "EK_INVALID" when the endorsement key is none */
export function makeCredential(ek: TpmPublic, akName: Uint8Array, secret: Uint8Array, random: Random): Credential {
  if (secret.length < 1 || secret.length > MAX_SECRET_BYTES) throw new RangeError("a secret has 1 to 32 bytes");
  const seed = ek.kind === "rsa" ? rsaSeed(ek, random) : agreeWith(ek, LABEL);
  if (seed === undefined) throw noKey();
  const key = kdfa(seed.secret, "STORAGE", akName, NOTHING, AES_BITS);
  const cipher = createCipheriv("aes-128-cfb", key, new Uint8Array(16));
  const sized = new ByteWriter().u16(secret.length).bytes(secret).finish();
  const identity = concatBytes(cipher.update(sized), cipher.final());
  const macKey = kdfa(seed.secret, "INTEGRITY", NOTHING, NOTHING, HASH_BITS);
  const mac = createHmac("sha256", macKey).update(identity).update(akName).digest();
  return { blob: new ByteWriter().u16(mac.length).bytes(mac).bytes(identity).finish(), secret: seed.encrypted };
}

function rsaSeed(ek: RsaPublic, random: Random): AgreedSecret | undefined {
  const key = publicKeyOf(ek);
  if (key === undefined) return undefined;
  const secret = random.bytes(SEED_BYTES);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const oaepLabel = Buffer.from(`${LABEL}\0`);
  const encrypted = publicEncrypt({ key, padding, oaepHash: "sha256", oaepLabel }, secret);
  return { secret, encrypted: copyBytes(encrypted) };
}

function noKey(): AgentError {
  const fix = "make the request anew on the node: caye attest enrol request";
  return new AgentError("EK_INVALID", "the endorsement key is no key that a TPM has", { fix });
}
