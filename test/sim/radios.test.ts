/** Simulated radios on TCP ports: what they refuse. That they work shows test/e2e/try-it.test.ts, in real time. */
import { expect, test } from "vitest";
import type { RadiosRequest, SimulatedRadio } from "../../src/kernel/simulation.ts";
import { systemClock } from "../../src/drivers/clock.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEther } from "../../src/sim/ether.ts";
import { openRadioDevice } from "../../src/sim/radio-device.ts";
import { serveRadios } from "../../src/sim/radios.ts";
import { nodeNumber } from "../../src/sim/topology.ts";

const REQUEST: RadiosRequest = { count: 2, port: 0, lossRatio: 0, inLine: false };

test.each([{ preset: "LongFats" }, { region: "UE_868" }])(
  "$preset$region is refused with the names that there are",
  async (wrong) => {
    const serving = serveRadios({ ...REQUEST, ...wrong }, () => undefined, AbortSignal.abort());
    await expect(serving).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("there are: ") });
  },
);

test("each radio has its own port and number, and all ports are free again once they end", async () => {
  const stop = new AbortController();
  let up: readonly SimulatedRadio[] = [];
  await serveRadios(
    REQUEST,
    (radios) => {
      up = radios;
      stop.abort();
    },
    stop.signal,
  );
  expect(new Set(up.map(({ uri }) => uri)).size).toBe(2);
  expect(up.map(({ nodeNumber }) => nodeNumber)).toEqual([0x0ca7_e001, 0x0ca7_e002]);
  const port = Number(up[0]?.uri.split(":").at(-1));
  const again = serveRadios({ ...REQUEST, count: 1, port }, () => undefined, AbortSignal.abort());
  await expect(again).resolves.toBeUndefined();
});

test("a port that is taken is told", async () => {
  const stop = new AbortController();
  let taken: Promise<void> = Promise.resolve();
  const serving = serveRadios(
    { ...REQUEST, count: 1 },
    ([radio]) => {
      const port = Number(radio?.uri.split(":").at(-1));
      taken = serveRadios({ ...REQUEST, count: 1, port }, () => undefined, stop.signal);
      void taken.catch(() => undefined).finally(() => stop.abort());
    },
    stop.signal,
  );
  await serving;
  await expect(taken).rejects.toMatchObject({ code: "PORT_TAKEN" });
});

test("a device whose port is taken leaves no timer behind, which would keep the program alive", async () => {
  const [system, random] = [systemClock(), systemRandom()];
  let sleepers = 0;
  const sleep = async (ms: number, signal: AbortSignal): Promise<void> => {
    sleepers++;
    await system.sleep(ms, signal);
    sleepers--;
  };
  const clock = { ...system, sleep };
  await using ether = openEther({ clock, random, modulation: PRESETS.LongFast, links: [] });
  const device = { ether, clock, random, region: "US", preset: "LongFast" };
  await using first = await openRadioDevice({ ...device, clock: system, nodeNumber: nodeNumber(0) });
  const before = sleepers;
  const second = openRadioDevice({ ...device, nodeNumber: nodeNumber(1), port: first.port });
  await expect(second).rejects.toMatchObject({ code: "PORT_TAKEN" });
  await system.sleep(0, new AbortController().signal);
  expect(sleepers).toBe(before);
});
