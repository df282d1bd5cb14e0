/** What systemd would hear, at a real datagram socket. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openSupervisor } from "../../../src/drivers/systemd/notify.ts";
import { silentLog } from "../../fakes/log.ts";

/** All datagrams, one behind the other, until `wanted` came. */
async function listening(use: (socket: string) => Promise<void>, wanted: RegExp): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "caye-notify-"));
  const path = join(directory, "socket");
  const listener = spawn("socat", ["-u", `UNIX-RECV:${path}`, "STDOUT"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    let heard = "";
    listener.stdout.on("data", (bytes: Buffer) => (heard += bytes.toString()));
    while (!existsSync(path)) await sleep(5);
    await use(path);
    while (!wanted.test(heard)) await once(listener.stdout, "data");
    return heard;
  } finally {
    listener.kill();
    await rm(directory, { recursive: true });
  }
}

test("is told that the agent is ready, what it does, that it lives, and that it stops", async () => {
  const heard = await listening(async (socket) => {
    const supervisor = await openSupervisor(silentLog, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "30000000" });
    expect(supervisor.watchdogMs).toBe(30_000);
    // libsystemd looks for the socket in the process's own environment.
    process.env["NOTIFY_SOCKET"] = socket;
    try {
      supervisor.ready("3 neighbours");
      supervisor.status("two\nlines\u0000");
      supervisor.alive();
      supervisor.stopping("bye");
    } finally {
      delete process.env["NOTIFY_SOCKET"];
    }
  }, /bye$/);
  expect(heard).toBe("READY=1\nSTATUS=3 neighboursSTATUS=two lines WATCHDOG=1STOPPING=1\nSTATUS=bye");
});

test("is not watched when the time is meant for another process, or is none", async () => {
  const of = async (environment: NodeJS.ProcessEnv): Promise<number | undefined> =>
    (await openSupervisor(silentLog, { NOTIFY_SOCKET: "/nowhere", ...environment })).watchdogMs;
  expect(await of({ WATCHDOG_USEC: "20000000", WATCHDOG_PID: `${process.pid}` })).toBe(20_000);
  expect(await of({ WATCHDOG_USEC: "20000000", WATCHDOG_PID: "1" })).toBeUndefined();
  expect(await of({ WATCHDOG_USEC: "soon" })).toBeUndefined();
  expect(await of({})).toBeUndefined();
});

test("is nobody where no socket is named, and a socket that is gone disturbs nothing", async () => {
  const nobody = await openSupervisor(silentLog, {});
  nobody.ready("up");
  expect(nobody.watchdogMs).toBeUndefined();
  const gone = await openSupervisor(silentLog, { NOTIFY_SOCKET: "/nowhere" });
  process.env["NOTIFY_SOCKET"] = "/nowhere";
  try {
    gone.alive();
  } finally {
    delete process.env["NOTIFY_SOCKET"];
  }
});
