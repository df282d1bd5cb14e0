/** What a TPM says of itself: maker, firmware, lockout, banks. TCG TPM 2.0 Library, part 2, section 6.13. @module */
import type { ByteReader } from "../../kernel/bytes.ts";
import { pcrsOfMask } from "../../kernel/pcr.ts";
import type { TpmIdentity } from "../../ports/tpm.ts";

/** Where the two groups of properties start. */
export const PROPERTIES = { fixed: 0x100, variable: 0x200 } as const;

const MANUFACTURER = 0x105;
const FIRMWARE_HIGH = 0x10b;
const FIRMWARE_LOW = 0x10c;
const PERMANENT = 0x200;
const IN_LOCKOUT = 0x200;
const LOCKOUT_COUNTER = 0x20e;
const MAX_AUTH_FAIL = 0x20f;

const BANKS: Readonly<Record<number, string>> = {
  0x0004: "sha1",
  0x000b: "sha256",
  0x000c: "sha384",
  0x000d: "sha512",
  0x0012: "sm3_256",
  0x0027: "sha3_256",
  0x0028: "sha3_384",
  0x0029: "sha3_512",
};

/** TPML_TAGGED_TPM_PROPERTY. */
export function decodeProperties(reader: ByteReader): ReadonlyMap<number, number> {
  const properties = new Map<number, number>();
  const count = reader.u32();
  for (let i = 0; i < count && reader.failure === undefined; i++) properties.set(reader.u32(), reader.u32());
  return properties;
}

/** TPML_PCR_SELECTION: the names of the banks that have registers. */
export function decodeBanks(reader: ByteReader): readonly string[] {
  const banks: string[] = [];
  const count = reader.u32();
  for (let i = 0; i < count && reader.failure === undefined; i++) {
    const algorithm = reader.u16();
    const pcrs = pcrsOfMask(reader.take(reader.u8()));
    if (pcrs.length > 0) banks.push(BANKS[algorithm] ?? `0x${algorithm.toString(16)}`);
  }
  return banks;
}

export function identityOf(properties: ReadonlyMap<number, number>, banks: readonly string[]): TpmIdentity {
  const value = (property: number): number => properties.get(property) ?? 0;
  return {
    manufacturer: fourLetters(value(MANUFACTURER)),
    firmware: (BigInt(value(FIRMWARE_HIGH)) << 32n) | BigInt(value(FIRMWARE_LOW)),
    inLockout: (value(PERMANENT) & IN_LOCKOUT) !== 0,
    lockoutCounter: value(LOCKOUT_COUNTER),
    maxAuthFail: value(MAX_AUTH_FAIL),
    banks,
  };
}

/** Four ASCII letters in one number; anything that can't be printed becomes a space. */
function fourLetters(packed: number): string {
  return [24, 16, 8, 0]
    .map((shift) => (packed >>> shift) & 0xff)
    .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : " "))
    .join("");
}
