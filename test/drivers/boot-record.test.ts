/** The logs of firmware, kernel and systemd as files. */
import { existsSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bootRecord, type BootRecordPaths } from "../../src/drivers/boot-record.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { temporaryDirectory } from "../fakes/chips.ts";

let directory: ReturnType<typeof temporaryDirectory>;
let paths: BootRecordPaths;

beforeEach(() => {
  directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  paths = { tcg: at("tcg"), ima: at("ima"), cel: at("cel"), bootId: at("boot_id") };
});
afterEach(() => directory.remove());

test("each log is read whole; one that is not there is none", async () => {
  const long = new Uint8Array(200_000).map((_, at) => at);
  writeFileSync(paths.tcg, long);
  writeFileSync(paths.cel, "");
  expect(await bootRecord(paths).logs()).toEqual({ tcg: long, ima: undefined, cel: new Uint8Array() });
});

test("one that can't be read, or has no end, is a foreseen failure with what to do", async () => {
  mkdirSync(paths.ima);
  const fix = expect.stringContaining("trust.pcrs");
  await expect(bootRecord(paths).logs()).rejects.toMatchObject({ code: "BOOT_LOGS", fix });
  writeFileSync(paths.tcg, "");
  truncateSync(paths.tcg, 16_777_217);
  await expect(bootRecord({ ...paths, ima: paths.tcg }).logs()).rejects.toMatchObject({ code: "BOOT_LOGS", fix });
});

test("the kernel names this start of the machine in 16 bytes", async () => {
  writeFileSync(paths.bootId, "01234567-89ab-cdef-0123-456789abcdef\n");
  const id = await bootRecord(paths).bootId();
  expect(Buffer.from(id).toString("hex")).toBe("0123456789abcdef0123456789abcdef");
  for (const other of ["", "no uuid", "01234567-89ab-cdef-0123-456789abcdef\n\n"]) {
    writeFileSync(paths.bootId, utf8(other));
    await expect(bootRecord(paths).bootId()).rejects.toMatchObject({ code: "BOOT_LOGS" });
  }
});

test("this very machine names its start, the same at each call", async (context) => {
  if (!existsSync("/proc/sys/kernel/random/boot_id")) context.skip("this is not Linux");
  const id = await bootRecord().bootId();
  expect(id).toHaveLength(16);
  expect(await bootRecord().bootId()).toEqual(id);
});
