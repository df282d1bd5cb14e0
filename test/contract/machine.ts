/** What every machine does, the real one and the fake. @module */
import { expect, test } from "vitest";
import { utf8 } from "../../src/kernel/bytes.ts";
import type { Machine } from "../../src/ports/machine.ts";

/** @param at a directory that the test may fill */
export function describeMachine(open: () => Promise<{ readonly machine: Machine; readonly at: string }>): void {
  test("what was written is read, with its mode, and is gone once removed", async () => {
    const { machine, at } = await open();
    expect(await machine.read(`${at}/a/b.txt`)).toBeUndefined();
    await machine.write(`${at}/a/b.txt`, utf8("one"), 0o600);
    await machine.write(`${at}/a/b.txt`, utf8("three"), 0o600);
    expect(await machine.read(`${at}/a/b.txt`)).toEqual(utf8("three"));
    expect(await machine.read(`${at}/a/b.txt`, 2)).toEqual(utf8("th"));
    expect(await machine.status(`${at}/a/b.txt`)).toEqual({ kind: "file", mode: 0o600, bytes: 5 });
    expect((await machine.status(`${at}/a`))?.kind).toBe("directory");
    for (const path of ["a/b.txt", "a", "none"]) expect(await machine.isLink(`${at}/${path}`)).toBe(false);
    expect(await machine.list(`${at}/a`)).toEqual(["b.txt"]);
    await machine.remove(`${at}/a`);
    await machine.remove(`${at}/a`);
    expect(await machine.status(`${at}/a/b.txt`)).toBeUndefined();
    expect(await machine.list(`${at}/a`)).toEqual([]);
  });

  test("what lies on it has room, and is listed in rising order", async () => {
    const { machine, at } = await open();
    for (const name of ["b", "c", "a"]) await machine.write(`${at}/${name}`, utf8(name));
    expect(await machine.list(at)).toEqual(["a", "b", "c"]);
    expect(await machine.freeBytes(at)).toBeGreaterThan(0);
  });
}
