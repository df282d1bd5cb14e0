/** What a TRUST message says, signed: kinds, reasons by number, and the bytes under the signature. @module */
import { ATTEST_REASONS, type AttestReason } from "../kernel/attest.ts";
import { type Bytes, ByteWriter, utf8 } from "../kernel/bytes.ts";
import { TRUST_KINDS, type Trust } from "../wire/trust.ts";

const LABEL = utf8("caye trust v1");

/** Everything of the message but the signature, whatever is left out on air. */
export function signedTrust({ author, number, kind, subject, reason, atS }: Omit<Trust, "type" | "signature">): Bytes {
  return new ByteWriter()
    .bytes(LABEL)
    .bytes(author)
    .u32(number)
    .u8(TRUST_KINDS.indexOf(kind))
    .u8(reason)
    .bytes(subject ?? author)
    .u32(atS)
    .finish();
}

/** 0 for none. */
export function reasonNumber(reason: AttestReason | undefined): number {
  return reason === undefined ? 0 : ATTEST_REASONS.indexOf(reason) + 1;
}

/** Undefined for none, and for one that this version does not know. */
export function reasonOf(number: number): AttestReason | undefined {
  return ATTEST_REASONS[number - 1];
}
