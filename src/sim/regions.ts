/** What the radio regulations of Meshtastic's regions allow (firmware `RadioInterface.cpp`). @module */

/** Share of each hour that a radio may send, 0 … 1. Regions without a limit, and unknown ones, give 1. */
export function dutyCycleOf(region: string): number {
  return region === "EU_868" || region === "EU_433" ? 0.1 : 1;
}
