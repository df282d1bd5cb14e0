/**
 * A frame of the mesh as it is on the air: Meshtastic's header and the decoded `Data`; how long it is, and what becomes of
 * it when a byte is changed.
 *
 * Layout (`src/mesh/RadioInterface.h` of the firmware): to 4, from 4, id 4, flags 1 (hop limit in bits 0 to 2, want_ack 3,
 * hop start in 5 to 7), channel 1, next hop 1, relay 1; then `Data`.
 * @module
 */
import { BROADCAST, TEXT_MESSAGE_APP } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import { MAX_FRAME_BYTES, meshFrameBytes } from "../radio/airtime.ts";
import { drawBelow } from "./seeded-random.ts";

export interface AirFrame {
  readonly from: number;
  readonly to: number;
  readonly id: number;
  readonly hopLimit: number;
  readonly hopStart: number;
  readonly port: number;
  readonly payload: Uint8Array;
  /** The receiver is to acknowledge. Never on a broadcast. */
  readonly wantAck?: boolean;
  /** Id of the packet that this one acknowledges or answers. */
  readonly requestId?: number;
  /** Last byte of the only node that may relay this; any may when left out. */
  readonly nextHop?: number;
  /** Last byte of the node that sent this frame. */
  readonly relay?: number;
  /** Firmware 2.8's signature follows. */
  readonly signed?: boolean;
}

export const ROUTING_APP = 5;
const ADMIN_APP = 6;
/** `Data.request_id` is a fixed32 with a tag. */
const REQUEST_ID_BYTES = 5;
/** `XEDDSA_SIGNATURE_FIELD_BYTES` (`src/mesh/CryptoEngine.h`, 2.8). */
const SIGNATURE_FIELD_BYTES = 66;
const HEADER_BYTES = 16;
const DEFAULT_HOPS = 3;
const TO_BYTES = 4;
const FLAGS_AT = 12;

/** `MeshPacket.Priority`, as `fixPriority` sets it (`src/mesh/MeshPacketQueue.cpp`). */
const PRIORITY = { default: 64, reliable: 70, response: 80, high: 100, ack: 120 };

/** May exceed {@link MAX_FRAME_BYTES}. */
export function frameBytesOf({ port, payload, requestId, signed }: Omit<AirFrame, "from" | "hopStart">): number {
  const bytes = meshFrameBytes(port, payload.length) + (requestId === undefined ? 0 : REQUEST_ID_BYTES);
  return signed === true ? bytes + SIGNATURE_FIELD_BYTES : bytes;
}

/** Firmware 2.8 signs each broadcast of its own that still fits the frame then (`perhapsEncode`, `src/mesh/Router.cpp`). */
export function signed28(frame: AirFrame): AirFrame {
  if (frame.to !== BROADCAST) return frame;
  const signed = { ...frame, signed: true };
  return frameBytesOf(signed) <= MAX_FRAME_BYTES ? signed : frame;
}

export function priorityOf({ port, wantAck, requestId }: AirFrame): number {
  if (port === ROUTING_APP) return PRIORITY.ack;
  if (port === TEXT_MESSAGE_APP || port === ADMIN_APP) return PRIORITY.high;
  if (requestId !== undefined) return PRIORITY.response;
  return wantAck === true ? PRIORITY.reliable : PRIORITY.default;
}

/** One small number for a packet, whoever relays it. Two of the same are as rare as one in 2^32. */
export function packetKey(from: number, id: number): number {
  return (Math.imul(from, 0x9e37_79b1) ^ id) | 0;
}

/** The last byte, by which the header names a relay; never 0, which would name none (`getLastByteOfNodeNum`). */
export function relayByte(nodeNumber: number): number {
  return nodeNumber & 0xff || 0xff;
}

/**
 * The frame with one byte changed, as a receiver sees it that found the check sum right. Undefined when the change makes
 * it one that no receiver can read.
 */
export function corrupted(frame: AirFrame, random: Random): AirFrame | undefined {
  const at = drawBelow(random, frameBytesOf(frame));
  const mask = 1 + drawBelow(random, 255);
  if (at < TO_BYTES) return { ...frame, to: (frame.to ^ (mask << (8 * at))) >>> 0 };
  // The key stream is made of sender and id, and the channel is named by its hash: nothing sensible comes out.
  if (at < FLAGS_AT || at === FLAGS_AT + 1) return undefined;
  if (at === FLAGS_AT) return changedFlags(frame, mask);
  // Next hop and relay are hints.
  if (at < HEADER_BYTES) return frame;
  // AES in counter mode has no check of its own: a changed byte is a changed byte. That of a tag or a length is fatal.
  const inPayload = at - (frameBytesOf({ ...frame, signed: false }) - frame.payload.length);
  if (inPayload < 0) return undefined;
  // What follows the payload is a signature, which receivers check only when they know the signer's key.
  if (inPayload >= frame.payload.length) return frame;
  const payload = frame.payload.slice();
  payload[inPayload] = (payload[inPayload] ?? 0) ^ mask;
  return { ...frame, payload };
}

function changedFlags(frame: AirFrame, mask: number): AirFrame {
  const flags = (frame.hopLimit | (frame.wantAck === true ? 8 : 0) | (frame.hopStart << 5)) ^ mask;
  return { ...frame, hopLimit: flags & 7, hopStart: (flags >> 5) & 7, wantAck: (flags & 8) !== 0 };
}

/** The frame for that relay alone; for any when undefined. */
export function towards(frame: AirFrame, nextHop: number | undefined): AirFrame {
  if (nextHop !== undefined) return { ...frame, nextHop };
  if (frame.nextHop === undefined) return frame;
  const { nextHop: _, ...flooded } = frame;
  return flooded;
}

/** `RoutingModule::getHopLimitForResponse`: as far as the question came, and two more; at least for the default. */
export function responseHops({ hopStart, hopLimit }: AirFrame): number {
  const used = hopStart - hopLimit;
  if (used > DEFAULT_HOPS) return used;
  if (hopStart === 0) return 0;
  return used + 2 < DEFAULT_HOPS ? used + 2 : DEFAULT_HOPS;
}
