/** The field GF(256). @module */
import { expect, test } from "vitest";
import { addProduct, exponential, invert, logarithm, multiply } from "../../src/erasure/field.ts";
import vectors from "../vectors/erasure.json" with { type: "json" };

/** Shift and add: slow, and written from the definition. */
function slowProduct(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product <<= 1;
    if (product & 0x100) product ^= 0x11d;
    if ((b >> bit) & 1) product ^= a;
  }
  return product;
}

test("multiplies as the definition does, for every pair", () => {
  const wrong: number[][] = [];
  for (let a = 0; a < 256; a++) {
    for (let b = 0; b < 256; b++) if (multiply(a, b) !== slowProduct(a, b)) wrong.push([a, b]);
  }
  expect(wrong).toEqual([]);
});

test("knows the golden products", () => {
  for (const [a = 0, b = 0, product] of vectors.products) expect(multiply(a, b), `${a} times ${b}`).toBe(product);
});

test("has an inverse for all but 0", () => {
  for (let a = 1; a < 256; a++) expect(multiply(a, invert(a))).toBe(1);
  expect(() => invert(0)).toThrow(RangeError);
  expect(() => logarithm(256)).toThrow(RangeError);
});

test("repeats powers after 255, below 0 too", () => {
  for (let a = 1; a < 256; a++) {
    expect(exponential(logarithm(a))).toBe(a);
    expect(exponential(logarithm(a) - 255 * 7)).toBe(a);
    expect(exponential(logarithm(a) + 255 * 7)).toBe(a);
  }
});

test("adds a product to each byte, and nothing for the factor 0", () => {
  const target = Uint8Array.of(1, 2, 3, 9);
  addProduct(target, Uint8Array.of(4, 5, 0), 0);
  expect(target).toEqual(Uint8Array.of(1, 2, 3, 9));
  addProduct(target, Uint8Array.of(4, 5, 0), 29);
  expect(target).toEqual(Uint8Array.of(1 ^ multiply(29, 4), 2 ^ multiply(29, 5), 3, 9));
});
