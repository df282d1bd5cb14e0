/** Times as CAP writes them: `2026-08-01T15:30:00-06:00`, never with `Z`. @module */

const FORM = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})([+-])(\d{2}):(\d{2})$/;

/** Unix seconds; undefined for another form or a day that there is not. */
export function parseCapTime(text: string): number | undefined {
  const [, year, month, day, hour, minute, second, sign, offsetHours, offsetMinutes] = FORM.exec(text) ?? [];
  if (year === undefined) return undefined;
  const parts = [year, month, day, hour, minute, second].map(Number);
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = parts;
  const utcMs = Date.UTC(y, mo - 1, d, h, mi, s);
  const offset = 60 * Number(offsetHours) + Number(offsetMinutes);
  const there = new Date(utcMs).toISOString().slice(0, 19) === text.slice(0, 19);
  if (!there || Number(offsetHours) > 14 || Number(offsetMinutes) > 59) return undefined;
  return utcMs / 1000 - (sign === "-" ? -60 : 60) * offset;
}

/** In UTC, which CAP writes as `-00:00`. @param unixS 0 … 2^32 − 1 */
export function formatCapTime(unixS: number): string {
  return `${new Date(unixS * 1000).toISOString().slice(0, 19)}-00:00`;
}
