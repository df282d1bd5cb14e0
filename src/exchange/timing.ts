/**
 * The timers of the exchange. All follow from one number, the time on air of a full packet, so that a fast preset
 * makes a fast village. The table in `docs/protocol.md`, "Timers", is this file in words.
 * @module
 */

export interface Timing {
  /** Trickle (RFC 6206): the shortest interval between beacons. */
  readonly beaconMinMs: number;
  /** How often that interval may double. */
  readonly beaconDoublings: number;
  /** … while nobody was heard yet, who could have been told. */
  readonly lonelyDoublings: number;
  /** Equal beacons heard in an interval that make ours superfluous. */
  readonly beaconRedundancy: number;
  /** New entries of the own log wait about this long (a quarter of it to five quarters) for others to share their packet. */
  readonly announceMs: number;
  /** A WANT waits for a random part of this, so that one of several askers can speak for all. */
  readonly wantSpreadMs: number;
  /** A WANT that brought nothing is repeated after this; each time longer by {@link backOffFactor}. */
  readonly wantRetryMs: number;
  /** An answer waits for a random part of this, so that one of several holders can answer for all. */
  readonly answerSpreadMs: number;
  /** A transfer that has heard nothing for this long asks again; each time longer by {@link backOffFactor}. */
  readonly getRetryMs: number;
  readonly backOffFactor: number;
  /** So many tries in vain are put down to loss, and followed by the next without delay. */
  readonly patientTries: number;
  /** … but never by more than this in all. */
  readonly maxBackOff: number;
  /** Askings without any progress before a WANT or a GET gives up. A new beacon, or the user, starts it again. */
  readonly maxFruitless: number;
}

/** @param fullPacketUs time on air of a packet with 231 bytes of payload @param hopLimit relays, 0 … 7 */
export function timingFor(fullPacketUs: number, hopLimit: number): Timing {
  const packetMs = fullPacketUs / 1000;
  // What one packet occupies in a cell where relays repeat it: its own time and, within earshot, about two repeats.
  const roundMs = packetMs * (1 + Math.min(hopLimit, 2));
  return {
    beaconMinMs: Math.max(6_000, 16 * packetMs),
    beaconDoublings: 5,
    lonelyDoublings: 1,
    beaconRedundancy: 2,
    announceMs: packetMs,
    wantSpreadMs: 1.5 * packetMs,
    wantRetryMs: 1_000 + 2 * roundMs,
    answerSpreadMs: packetMs,
    // The answerer may be sending its own things first: three packets' worth of patience, and the relays' time.
    getRetryMs: 1_000 + 2 * roundMs + packetMs * hopLimit,
    backOffFactor: 1.4,
    patientTries: 10,
    maxBackOff: 8,
    // Over three hops at 30 % loss on each, one asking in three or four is answered: this many all fail once in 10^4.
    maxFruitless: 30,
  };
}

/** How much longer than the first wait the next one is, after so many tries in vain. */
export function backOff({ backOffFactor, patientTries, maxBackOff }: Timing, tries: number): number {
  return Math.min(backOffFactor ** Math.max(0, tries - patientTries), maxBackOff);
}
