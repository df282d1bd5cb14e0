/** A TPM that answers, and only ever that it can't: the boot names its state from the first step on, with what helps. */
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/drivers/clock.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { openTpm } from "../../src/drivers/tpm/open.ts";
import { ByteWriter } from "../../src/kernel/bytes.ts";
import { fakeChip } from "../fakes/chips.ts";
import { KeyMachine } from "../fakes/key-machine.ts";
import { silentLog } from "../fakes/log.ts";

let server: Server;
let code: number;
const sockets = new Set<Socket>();
let machine: KeyMachine;

beforeEach(async () => {
  server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.on("data", () => socket.write(new ByteWriter().u16(0x8001).u32(10).u32(code).finish()));
  });
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  machine = new KeyMachine(fakeChip());
  const parts = { stateDir: "", clock: systemClock(), random: systemRandom(), log: silentLog };
  machine.openTpm = () => openTpm(`swtpm:tcp://127.0.0.1:${address.port}`, parts);
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((closed) => void server.close(closed));
});

test.each([
  [0x101, "tpm-failed", "0x101 FAILURE", "switch the machine off and on"],
  [0x921, "tpm-locked", "0x921 LOCKOUT", "tpm2_dictionarylockout --clear-lockout"],
  [0x100, "tpm-error", "0x100 INITIALIZE", "restart the machine"],
])("%i: %s", async (answer, state, name, help) => {
  code = answer;
  const named = { ok: false, state, detail: expect.stringContaining(name), fix: expect.stringContaining(help) };
  await using shut = await machine.boot();
  expect(shut.kind).toBe("quarantine");
  expect(shut.steps.at(-1)).toMatchObject({ step: "measure", ...named });
  machine.policy = { ...machine.policy, mode: "warn" };
  await using warned = await machine.boot();
  expect(warned.kind).toBe("open");
  expect(warned.steps.slice(1, 3)).toMatchObject([
    { step: "measure", ...named },
    { step: "attest", ...named },
  ]);
});
