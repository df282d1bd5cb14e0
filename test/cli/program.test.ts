/** The program as a process of its own, beside a real API on a real port. @module */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createApi } from "../../src/api/api.ts";
import { type HttpServer, openHttpServer } from "../../src/drivers/http-server.ts";
import { BULLETIN, type FakeView, fakeView } from "../fakes/agent-view.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

let directory: string;
let server: HttpServer;
let view: FakeView;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "caye-cli-"));
  view = fakeView();
  const api = createApi(view, { token: "t0ken", host: "127.0.0.1", onFault: () => undefined });
  server = await openHttpServer({ name: "api", host: "127.0.0.1", port: 0, handler: api });
  writeFileSync(join(directory, "agent.json"), JSON.stringify({ api: server.url, pid: process.pid }));
  writeFileSync(join(directory, "token"), "t0ken");
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

async function caye(
  ...args: string[]
): Promise<{ readonly code: unknown; readonly out: string; readonly err: string }> {
  const env = { PATH: process.env["PATH"], CAYE_STATE: directory, LANG: "C" };
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: directory, env });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  const [code] = await once(child, "close");
  return { code, out, err };
}

test("ls --json and get speak to the agent that the state directory names", async () => {
  const listed = await caye("ls", "--json");
  expect([listed.code, listed.err, JSON.parse(listed.out)]).toEqual([0, "", await view.files()]);
  expect(await caye("get", "storm.txt")).toMatchObject({ code: 0, err: "" });
  expect(new Uint8Array(readFileSync(join(directory, "storm.txt")))).toEqual(BULLETIN);
  expect(readdirSync(directory).toSorted()).toEqual(["agent.json", "storm.txt", "token"]);
});

test("put sends a file's own bytes", async () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
  writeFileSync(join(directory, "map.bin"), bytes);
  expect(await caye("put", "map.bin")).toMatchObject({ code: 0 });
  expect(view.puts).toEqual([{ name: "map.bin", bytes }]);
});

test("get refuses to overwrite, except by -o, which writes through a link", async () => {
  writeFileSync(join(directory, "storm.txt"), "mine");
  symlinkSync("storm.txt", join(directory, "latest"));
  expect(await caye("get", "storm.txt")).toMatchObject({ code: 1, err: expect.stringContaining("exists already") });
  expect(readFileSync(join(directory, "storm.txt"), "utf8")).toBe("mine");
  expect(await caye("get", "storm.txt", "-o", "latest")).toMatchObject({ code: 0 });
  expect(lstatSync(join(directory, "latest")).isSymbolicLink()).toBe(true);
  expect(new Uint8Array(readFileSync(join(directory, "storm.txt")))).toEqual(BULLETIN);
});

test("get -o on a device writes to it, and does not replace it by a file", async () => {
  expect(await caye("get", "storm.txt", "-o", "/dev/null")).toMatchObject({ code: 0 });
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
});

test("without an agent the exit code is 3, and doctor still answers", async () => {
  rmSync(join(directory, "agent.json"));
  expect(await caye("ls")).toMatchObject({ code: 3, out: "", err: expect.stringContaining("npm start") });
  const { code, out } = await caye("doctor", "--json");
  expect([code, JSON.parse(out)]).toEqual([1, { checks: expect.any(Array) }]);
});
