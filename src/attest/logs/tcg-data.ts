/**
 * Whether the data of a firmware's event is what its digest was taken of. The register vouches for digests alone: data
 * that nobody checks could tell any story. Where the firmware measures something else than it tells (an image in memory,
 * a table), nothing can be said. TCG PC Client Platform Firmware Profile 1.06, table 27.
 * @module
 */
import { hash } from "node:crypto";
import { ByteReader, equalBytes } from "../../kernel/bytes.ts";
import { u32le, u64le } from "./little-endian.ts";

/** Says something; extends nothing. */
export const EV_NO_ACTION = 0x0000_0003;
const EV_SEPARATOR = 0x0000_0004;
const EV_ACTION = 0x0000_0005;
const EV_EVENT_TAG = 0x0000_0006;
const EV_S_CRTM_VERSION = 0x0000_0008;
const EV_EFI_VARIABLE_DRIVER_CONFIG = 0x8000_0001;
const EV_EFI_VARIABLE_BOOT = 0x8000_0002;
const EV_EFI_GPT_EVENT = 0x8000_0006;
const EV_EFI_ACTION = 0x8000_0007;
const EV_EFI_PLATFORM_FIRMWARE_BLOB = 0x8000_0008;
const EV_EFI_VARIABLE_BOOT2 = 0x8000_000c;

/** Address and length of what was measured. */
const BLOB_BYTES = 16;
const GUID_BYTES = 16;

/** The digest is taken of the data, whole. */
const OF_DATA = new Set([
  EV_SEPARATOR,
  EV_ACTION,
  EV_S_CRTM_VERSION,
  EV_EFI_VARIABLE_DRIVER_CONFIG,
  EV_EFI_VARIABLE_BOOT2,
  EV_EFI_GPT_EVENT,
  EV_EFI_ACTION,
]);

export type DataFit = "fits" | "differs" | "can't tell";

/** @param digest SHA-256 */
export function fitsItsData(type: number, data: Uint8Array, digest: Uint8Array): DataFit {
  if (OF_DATA.has(type)) return isOf(digest, data) ? "fits" : "differs";
  if (type === EV_EFI_VARIABLE_BOOT) {
    // Firmware measures the variable whole, or its content alone.
    const content = contentOfVariable(data);
    return content !== undefined && (isOf(digest, data) || isOf(digest, content)) ? "fits" : "differs";
  }
  if (type === EV_EFI_PLATFORM_FIRMWARE_BLOB) return data.length === BLOB_BYTES ? "can't tell" : "differs";
  if (type === EV_EVENT_TAG) return isTagged(data) ? "can't tell" : "differs";
  return "can't tell";
}

function isOf(digest: Uint8Array, data: Uint8Array): boolean {
  return equalBytes(hash("sha256", data, "buffer"), digest);
}

/** UEFI_VARIABLE_DATA: GUID, length of the name in UTF-16 units u64, length of the content u64, name, content. */
function contentOfVariable(data: Uint8Array): Uint8Array | undefined {
  const reader = new ByteReader(data);
  reader.take(GUID_BYTES);
  const nameUnits = u64le(reader);
  const length = u64le(reader);
  reader.take(2 * nameUnits);
  const content = reader.take(length);
  return reader.done() === undefined ? content : undefined;
}

/** A number, the length of the rest u32, the rest. */
function isTagged(data: Uint8Array): boolean {
  const reader = new ByteReader(data);
  reader.take(4);
  reader.take(u32le(reader));
  return reader.done() === undefined;
}
