/** PROBE: asks a node for a quote of its TPM over a nonce. @module */
import { copyBytes, type ByteReader, type ByteWriter } from "../kernel/bytes.ts";
import { PCR_COUNT, pcrMask, pcrsOfMask } from "../kernel/pcr.ts";
import { AUTHOR_ID_BYTES, within, type AuthorId, type MessageCodec } from "./message-codec.ts";

export interface Probe {
  readonly type: "probe";
  /** Who is asked. */
  readonly target: AuthorId;
  /** 16 bytes, drawn for this question alone. */
  readonly nonce: Uint8Array;
  /** Which registers, rising, at least one. */
  readonly pcrs: readonly number[];
  /**
   * What the asker expects, by the first 2 bytes of SHA-256 of each as a number (`attest/compact.ts`); 0 where it expects
   * nothing. What is as expected need not be sent.
   */
  readonly expected: readonly number[];
}

export const PROBE_NONCE_BYTES = 16;
const MASK_BYTES = 3;
/** Four events, the firmware, the registers. */
export const MAX_EXPECTED = 4 + 1 + PCR_COUNT;

export const probeCodec: MessageCodec<Probe> = {
  type: "probe",
  number: 12,
  write: writeProbe,
  read: readProbe,
  flaw: flawOfProbe,
};

function writeProbe(writer: ByteWriter, { target, nonce, pcrs, expected }: Probe): void {
  writer.bytes(target).bytes(nonce).bytes(pcrMask(pcrs));
  for (const tag of expected) writer.u16(tag);
}

function readProbe(reader: ByteReader): Probe {
  const target = copyBytes(reader.take(AUTHOR_ID_BYTES));
  const nonce = copyBytes(reader.take(PROBE_NONCE_BYTES));
  const pcrs = pcrsOfMask(reader.take(MASK_BYTES));
  if (reader.remaining % 2 !== 0) reader.fail("expectation not whole");
  const expected: number[] = [];
  while (reader.remaining > 0 && reader.failure === undefined) expected.push(reader.u16());
  return { type: "probe", target, nonce, pcrs, expected };
}

function flawOfProbe({ target, nonce, pcrs, expected }: Probe): string | undefined {
  if (target.length !== AUTHOR_ID_BYTES) return "target not 8 bytes";
  if (nonce.length !== PROBE_NONCE_BYTES) return "nonce not 16 bytes";
  if (pcrs.length === 0) return "no registers";
  for (const [i, pcr] of pcrs.entries()) {
    if (!within(pcr, (pcrs[i - 1] ?? -1) + 1, PCR_COUNT - 1)) return "registers not rising";
  }
  if (expected.length > MAX_EXPECTED) return "too many expectations";
  return expected.every((tag) => within(tag, 0, 0xffff)) ? undefined : "expectation not 16 bits";
}
