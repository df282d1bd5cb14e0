/**
 * Arithmetic in GF(256), the field of 256 elements, modulo x^8 + x^4 + x^3 + x^2 + 1 (0x11d), in which 2 generates
 * all but 0. Addition is exclusive or.
 * @module
 */

const POLYNOMIAL = 0x11d;
/** How many elements are not 0: the exponents of 2 repeat after as many steps. */
const ORDER = 255;

const { powers, logs } = tables();
/** 256 rows of 256: row a holds the products of a with each element. */
const products = productTable();

/** The product of two elements, 0 … 255 each. */
export function multiply(a: number, b: number): number {
  return products[256 * a + b] ?? 0;
}

/** @param a 1 … 255 @throws RangeError for 0, which has no inverse */
export function invert(a: number): number {
  return exponential(ORDER - logarithm(a));
}

/** The exponent, 0 … 254, to which 2 gives this element. @throws RangeError for 0 and outside of the field */
export function logarithm(a: number): number {
  const log = a === 0 ? undefined : logs[a];
  if (log === undefined) throw new RangeError("no logarithm");
  return log;
}

/** 2 to this power; any integer. */
export function exponential(power: number): number {
  const reduced = power % ORDER;
  return powers[reduced < 0 ? reduced + ORDER : reduced] ?? 0;
}

/** `target[i] += factor · source[i]`, for as many bytes as the source has. */
export function addProduct(target: Uint8Array, source: Uint8Array, factor: number): void {
  if (factor === 0) return;
  const row = products.subarray(256 * factor, 256 * factor + 256);
  for (let i = 0; i < source.length; i++) target[i] = (target[i] ?? 0) ^ (row[source[i] ?? 0] ?? 0);
}

function tables(): { powers: Uint8Array; logs: Uint8Array } {
  const powers = new Uint8Array(ORDER);
  const logs = new Uint8Array(256);
  let element = 1;
  for (let power = 0; power < ORDER; power++) {
    powers[power] = element;
    logs[element] = power;
    element = element < 0x80 ? element << 1 : (element << 1) ^ POLYNOMIAL;
  }
  return { powers, logs };
}

function productTable(): Uint8Array {
  const table = new Uint8Array(256 * 256);
  for (let a = 1; a < 256; a++) {
    for (let b = 1; b < 256; b++) table[256 * a + b] = exponential(logarithm(a) + logarithm(b));
  }
  return table;
}
