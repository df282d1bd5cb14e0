/** How large a packet is on the air. @module */

/** The LoRa frame's limit in bytes, header included. */
export const MAX_FRAME_BYTES = 255;
const MESH_HEADER_BYTES = 16;
/** Tags of port and payload, and the bit field that the firmware adds. */
const DATA_TAG_BYTES = 4;

/** Bytes of the LoRa frame for a payload on a channel. May exceed {@link MAX_FRAME_BYTES}. */
export function frameBytesFor(port: number, payloadBytes: number): number {
  const portBytes = port < 128 ? 1 : 2;
  const lengthBytes = payloadBytes < 128 ? 1 : 2;
  return MESH_HEADER_BYTES + DATA_TAG_BYTES + portBytes + lengthBytes + payloadBytes;
}
