/**
 * Which files are fetched by radio, and when: large ones at the hours that the village leaves for them, larger ones not at
 * all but over a link to the internet. Whoever is in a hurry says so.
 * @module
 */

export interface FilesPolicy {
  /** A larger file waits for a link to the internet. */
  readonly maxAirBytes: number;
  /** Above this a file is large: it is fetched in {@link hours} only. */
  readonly largeBytes: number;
  /** From which full hour to which, 0 … 24, local time; over midnight when the first is the greater. */
  readonly hours: { readonly from: number; readonly until: number };
  /** Until this node holds so many bytes, it fetches the newest small files unasked, to carry them on; 0: none. */
  readonly carryBytes: number;
  /** Until this node holds so many bytes, it keeps what it overheard whole; 0: nothing. */
  readonly cacheBytes: number;
}

/** By LoRa a larger file would hold the channel for hours: `files.max_air_bytes` goes no higher. */
export const MAX_AIR_BYTES = 65_536;

export const DEFAULT_POLICY: FilesPolicy = {
  maxAirBytes: MAX_AIR_BYTES,
  largeBytes: 4_096,
  hours: { from: 0, until: 24 },
  carryBytes: 0,
  cacheBytes: 8_388_608,
};

export type PolicyVerdict =
  | { readonly kind: "now" }
  /** `reason` is for people. `untilMs`: Unix time; undefined when that is not known. */
  | { readonly kind: "defer"; readonly reason: string; readonly untilMs: number | undefined };

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/**
 * @param bytes of the file; 0 when they are not known
 * @param urgent somebody said: now. No hour holds it up then
 * @param nowMs Unix time
 */
export function judge(bytes: number, urgent: boolean, policy: FilesPolicy, nowMs: number): PolicyVerdict {
  const { maxAirBytes, largeBytes, hours } = policy;
  if (bytes > maxAirBytes) {
    const reason = `it has ${bytes} bytes, and files above ${maxAirBytes} wait for a link to the internet`;
    return { kind: "defer", reason, untilMs: undefined };
  }
  if (urgent || bytes <= largeBytes || isWithin(localHour(nowMs), hours)) return { kind: "now" };
  const reason = `files above ${largeBytes} bytes are fetched from ${clockTime(hours.from)} to ${clockTime(hours.until)}`;
  return { kind: "defer", reason, untilMs: nextHour(hours.from, nowMs) };
}

function isWithin(hour: number, { from, until }: FilesPolicy["hours"]): boolean {
  return from <= until ? hour >= from && hour < until : hour >= from || hour < until;
}

function localHour(nowMs: number): number {
  return new Date(nowMs).getHours();
}

/** When the clock next shows that full hour; found by looking, since days have 23 or 25 hours at times. */
function nextHour(hour: number, nowMs: number): number {
  const fullMs = nowMs - (nowMs % MINUTE_MS) - new Date(nowMs).getMinutes() * MINUTE_MS;
  for (let atMs = fullMs + HOUR_MS; atMs <= fullMs + 25 * HOUR_MS; atMs += HOUR_MS) {
    if (localHour(atMs) === hour % 24) return atMs;
  }
  return fullMs + 24 * HOUR_MS;
}

function clockTime(hour: number): string {
  return `${String(hour).padStart(2, "0")}:00`;
}
