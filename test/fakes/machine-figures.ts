/** The figures of a machine that is well. @module */
import type { MachineFigures } from "../../src/ports/machine-figures.ts";

export function machineFigures(changes: Partial<MachineFigures> = {}): MachineFigures {
  return {
    disk: { freeBytes: 20e9, totalBytes: 30e9 },
    temperatures: [{ sensor: "0:cpu-thermal", celsius: 51.2 }],
    unixS: 1_790_000_000,
    residentBytes: 110e6,
    heapUsedBytes: 30e6,
    cpuS: 12.5,
    eventLoopLagS: 0.0004,
    watchdogBeats: 7,
    backups: new Map(),
    updateStep: "confirmed",
    spans: { sent: 40, dropped: 2 },
    ...changes,
  };
}
