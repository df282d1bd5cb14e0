/**
 * A quote in the files that `tpm2_checkquote` of tpm2-tools 5 reads, so that anybody can check it without our code:
 * `tpm2_checkquote -u ak.pem -m quote.msg -s quote.sig -f quote.pcrs -g sha256 -q NONCE`.
 *
 * `quote.pcrs` is the memory of two C structures on a little-endian machine: TPML_PCR_SELECTION (count u32, 16 × bank
 * u16, size u8, mask 4 bytes, 1 byte of padding), a u32 number of lists, and of each list TPML_DIGEST (count u32,
 * 8 × size u16 and 64 bytes).
 * @module
 */
import { toHex, type Bytes } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { pcrMask, sortedPcrs } from "../kernel/pcr.ts";
import type { QuoteReport } from "../kernel/reports.ts";
import { ALGORITHM, decodeEccPublic } from "../kernel/tpm-public.ts";
import { publicKeyOf, type QuoteClaim } from "./quote.ts";

const SELECTION_SLOTS = 16;
const SELECTION_BYTES = 8;
const DIGESTS_A_LIST = 8;
const DIGEST_BYTES = 2 + 64;

/** @throws AgentError "QUOTE_MALFORMED" when the key is none or a register's value is missing */
export function quoteForTools(claim: QuoteClaim): QuoteReport {
  const pcrs = sortedPcrs(claim.pcrs);
  return {
    nonce: toHex(claim.nonce),
    ak_pem: pem(claim.publicArea),
    msg: toHex(claim.quote.attest),
    sig: toHex(claim.quote.signature),
    pcrs: toHex(pcrFile(pcrs, claim.values)),
    selection: `sha256:${pcrs.join(",")}`,
  };
}

function pem(publicArea: Uint8Array): string {
  const key = decodeEccPublic(publicArea);
  const publicKey = key.ok ? publicKeyOf(key.value) : undefined;
  if (publicKey === undefined) throw new AgentError("QUOTE_MALFORMED", "the attestation key is not a key");
  return publicKey.export({ format: "pem", type: "spki" }).toString();
}

function pcrFile(pcrs: readonly number[], values: ReadonlyMap<number, Uint8Array>): Bytes {
  const lists = Math.ceil(pcrs.length / DIGESTS_A_LIST);
  const selectionBytes = 4 + SELECTION_SLOTS * SELECTION_BYTES;
  const listBytes = 4 + DIGESTS_A_LIST * DIGEST_BYTES;
  const file = new Uint8Array(selectionBytes + 4 + lists * listBytes);
  const view = new DataView(file.buffer);
  const mask = pcrMask(pcrs);
  view.setUint32(0, 1, true);
  view.setUint16(4, ALGORITHM.sha256, true);
  view.setUint8(6, mask.length);
  file.set(mask, 7);
  view.setUint32(selectionBytes, lists, true);
  for (let list = 0; list < lists; list++) {
    const start = selectionBytes + 4 + list * listBytes;
    const part = pcrs.slice(list * DIGESTS_A_LIST, (list + 1) * DIGESTS_A_LIST);
    view.setUint32(start, part.length, true);
    for (const [i, pcr] of part.entries()) {
      const value = values.get(pcr);
      if (value === undefined) throw new AgentError("QUOTE_MALFORMED", `no value is known of PCR ${pcr}`);
      view.setUint16(start + 4 + i * DIGEST_BYTES, value.length, true);
      file.set(value, start + 6 + i * DIGEST_BYTES);
    }
  }
  return file;
}
