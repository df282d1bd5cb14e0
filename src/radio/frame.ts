/**
 * What waits to be sent, what it costs, and how the radio takes it.
 * @module
 */
import { BROADCAST, DIRECT_SENDS, PRIVATE_APP, WANT_ACK_SENDS, type OutgoingPacket } from "../ports/modem.ts";
import { directAirtimeUs, payloadAirtimeUs } from "./airtime.ts";
import type { RadioLimits } from "./limits.ts";
import type { Priority } from "./priority.ts";
import type { Waiting } from "./waiting.ts";

/** A broadcast on our port, unless it says otherwise. */
export interface Frame extends Waiting {
  /** An encoded message, 1 … 231 bytes; not to be changed once offered. */
  readonly payload: Uint8Array;
  readonly priority: Priority;
  /** Relays, 0 … 7. */
  readonly hopLimit: number;
  /** One node, by its number. */
  readonly to?: number;
  /** Meshtastic's number of another port. */
  readonly port?: number;
  /** Index of the radio's channel, 0 … 7; the configured one when left out. */
  readonly channel?: number;
  /** The radio may repeat it, and its airtime counts as if it did: only with `to`, and only for what is rare and short. */
  readonly wantAck?: boolean;
  /** Called once the radio has it, with its time on air. Must not throw. */
  readonly onSent?: (airtimeUs: number) => void;
}

export interface Cost {
  /** Of one sending. */
  readonly packetUs: number;
  /** Of all that the radio may make of it: what is booked. */
  readonly airtimeUs: number;
}

/** @throws RangeError for more than fits a packet: a fault of ours */
export function costOf({ payload, to, port = PRIVATE_APP, wantAck, hopLimit }: Frame, limits: RadioLimits): Cost {
  const { modulation, radioSigns } = limits;
  if (to === undefined || to === BROADCAST) {
    const packetUs = payloadAirtimeUs(payload.length, modulation, radioSigns);
    return { packetUs, airtimeUs: packetUs };
  }
  const packetUs = directAirtimeUs(port, payload.length, modulation);
  const unasked = hopLimit > 0 ? DIRECT_SENDS : 1;
  return { packetUs, airtimeUs: (wantAck === true ? WANT_ACK_SENDS : unasked) * packetUs };
}

/** As the radio takes it. */
export function packetOf({
  payload,
  hopLimit,
  to = BROADCAST,
  port = PRIVATE_APP,
  channel,
  wantAck,
}: Frame): OutgoingPacket {
  const asked = wantAck === true && to !== BROADCAST ? { wantAck } : {};
  return { to, port, payload, hopLimit, ...(channel === undefined ? {} : { channel }), ...asked };
}
