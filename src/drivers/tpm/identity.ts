/**
 * What a TPM says of itself: maker, firmware, lockout, banks, clock, and whether it still finds itself sound.
 * TCG TPM 2.0 Library, part 2, section 6.13; part 3, sections 10 and 29.
 * @module
 */
import { ByteWriter, toHex, type ByteReader } from "../../kernel/bytes.ts";
import { pcrsOfMask } from "../../kernel/pcr.ts";
import { ALGORITHM } from "../../kernel/tpm-public.ts";
import type { KeyKind, TpmClock, TpmIdentity } from "../../ports/tpm.ts";
import { describeReturnCode, inFailureMode, RC, refusal } from "./return-code.ts";
import { finished, type TpmScopes } from "./scopes.ts";
import { badWire } from "./transport.ts";

/** TPM_CAP. */
const CAPABILITY = { algorithms: 0, pcrs: 5, properties: 6 } as const;
/** Where the two groups of properties start. */
const PROPERTIES = [0x100, 0x200];
const PROPERTIES_A_PAGE = 127;

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

export async function readIdentity(scopes: TpmScopes): Promise<TpmIdentity> {
  const properties = new Map<number, number>();
  for (const first of PROPERTIES) {
    const page = await capability(scopes, CAPABILITY.properties, first, PROPERTIES_A_PAGE, decodeProperties);
    for (const [property, value] of page) properties.set(property, value);
  }
  return identityOf(properties, await capability(scopes, CAPABILITY.pcrs, 0, 1, decodeBanks));
}

/** Whether the chip can have keys of that kind at all. */
export function supportsKeys(scopes: TpmScopes, kind: KeyKind): Promise<boolean> {
  const wanted = kind === "rsa" ? ALGORITHM.rsa : ALGORITHM.ecc;
  return capability(scopes, CAPABILITY.algorithms, wanted, 1, (reader) => {
    const found: number[] = [];
    const count = reader.u32();
    for (let i = 0; i < count && reader.failure === undefined; i++) {
      found.push(reader.u16());
      reader.u32(); // what it is good for
    }
    return found.includes(wanted);
  });
}

export async function readClock(scopes: TpmScopes): Promise<TpmClock> {
  const { parameters } = await scopes.execute({ name: "ReadClock" });
  return finished("ReadClock", parameters, (reader) => {
    reader.u64(); // ms since power came
    return { clock: reader.u64(), resetCount: reader.u32(), restartCount: reader.u32(), safe: reader.u8() === 1 };
  });
}

/** Tests of whatever the chip did not test since power came; then what it found, then or before. */
export async function selfTest(scopes: TpmScopes): Promise<void> {
  const tested = await scopes.ask({ name: "SelfTest", parameters: Uint8Array.of(0) }, "selfTestTimeoutMs");
  if (!tested.ok && tested.rc !== RC.failure) throw refusal(tested.rc, "SelfTest");
  const { parameters } = await scopes.execute({ name: "GetTestResult" });
  const { details, rc } = finished("GetTestResult", parameters, (reader) => ({
    details: toHex(reader.take(reader.u16())),
    rc: reader.u32(),
  }));
  if (tested.ok && rc === RC.success) return;
  const maker = details === "" ? "" : `; its maker may know what ${details} means`;
  throw inFailureMode(`the TPM failed its own test: ${describeReturnCode(rc)}${maker}`);
}

async function capability<T>(
  scopes: TpmScopes,
  wanted: number,
  first: number,
  count: number,
  decode: (reader: ByteReader) => T,
): Promise<T> {
  const { parameters } = await scopes.execute({
    name: "GetCapability",
    parameters: new ByteWriter().u32(wanted).u32(first).u32(count).finish(),
  });
  parameters.u8(); // whether there is more: our pages are larger than any TPM's list
  if (parameters.u32() !== wanted) throw badWire("the TPM answered about another capability");
  return finished("GetCapability", parameters, decode);
}

/** TPML_TAGGED_TPM_PROPERTY. */
function decodeProperties(reader: ByteReader): ReadonlyMap<number, number> {
  const properties = new Map<number, number>();
  const count = reader.u32();
  for (let i = 0; i < count && reader.failure === undefined; i++) properties.set(reader.u32(), reader.u32());
  return properties;
}

/** TPML_PCR_SELECTION: the names of the banks that have registers. */
function decodeBanks(reader: ByteReader): readonly string[] {
  const banks: string[] = [];
  const count = reader.u32();
  for (let i = 0; i < count && reader.failure === undefined; i++) {
    const algorithm = reader.u16();
    const pcrs = pcrsOfMask(reader.take(reader.u8()));
    if (pcrs.length > 0) banks.push(BANKS[algorithm] ?? `0x${algorithm.toString(16)}`);
  }
  return banks;
}

function identityOf(properties: ReadonlyMap<number, number>, banks: readonly string[]): TpmIdentity {
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
