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
  /** So many questions in vain are put down to loss, and followed by the next without delay. */
  readonly patientTries: number;
  /** Each further one waits so many times longer … */
  readonly backOffFactor: number;
  /** … but never by more than this in all. */
  readonly maxBackOff: number;
}

/** @param fullPacketUs time on air of a packet with 231 bytes of payload */
export function timingFor(fullPacketUs: number): Timing {
  const packetMs = fullPacketUs / 1000;
  return {
    beaconMinMs: Math.max(6_000, 16 * packetMs),
    beaconDoublings: 5,
    lonelyDoublings: 1,
    beaconRedundancy: 2,
    patientTries: 10,
    backOffFactor: 1.4,
    maxBackOff: 8,
  };
}

/** How much longer than the first wait the next one is, after so many tries in vain. */
export function backOff({ backOffFactor, patientTries, maxBackOff }: Timing, tries: number): number {
  return Math.min(backOffFactor ** Math.max(0, tries - patientTries), maxBackOff);
}
