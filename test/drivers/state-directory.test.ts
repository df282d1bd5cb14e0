/** The state directory: one agent at a time, nothing torn, nothing lost. @module */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openStateDirectory } from "../../src/drivers/state-directory.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { freshDirectory } from "./level/directories.ts";

test("creates itself, for its owner's eyes only", async () => {
  const path = join(await freshDirectory(), "var/lib/caye");
  await using state = await openStateDirectory(path);
  expect(state.path).toBe(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect(await readFile(join(path, "version"), "utf8")).toBe("1\n");
  expect((await stat(await state.subdirectory("store"))).mode & 0o777).toBe(0o700);
});

test("a file is what was last written, readable by nobody else, or undefined", async () => {
  const path = await freshDirectory();
  {
    await using state = await openStateDirectory(path);
    expect(await state.read("sealed.bin")).toBeUndefined();
    const bytes = utf8("first");
    const writes = [state.writeAtomic("sealed.bin", bytes), state.writeAtomic("sealed.bin", utf8("second"))];
    bytes.fill(0);
    await Promise.all(writes);
  }
  await using state = await openStateDirectory(path);
  expect(await state.read("sealed.bin")).toEqual(utf8("second"));
  expect((await stat(join(path, "sealed.bin"))).mode & 0o777).toBe(0o600);
  await state.writeAtomic("public.txt", utf8("x"), 0o644);
  expect((await stat(join(path, "public.txt"))).mode & 0o777).toBe(0o644);
  await state.remove("sealed.bin");
  await state.remove("sealed.bin");
  expect(await state.read("sealed.bin")).toBeUndefined();
});

test("sweeps up what a killed writer left", async () => {
  const path = await freshDirectory();
  await (await openStateDirectory(path))[Symbol.asyncDispose]();
  await writeFile(join(path, ".sealed.bin.new"), "half");
  await using state = await openStateDirectory(path);
  expect(await readdir(state.path)).not.toContain(".sealed.bin.new");
});

test("names that lead elsewhere are our own fault and refused", async () => {
  await using state = await openStateDirectory(await freshDirectory());
  for (const name of ["../x", "a/b", "", ".hidden", "lock", "version"]) {
    await expect(state.writeAtomic(name, utf8("x"))).rejects.toThrow(RangeError);
  }
});

test("a second opening is refused while the first holds it, and names the process", async () => {
  const path = await freshDirectory();
  await using state = await openStateDirectory(path);
  for (let i = 0; i < 2; i++) {
    const failure = await openStateDirectory(path).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "STATE_IN_USE", message: expect.stringContaining(String(process.pid)) });
  }
  await state[Symbol.asyncDispose]();
  await (await openStateDirectory(path))[Symbol.asyncDispose]();
});

test("another process that held it is named, and once killed in no way it blocks the next", async () => {
  const path = await freshDirectory();
  const script = `
    import { openStateDirectory } from ${JSON.stringify(join(process.cwd(), "src/drivers/state-directory.ts"))};
    await openStateDirectory(${JSON.stringify(path)});
    console.log("open");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const failure = await openStateDirectory(path).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "STATE_IN_USE", message: expect.stringContaining(String(child.pid)) });
  child.kill("SIGKILL");
  await once(child, "exit");
  await (await openStateDirectory(path))[Symbol.asyncDispose]();
});

test("a lock whose files were torn by a power cut opens all the same", async () => {
  const path = await freshDirectory();
  await (await openStateDirectory(path))[Symbol.asyncDispose]();
  await writeFile(join(path, "lock", "CURRENT"), "");
  await (await openStateDirectory(path))[Symbol.asyncDispose]();
});

test("a directory of a newer Caye is left as it is", async () => {
  const path = await freshDirectory();
  await (await openStateDirectory(path))[Symbol.asyncDispose]();
  await writeFile(join(path, "version"), "2\n");
  const failure = await openStateDirectory(path).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "STATE_NEWER", fix: expect.stringContaining("install") });
  expect(await readFile(join(path, "version"), "utf8")).toBe("2\n");
});

test("a directory with a stranger's files is left alone, its mode too", async () => {
  const path = await freshDirectory();
  await chmod(path, 0o755);
  await writeFile(join(path, "thesis.txt"), "mine");
  await expect(openStateDirectory(path)).rejects.toMatchObject({ code: "STATE_FOREIGN" });
  expect((await stat(path)).mode & 0o777).toBe(0o755);
  expect(await readdir(path)).toEqual(["thesis.txt"]);
});

test("a directory of ours that has lost its version is left alone, and the way back told; a stranger's is not", async () => {
  const path = await freshDirectory();
  await (await openStateDirectory(path))[Symbol.asyncDispose]();
  await mkdir(join(path, "store"));
  await rm(join(path, "version"));
  const failure = await openStateDirectory(path).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "STATE_FOREIGN", fix: expect.stringContaining(`echo 1 > ${path}/version`) });
  await writeFile(join(path, "version"), "1\n");
  await (await openStateDirectory(path))[Symbol.asyncDispose]();
  const strange = await freshDirectory();
  await writeFile(join(strange, "thesis.txt"), "mine");
  const other = await openStateDirectory(strange).catch((error: unknown) => error);
  expect(other).toMatchObject({ code: "STATE_FOREIGN", fix: expect.not.stringContaining("echo") });
});

test("a path that is a file, or that can't be written, is named with what to do", async () => {
  const path = await freshDirectory();
  await writeFile(join(path, "file"), "");
  for (const bad of [join(path, "file"), join(path, "file", "below"), "/proc/caye"]) {
    const failure = await openStateDirectory(bad).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "AgentError", fix: expect.any(String) });
  }
});

test("an own directory that is open to others is closed to them", async () => {
  const path = await freshDirectory();
  await mkdir(join(path, "state"), { mode: 0o755 });
  await using state = await openStateDirectory(join(path, "state"));
  expect((await stat(state.path)).mode & 0o777).toBe(0o700);
});
