/** The agent's doors: what is answered before it is up, and the two files by which the commands find it. */
import { expect, test } from "vitest";
import { openDoors, type DoorsParts } from "../../src/api/doors.ts";
import { fromUtf8, utf8 } from "../../src/kernel/bytes.ts";
import { fakeView } from "../fakes/agent-view.ts";
import { silentLog } from "../fakes/log.ts";
import { seeded } from "../fakes/seeded.ts";

const ADDRESS = { host: "127.0.0.1", port: 0 };

function rig(kept: Readonly<Record<string, string>> = {}) {
  const files = new Map(Object.entries(kept).map(([name, text]) => [name, utf8(text)]));
  const handlers = new Map<string, (request: Request) => Promise<Response>>();
  const modes = new Map<string, number>();
  const closed: string[] = [];
  const parts: DoorsParts = {
    api: ADDRESS,
    metrics: ADDRESS,
    pid: 4242,
    state: {
      read: async (name) => files.get(name),
      writeAtomic: async (name, bytes, mode) => {
        files.set(name, new Uint8Array(bytes));
        modes.set(name, mode);
      },
      remove: async (name) => void files.delete(name),
    },
    random: seeded(5).random,
    log: silentLog,
    openServer: async ({ name, handler }) => {
      handlers.set(name, handler);
      return { url: `http://${name}`, [Symbol.asyncDispose]: async () => void closed.push(name) };
    },
  };
  const ask = async (): Promise<number | undefined> =>
    (await handlers.get("api")?.(new Request("http://127.0.0.1/v1/status")))?.status;
  return { parts, ask, closed, modes, text: (name: string) => fromUtf8(files.get(name) ?? utf8("")) };
}

test("until it is up requests are told to wait; then they are answered, and the commands find it", async () => {
  const { parts, ask, closed, modes, text } = rig();
  const doors = await openDoors(parts);
  expect([await ask(), text("agent.json")]).toEqual([503, ""]);
  await doors.open(fakeView());
  expect(await ask()).toBe(200);
  expect(JSON.parse(text("agent.json") ?? "")).toEqual({ api: "http://api", metrics: "http://metrics", pid: 4242 });
  expect(text("token")).toMatch(/^[0-9a-f]{48}\n$/);
  expect([...modes]).toEqual([
    ["token", 0o600],
    ["agent.json", 0o644],
  ]);
  await doors.close();
  expect([closed.toSorted(), text("agent.json")]).toEqual([["api", "metrics"], ""]);
});

test.each([
  { kept: `${"a".repeat(48)}\n`, stays: true },
  { kept: "short\n", stays: false },
  { kept: `${"a b".repeat(20)}\n`, stays: false },
])("a token $kept that nobody could say is made anew, another stays", async ({ kept, stays }) => {
  const { parts, text } = rig({ token: kept });
  const doors = await openDoors(parts);
  await doors.open(fakeView());
  expect(text("token") === kept).toBe(stays);
});

test("the first port is free again when the second is taken", async () => {
  const { parts, closed } = rig();
  const openServer: DoorsParts["openServer"] = (options) =>
    options.name === "metrics" ? Promise.reject(new Error("taken")) : parts.openServer(options);
  await expect(openDoors({ ...parts, openServer })).rejects.toThrow("taken");
  expect(closed).toEqual(["api"]);
});
