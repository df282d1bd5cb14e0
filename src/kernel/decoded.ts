/**
 * The outcome of decoding bytes from outside: a value, or the reason why there is none. Never an exception.
 * @module
 */

/** `reason` is a short constant phrase, fit to be a counter's label: no bytes or numbers of the sender in it. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

export function decoded<T>(value: T): Decoded<T> {
  return { ok: true, value };
}

export function refused(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
