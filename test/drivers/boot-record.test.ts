/** The logs of firmware, kernel and systemd as files. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execPath, getuid } from "node:process";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bootRecord, type BootRecordPaths } from "../../src/drivers/boot-record.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { temporaryDirectory } from "../fakes/chips.ts";

let directory: ReturnType<typeof temporaryDirectory>;
let paths: BootRecordPaths;

beforeEach(() => {
  directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  paths = { tcg: at("tcg"), ima: at("ima"), cel: at("cel"), bootId: at("boot_id"), copies: at("copies") };
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

test("of a log that this user may not read, the copy is read that root made", () => {
  for (const path of [paths.tcg, paths.cel]) writeFileSync(path, "the original", { mode: 0o000 });
  mkdirSync(paths.copies, { mode: 0o755 });
  writeFileSync(join(paths.copies, "tcg"), "the copy");
  chmodSync(directory.path, 0o755);
  const module = JSON.stringify(join(import.meta.dirname, "../../src/drivers/boot-record.ts"));
  // Root may read all: then somebody else looks.
  const nobody = getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const logsOf = (changes: Partial<BootRecordPaths>): string =>
    spawnSync(
      execPath,
      [
        "--input-type=module",
        "--eval",
        `const { bootRecord } = await import(${module});
        const { tcg, cel } = await bootRecord(${JSON.stringify({ ...paths, ...changes })}).logs().catch(({ code }) => ({ tcg: code }));
        console.log(String(typeof tcg === "string" ? tcg : Buffer.from(tcg ?? "none")), cel === undefined);`,
      ],
      { encoding: "utf8", ...nobody },
    ).stdout;
  expect(logsOf({ cel: join(directory.path, "none") })).toBe("the copy true\n");
  // What is there, and neither it nor a copy of it can be read, is told.
  expect(logsOf({})).toBe("BOOT_LOGS true\n");
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
