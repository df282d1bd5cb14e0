/**
 * A radio as a lossy datagram service. Delivery is never promised: no acknowledgement of the radio is evidence that
 * anybody heard, so none is passed on.
 * @module
 */
import type { Service } from "../kernel/service.ts";

/** Everybody in reach. */
export const BROADCAST = 0xffff_ffff;
/** Our messages (Meshtastic `PRIVATE_APP`). */
export const PRIVATE_APP = 256;
/** Chat texts (Meshtastic `TEXT_MESSAGE_APP`). */
export const TEXT_MESSAGE_APP = 1;
/** The largest payload of a `PRIVATE_APP` packet on a channel, in bytes. */
export const MAX_PAYLOAD_BYTES = 231;

/** How often the radio puts one packet on air at most, when it wants an acknowledgement (`NUM_RELIABLE_RETX` of the firmware). */
export const WANT_ACK_SENDS = 3;
/** The same for a packet to one node that wants none but may be relayed: on a way that it knows, the radio repeats it (`NUM_INTERMEDIATE_RETX`). */
export const DIRECT_SENDS = 2;

export interface RadioPacket {
  readonly from: number;
  readonly to: number;
  readonly id: number;
  readonly port: number;
  readonly payload: Uint8Array;
  /** Relays it passed, 0 when heard from its sender directly; undefined when the radio can't tell. */
  readonly hopsTaken: number | undefined;
  readonly rssiDbm: number | undefined;
  readonly snrDb: number | undefined;
  /** Index of the radio's channel that it came by, 0 … 7; left out when the radio didn't say. */
  readonly channel?: number;
  /** What the radio took for the time when it heard it, Unix time in s; left out when it has none. */
  readonly radioTimeS?: number;
}

export interface OutgoingPacket {
  /** A node number, or {@link BROADCAST}. */
  readonly to: number;
  readonly port: number;
  /** 1 … 231 bytes. */
  readonly payload: Uint8Array;
  /** 0 … 7 relays. Always explicit: left out, the firmware would choose. */
  readonly hopLimit: number;
  /** The radio repeats it, up to {@link WANT_ACK_SENDS} times in all, until its receiver answers. Only to one node. */
  readonly wantAck?: boolean;
  /** Index of the radio's channel, 0 … 7; the configured one when left out. */
  readonly channel?: number;
}

export type SendOutcome =
  /** The radio has it. */
  | { readonly kind: "taken" }
  /** The radio's queue is full, or it is not ready: worth another try. */
  | { readonly kind: "busy"; readonly reason: string }
  /** The radio says that the law's hour is used up. */
  | { readonly kind: "duty-cycle"; readonly waitMs: number }
  /** Never worth another try (too large, no such channel, …). */
  | { readonly kind: "refused"; readonly reason: string };

export interface RadioSettings {
  readonly nodeNumber: number;
  /** Meshtastic's name of the modem preset, for example `LongFast`; undefined when the radio did not say. */
  readonly preset: string | undefined;
  /** Meshtastic's name of the region, for example `US`, `EU_868`; undefined when unset or unsaid. */
  readonly region: string | undefined;
  readonly firmware: string | undefined;
  /**
   * What the radio took for the time, Unix time in s, and when it said so: its own GPS, a phone's, or what another radio told
   * it. Left out while it has none.
   */
  readonly clock?: { readonly atS: number; readonly monotonicMs: number };
}

export type ModemState =
  | { readonly kind: "connecting"; readonly attempt: number }
  | { readonly kind: "configuring" }
  | { readonly kind: "ready"; readonly settings: RadioSettings }
  /** Waits before it tries again. `reason` is for people. */
  | { readonly kind: "down"; readonly reason: string; readonly retryInMs: number };

/** What the radio reports of the channel, as ratios 0 … 1; undefined until it did. */
export interface ChannelUse {
  readonly channelUtilization: number | undefined;
  readonly airUtilTx: number | undefined;
}

/** While it runs it keeps the link to the radio, for ever, with back-off. Exactly one consumer reads packets. */
export interface Modem extends Service {
  /** Where it is, for people: the device URI. */
  readonly uri: string;
  state(): ModemState;
  channelUse(): ChannelUse;
  /** Counted events: `frames_in`, `bad_frames`, `resyncs`, `reconnects`, `dropped_packets`, … */
  counters(): Readonly<Record<string, number>>;
  /** The next packet for any port; undefined once the signal aborts. A bounded queue stands behind it. */
  receive(signal: AbortSignal): Promise<RadioPacket | undefined>;
  /** Hands one packet to the radio. Resolves at once with `busy` when there is no link; never rejects. */
  send(packet: OutgoingPacket, signal: AbortSignal): Promise<SendOutcome>;
}
