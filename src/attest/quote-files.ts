/**
 * A quote in the files that `tpm2_checkquote` of tpm2-tools 5 reads, so that anybody can check it without our code:
 * `tpm2_checkquote -u ak.pem -m quote.msg -s quote.sig -f quote.pcrs -g sha256 -q NONCE`.
 *
 * `quote.pcrs` is the memory of two C structures on a little-endian machine: TPML_PCR_SELECTION (count u32, 16 × bank
 * u16, size u8, mask 4 bytes, 1 byte of padding), a u32 number of lists, and of each list TPML_DIGEST (count u32,
 * 8 × size u16 and 64 bytes).
 * @module
 */
import { copyBytes, equalBytes, toHex, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { AgentError } from "../kernel/errors.ts";
import { PCR_BYTES, PCR_COUNT, pcrMask, pcrsOfMask, sortedPcrs } from "../kernel/pcr.ts";
import type { QuoteReport } from "../kernel/reports.ts";
import { ALGORITHM, decodePublic, publicKeyOf } from "../kernel/tpm-public.ts";
import type { QuoteClaim } from "./quote.ts";

const SELECTION_SLOTS = 16;
const SELECTION_BYTES = 8;
const DIGESTS_A_LIST = 8;
const DIGEST_BYTES = 2 + 64;
const SELECTIONS_BYTES = 4 + SELECTION_SLOTS * SELECTION_BYTES;
const LIST_BYTES = 4 + DIGESTS_A_LIST * DIGEST_BYTES;
const MASK_BYTES = 3;
const MAX_LISTS = Math.ceil(PCR_COUNT / DIGESTS_A_LIST);

/** @throws AgentError "QUOTE_MALFORMED" when the key is none or a register's value is missing */
export function quoteForTools(claim: QuoteClaim): QuoteReport {
  const pcrs = sortedPcrs(claim.pcrs);
  return {
    nonce: toHex(claim.nonce),
    ak_pem: keyPem(claim.publicArea),
    msg: toHex(claim.quote.attest),
    sig: toHex(claim.quote.signature),
    pcrs: toHex(encodePcrFile(pcrs, claim.values)),
    selection: `sha256:${pcrs.join(",")}`,
  };
}

/** A public key as OpenSSL writes it. @throws AgentError "QUOTE_MALFORMED" @param publicArea TPMT_PUBLIC */
export function keyPem(publicArea: Uint8Array): string {
  const key = decodePublic(publicArea);
  const publicKey = key.ok ? publicKeyOf(key.value) : undefined;
  if (publicKey === undefined) throw new AgentError("QUOTE_MALFORMED", "the attestation key is not a key");
  return publicKey.export({ format: "pem", type: "spki" }).toString();
}

/** Registers of the SHA-256 bank, rising, and their values. */
export interface PcrFile {
  readonly pcrs: readonly number[];
  readonly values: ReadonlyMap<number, Bytes>;
}

/** One bank of a file: TPM_ALG_ID, and registers, rising. */
interface Selection {
  readonly bank: number;
  readonly pcrs: readonly number[];
}

/** `quote.pcrs` of the SHA-256 bank. Other banks may be named, as long as none of their registers is. Never throws. */
export function decodePcrFile(file: Uint8Array): Decoded<PcrFile> {
  if (file.length < SELECTIONS_BYTES + 4 || file.length > SELECTIONS_BYTES + 4 + MAX_LISTS * LIST_BYTES) {
    return refused("register file of a wrong length");
  }
  const selections = readSelections(new DataView(file.buffer, file.byteOffset, file.byteLength));
  const used = selections.filter(({ pcrs }) => pcrs.length > 0);
  if (used.some(({ bank }) => bank !== ALGORITHM.sha256)) return refused("registers of another bank than SHA-256");
  const pcrs = used[0]?.pcrs ?? [];
  const values = new Map<number, Bytes>();
  for (const [i, pcr] of pcrs.entries()) {
    const at = valueAt(i);
    if (at + PCR_BYTES > file.length) return refused("truncated");
    values.set(pcr, copyBytes(file.subarray(at, at + PCR_BYTES)));
  }
  const same = used.length <= 1 && equalBytes(pcrFile(selections, pcrs, values), file);
  return same ? decoded({ pcrs, values }) : refused("not in its one form");
}

function readSelections(view: DataView): readonly Selection[] {
  const count = Math.min(view.getUint32(0, true), SELECTION_SLOTS);
  return Array.from({ length: count }, (_, i) => {
    const at = 4 + i * SELECTION_BYTES;
    const mask = new Uint8Array(view.buffer, view.byteOffset + at + 3, MASK_BYTES);
    return { bank: view.getUint16(at, true), pcrs: pcrsOfMask(mask) };
  });
}

/** Where the i-th register's value begins. */
function valueAt(i: number): number {
  const list = Math.floor(i / DIGESTS_A_LIST);
  return SELECTIONS_BYTES + 4 + list * LIST_BYTES + 4 + (i % DIGESTS_A_LIST) * DIGEST_BYTES + 2;
}

/** @throws AgentError "QUOTE_MALFORMED" when the value of a register is missing */
export function encodePcrFile(pcrs: readonly number[], values: ReadonlyMap<number, Uint8Array>): Bytes {
  return pcrFile([{ bank: ALGORITHM.sha256, pcrs }], pcrs, values);
}

function pcrFile(
  selections: readonly Selection[],
  pcrs: readonly number[],
  values: ReadonlyMap<number, Uint8Array>,
): Bytes {
  // Of no register at all there is one list, which is empty.
  const lists = Math.max(1, Math.ceil(pcrs.length / DIGESTS_A_LIST));
  const file = new Uint8Array(SELECTIONS_BYTES + 4 + lists * LIST_BYTES);
  const view = new DataView(file.buffer);
  view.setUint32(0, selections.length, true);
  for (const [i, selection] of selections.entries()) {
    const at = 4 + i * SELECTION_BYTES;
    view.setUint16(at, selection.bank, true);
    view.setUint8(at + 2, MASK_BYTES);
    file.set(pcrMask(selection.pcrs), at + 3);
  }
  view.setUint32(SELECTIONS_BYTES, lists, true);
  for (let list = 0; list < lists; list++) {
    const length = Math.min(DIGESTS_A_LIST, pcrs.length - list * DIGESTS_A_LIST);
    view.setUint32(SELECTIONS_BYTES + 4 + list * LIST_BYTES, length, true);
  }
  for (const [i, pcr] of pcrs.entries()) {
    const value = values.get(pcr);
    if (value?.length !== PCR_BYTES) throw new AgentError("QUOTE_MALFORMED", `no value is known of PCR ${pcr}`);
    view.setUint16(valueAt(i) - 2, value.length, true);
    file.set(value, valueAt(i));
  }
  return file;
}
