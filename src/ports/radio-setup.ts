/**
 * The settings that a radio keeps in its own flash, read and written while nobody else uses it. For the work beside the
 * agent: it takes the radio's only line.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";

/** How many channels a Meshtastic radio has. */
export const RADIO_CHANNELS = 8;

export interface RadioChannel {
  /** At most 11 bytes; empty: the radio shows the preset's name. */
  readonly name: string;
  /** Its key: none, one byte that stands for a public one, or 16 or 32 bytes. */
  readonly psk: Bytes;
}

/** What a radio said of itself. */
export interface RadioSettings {
  readonly nodeNumber: number;
  /** `2.7.26.54e0d8d`; empty when it did not say. */
  readonly firmware: string;
  /** True when it takes orders only from an administrator with a key, and none by its own line. */
  readonly managed: boolean;
  readonly longName: string;
  readonly shortName: string;
  /** Meshtastic's names: `CLIENT`, `EU_868` ("UNSET": it keeps silent), `LongFast` (undefined: set by hand, no preset). */
  readonly role: string;
  readonly region: string;
  readonly preset: string | undefined;
  readonly hopLimit: number;
  readonly txEnabled: boolean;
  /** True: it does not keep the law's hour. */
  readonly overrideDutyCycle: boolean;
  /** Which frequency of the region, counted from 1; 0: it follows from the first channel's name. */
  readonly slot: number;
  /** By index; undefined where there is none. The first is the primary one. */
  readonly channels: readonly (RadioChannel | undefined)[];
}

/** What is to be otherwise; what is left out stays. */
export type RadioChanges = Partial<Omit<RadioSettings, "nodeNumber" | "firmware" | "managed">>;

export interface RadioSetup {
  /**
   * @throws AgentError "RADIO_URI", "RADIO_ABSENT" (nothing is plugged in there, or nobody answers), "RADIO_BUSY" (another
   * program has it), "RADIO_FORBIDDEN", "RADIO_LOST" (the line broke), "RADIO_STRANGE" (something else is there),
   * "RADIO_SILENT"
   */
  read(uri: string, signal: AbortSignal): Promise<RadioSettings>;
  /**
   * Writes them in one go, after which the radio restarts by itself; what came of it only {@link read} tells.
   * @throws AgentError as {@link read}; "RADIO_SETTING" for a name that this version can't write
   */
  write(uri: string, changes: RadioChanges, signal: AbortSignal): Promise<void>;
  /** The `serial:` addresses of what may be radios, the likeliest kind first; several of one kind can't be told apart. */
  find(): Promise<readonly string[]>;
}
