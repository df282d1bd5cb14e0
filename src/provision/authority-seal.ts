/**
 * An authority's secret file in a box that one TPM opens: that of the laptop it was made on. A copy of the box is of no use
 * elsewhere; who has the laptop has it. Only the recovery words bring the authority back when that TPM is gone.
 *
 * The file: the lines for people of the file inside, then `caye-authority 1 tpm URI PUBLIC PRIVATE NONCE BOX`, in hex but for
 * the TPM's URI: a key of 32 bytes, sealed under no registers (a laptop is updated often), and what it closes: AES-256-GCM
 * over the whole inner file, the line before the nonce bound to it.
 * @module
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { concatBytes, copyBytes, fromHex, fromUtf8, toHex, utf8, type Bytes } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { pcrPolicyDigest } from "../kernel/pcr.ts";
import type { Random } from "../ports/random.ts";
import type { Tpm } from "../ports/tpm.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAX_FILE_BYTES = 16_384;
const LINE =
  /^(caye-authority 1 tpm (\S{1,200}) ([0-9a-f]{2,2000}) ([0-9a-f]{2,2000})) ([0-9a-f]{24}) ([0-9a-f]{32,20000})$/m;

export async function sealAuthority(file: Uint8Array, tpm: Pick<Tpm, "uri" | "seal">, random: Random): Promise<Bytes> {
  const key = random.bytes(KEY_BYTES);
  const { publicPart, privatePart } = await tpm.seal(key, pcrPolicyDigest([], new Map()));
  const bound = `caye-authority 1 tpm ${tpm.uri} ${toHex(publicPart)} ${toHex(privatePart)}`;
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(utf8(bound));
  const box = concatBytes(cipher.update(file), cipher.final(), cipher.getAuthTag());
  key.fill(0);
  const forPeople = (fromUtf8(file) ?? "").split("\n").filter((line) => line.startsWith("#"));
  const note = `# Sealed in the TPM of the machine where it was made: it opens there alone. Elsewhere: its recovery words.`;
  return utf8(`${[...forPeople, note, `${bound} ${toHex(nonce)} ${toHex(box)}`].join("\n")}\n`);
}

/** The URI of the TPM that opens it. @throws AgentError "AUTHORITY_KEY" */
export function sealedIn(file: Uint8Array): string {
  return parts(file).uri;
}

/** @throws AgentError "AUTHORITY_KEY", and those of the TPM: "TPM_RC" when it is another one */
export async function openSealedAuthority(file: Uint8Array, tpm: Pick<Tpm, "unseal">): Promise<Bytes> {
  const { bound, publicPart, privatePart, nonce, box } = parts(file);
  const key = await tpm.unseal({ publicPart, privatePart }, { pcrs: [] }).catch((cause: unknown) => {
    throw new AgentError("AUTHORITY_KEY", "the TPM of this machine does not open this authority", {
      cause,
      fix: "use it where it was made; else bring it back: caye provision authority --restore",
    });
  });
  try {
    const at = box.length - TAG_BYTES;
    const decipher = createDecipheriv("aes-256-gcm", key, nonce).setAAD(utf8(bound));
    decipher.setAuthTag(box.subarray(at));
    return copyBytes(concatBytes(decipher.update(box.subarray(0, at)), decipher.final()));
  } catch (cause) {
    throw new AgentError("AUTHORITY_KEY", "the authority's file was altered since it was sealed", { cause });
  } finally {
    key.fill(0);
  }
}

function parts(file: Uint8Array) {
  const text = file.length > MAX_FILE_BYTES ? "" : (fromUtf8(file) ?? "");
  const [, bound, uri, ...hex] = LINE.exec(text) ?? [];
  const [publicPart, privatePart, nonce, box] = hex.map((part) => fromHex(part));
  if (bound && uri && publicPart && privatePart && nonce && box)
    return { bound, uri, publicPart, privatePart, nonce, box };
  throw new AgentError("AUTHORITY_KEY", "this is no key file of an authority", {
    fix: "caye provision authority makes one",
  });
}
