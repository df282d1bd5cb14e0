/**
 * The messages of the radio protocol, version 2, as values: one file each. Byte layouts: `docs/protocol.md`.
 * @module
 */
import type { Alert } from "./alert.ts";
import type { Alerts } from "./alerts.ts";
import type { Beacon } from "./beacon.ts";
import type { Coded } from "./coded.ts";
import type { Fork } from "./fork.ts";
import type { Get } from "./get.ts";
import type { Probe } from "./probe.ts";
import type { Proof } from "./proof.ts";
import type { Pull } from "./pull.ts";
import type { Repair } from "./repair.ts";
import type { Sealed } from "./sealed.ts";
import type { Seen } from "./seen.ts";
import type { Trust } from "./trust.ts";
import type { Update } from "./update.ts";
import type { Want } from "./want.ts";

export type Message =
  | Beacon
  | Update
  | Repair
  | Want
  | Pull
  | Get
  | Coded
  | Alert
  | Alerts
  | Seen
  | Fork
  | Probe
  | Proof
  | Trust
  | Sealed;
