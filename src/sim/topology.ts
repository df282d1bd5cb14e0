/** Who hears whom: links between radios, and the usual shapes. @module */

/** Both directions. Radios are named by their node numbers. */
export interface AirLink {
  readonly a: number;
  readonly b: number;
  /** Share of frames lost beside collisions, 0 … 1; 1 is no link. */
  readonly loss: number;
  /** Signal above noise in dB; relays that hear worse repeat sooner. */
  readonly snrDb?: number;
}

/** Node numbers of a simulated village: the first is 0x0ca7e001. */
export function nodeNumber(index: number): number {
  return 0x0ca7_e001 + index;
}

/** `count` radios, each of which hears its two neighbours. */
export function line(count: number, loss = 0): AirLink[] {
  return Array.from({ length: Math.max(count - 1, 0) }, (_, i) => ({ a: nodeNumber(i), b: nodeNumber(i + 1), loss }));
}

/** `count` radios that all hear each other. */
export function fullMesh(count: number, loss = 0): AirLink[] {
  return Array.from({ length: count }, (_, a) =>
    Array.from({ length: count - a - 1 }, (_, i) => ({ a: nodeNumber(a), b: nodeNumber(a + i + 1), loss })),
  ).flat();
}

/** A hub and `leaves` radios that hear only the hub, and so never each other's carrier. */
export function star(leaves: number, loss = 0): AirLink[] {
  return Array.from({ length: leaves }, (_, i) => ({ a: nodeNumber(0), b: nodeNumber(i + 1), loss }));
}
