/** When a sign of life is given, and when not. */
import { expect, test } from "vitest";
import { Heartbeat, statusLine } from "../../src/desk/heartbeat.ts";
import type { Supervisor } from "../../src/ports/supervisor.ts";
import { FakeClock } from "../fakes/clock.ts";
import { rememberingLog } from "../fakes/log.ts";

function rig(probe: () => Promise<void>) {
  const said: string[] = [];
  const supervisor: Supervisor = {
    watchdogMs: 30_000,
    ready: (status) => said.push(`ready: ${status}`),
    status: (text) => said.push(text),
    alive: () => said.push("alive"),
    stopping: () => said.push("stopping"),
  };
  const clock = new FakeClock();
  const { log, sentences } = rememberingLog();
  let neighbours = 0;
  const status = async (): Promise<string> => `${neighbours} neighbours`;
  const heartbeat = new Heartbeat({ supervisor, clock, log, probe, status });
  return { said, clock, sentences, heartbeat, meet: () => neighbours++ };
}

test("says that it is ready, lives every third of the supervisor's patience, tells what is new, and says goodbye", async () => {
  const { said, clock, heartbeat, meet } = rig(() => Promise.resolve());
  const stop = new AbortController();
  const running = heartbeat.run(stop.signal);
  await clock.advance(0);
  expect(said).toEqual(["ready: 0 neighbours", "alive", "0 neighbours"]);
  await clock.advance(9_999);
  expect(said).toHaveLength(3);
  await clock.advance(1);
  expect(said.slice(3)).toEqual(["alive"]);
  meet();
  await clock.advance(10_000);
  expect(said.slice(4)).toEqual(["alive", "1 neighbours"]);
  stop.abort();
  await running;
  expect(said.at(-1)).toBe("stopping");
});

test("gives no sign of life while the store does not answer, says so, and gives them again when it does", async () => {
  let sound = false;
  const { said, clock, sentences, heartbeat } = rig(() =>
    sound ? Promise.resolve() : Promise.reject(new Error("disk")),
  );
  const stop = new AbortController();
  const running = heartbeat.run(stop.signal);
  await clock.advance(20_000);
  expect(said.filter((word) => word === "alive")).toEqual([]);
  expect(sentences.join()).toContain("No sign of life");
  sound = true;
  await clock.advance(10_000);
  expect(said).toContain("alive");
  stop.abort();
  await running;
});

test("a store that never answers stops the signs of life for good", async () => {
  const { said, clock, heartbeat } = rig(() => new Promise(() => undefined));
  void heartbeat.run(new AbortController().signal);
  await clock.advance(60_000);
  expect(said).toEqual(["ready: 0 neighbours"]);
});

test("the line tells neighbours and air, that not all is well, or why all is shut", () => {
  const facts = { state: "running", neighbours: 3, usedS: 12, reason: "" };
  expect(statusLine(facts)).toBe("3 neighbours, 12 s of air used this hour");
  expect(statusLine({ ...facts, neighbours: 1, state: "warned" })).toBe(
    "1 neighbour, 12 s of air used this hour; not all is well: caye doctor",
  );
  expect(statusLine({ ...facts, state: "quarantine", reason: "code changed" })).toBe("quarantine: code changed");
});
