/** A whole agent with a board: siren, case and failing supply, over lines of the test. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env } from "node:process";
import { expect, test } from "vitest";
import { runAgent } from "../../src/agent.ts";
import type { AgentUp } from "../../src/compose/options.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { systemClock } from "../../src/drivers/clock.ts";
import { describeError, isAgentError } from "../../src/kernel/errors.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEther } from "../../src/sim/ether.ts";
import { openRadioDevice } from "../../src/sim/radio-device.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { line, nodeNumber } from "../../src/sim/topology.ts";
import { eventually, ROOT } from "../e2e/agent-process.ts";
import { fakeGpio } from "../fakes/gpio.ts";

const LAMP = "gpio:pinctrl-rp1/GPIO17";
const SIREN = "gpio:pinctrl-rp1/GPIO27";
const CASE = "gpio:pinctrl-rp1/GPIO22";
const POWER_FAIL = "gpio:pinctrl-rp1/GPIO24";
const POWER_DONE = "gpio:pinctrl-rp1/GPIO25";

const config = parseConfig("", {
  CAYE_NODE_NAME: "roof",
  CAYE_API_PORT: "0",
  CAYE_METRICS_PORT: "0",
  CAYE_LOG_LEVEL: "error",
  CAYE_BOARD_STATUS_LED: LAMP,
  CAYE_BOARD_SIREN: SIREN,
  CAYE_BOARD_TAMPER: CASE,
  CAYE_BOARD_TAMPER_ALERT: "on",
  CAYE_BOARD_POWER_FAIL: POWER_FAIL,
  CAYE_BOARD_POWER_DONE: POWER_DONE,
});

async function village() {
  const clock = systemClock();
  const random = seededRandom("a roof");
  const ether = openEther({ clock, random, modulation: PRESETS.ShortTurbo, links: line(2, 0) });
  const device = { ether, clock, random, region: "US", preset: "ShortTurbo" } as const;
  const radio = await openRadioDevice({ ...device, nodeNumber: nodeNumber(0) });
  const statePath = await mkdtemp(join(tmpdir(), "caye-board-"));
  return {
    start: (gpio: ReturnType<typeof fakeGpio>) => {
      const stop = new AbortController();
      const up = Promise.withResolvers<AgentUp>();
      const options = {
        config,
        statePath,
        root: ROOT,
        modemUri: radio.uri,
        simulated: true,
        version: "test",
        pid: process.pid,
        loadConfig: () => Promise.resolve(config),
        output: process.stderr,
        gpio,
        onUp: up.resolve,
      };
      const ended = runAgent(options, stop.signal);
      ended.catch(up.reject);
      return { up: up.promise, ended, stop: () => stop.abort() };
    },
    [Symbol.asyncDispose]: async () => {
      await radio[Symbol.asyncDispose]();
      await ether[Symbol.asyncDispose]();
      await rm(statePath, { recursive: true, force: true });
    },
  };
}

test(
  "the supply fails under load: all that was acknowledged is there when it is back",
  { timeout: 120_000 },
  async () => {
    await using place = await village();
    const gpio = fakeGpio();
    const first = place.start(gpio);
    expect(gpio.held()).toEqual([]);
    const { view } = await first.up;
    expect(gpio.held()).toEqual([LAMP, CASE, POWER_FAIL, POWER_DONE, SIREN].toSorted());
    const acknowledged: string[] = [];
    let failing = false;
    const load = (async () => {
      for (let at = 0; ; at++) {
        try {
          await view.put(`load-${at}.bin`, new Uint8Array(2_000).fill(at % 256));
        } catch {
          if (failing) return;
          throw new Error("a file was refused though nothing was wrong");
        }
        acknowledged.push(`load-${at}.bin`);
      }
    })();
    await eventually(async () => (acknowledged.length >= 20 ? true : undefined), 30_000);
    failing = true;
    gpio.push(POWER_FAIL, true);
    await eventually(async () => (gpio.levels.get(POWER_DONE) === true ? true : undefined), 30_000);
    await load;
    expect(gpio.switched.findLast(({ uri }) => uri === LAMP)?.active).toBe(true);

    // Whoever starts meanwhile waits: the state is free, the supply is not there.
    const early = fakeGpio();
    early.push(POWER_FAIL, true);
    const second = place.start(early);
    gpio.push(POWER_FAIL, false);
    const end = await first.ended.catch((error: unknown) => error);
    expect(isAgentError(end, "POWER_FAIL") ? end.message : end).toMatch(/everything was on the disk after \d+ ms$/);
    if (env["CAYE_MEASURE"] !== undefined) process.stderr.write(`${describeError(end)}\n`);
    expect(gpio.held()).toEqual([]);
    await eventually(async () => (early.held().includes(POWER_FAIL) ? true : undefined), 30_000);
    early.push(POWER_FAIL, false);
    const again = await second.up;
    const held = new Set((await again.view.files()).files.filter((file) => file.held).map(({ name }) => name));
    expect(acknowledged.filter((name) => !held.has(name))).toEqual([]);
    second.stop();
    await second.ended;
  },
);

test(
  "an alert sounds the siren until it is read; an opened case is told until it is cleared",
  { timeout: 120_000 },
  async () => {
    await using place = await village();
    const gpio = fakeGpio();
    const agent = place.start(gpio);
    const { view } = await agent.up;
    const isLoud = async (): Promise<true | undefined> => (gpio.levels.get(SIREN) === true ? true : undefined);
    const isSilent = async (): Promise<true | undefined> => (gpio.levels.get(SIREN) === false ? true : undefined);
    const { alert } = await view.alerts.send({
      severity: "Extreme",
      urgency: "Immediate",
      headline: "Storm",
      areas: ["Harbour"],
    });
    await eventually(isLoud, 10_000);
    expect((await view.status()).board).toMatchObject({ siren_alerts: [alert.id] });
    await view.alerts.acknowledge(alert.id);
    await eventually(isSilent, 10_000);

    gpio.push(CASE, true);
    await eventually(async () => ((await view.board.report()).tamper.opened ? true : undefined), 10_000);
    const status = await view.status();
    expect(status.state).toBe("warned");
    expect(status.trust.steps).toContainEqual(expect.objectContaining({ step: "tamper", state: "opened", ok: false }));
    const { checks } = await view.checks();
    expect(checks).toContainEqual(expect.objectContaining({ name: "boot: tamper", state: "WARN" }));
    expect(checks).toContainEqual(expect.objectContaining({ name: "board", state: "OK" }));
    const told = await eventually(async () => {
      const { alerts } = await view.alerts.list();
      return alerts.find(({ event }) => event === "Node opened");
    }, 10_000);
    expect(told).toMatchObject({
      severity: "Moderate",
      categories: ["Security"],
      headline: "The case of roof was opened",
    });
    gpio.push(CASE, false);
    await eventually(
      async () => ((await view.board.clearTamper().catch(() => undefined)) === undefined ? undefined : true),
      10_000,
    );
    expect((await view.status()).trust.steps.map(({ step }) => step)).not.toContain("tamper");
    agent.stop();
    await agent.ended;
    expect(gpio.held()).toEqual([]);
  },
);
