/** Which firmware a simulated radio plays, and what it says of itself. @module */

/** 2.8 signs each broadcast of its own that still fits the frame. */
export type RadioFirmware = "2.7" | "2.8";

export const FIRMWARE_VERSION: Readonly<Record<RadioFirmware, string>> = {
  "2.7": "2.7.26.54e0d8d",
  "2.8": "2.8.0.7754068",
};
