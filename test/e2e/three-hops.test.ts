/** Two whole agents, each on its own Meshtastic device over TCP with its own state, three hops apart. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runAgent } from "../../src/agent.ts";
import type { AgentUp } from "../../src/compose/options.ts";
import type { AgentView } from "../../src/api/view.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { scaledClock } from "../../src/drivers/clock.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEther } from "../../src/sim/ether.ts";
import { openRadioDevice } from "../../src/sim/radio-device.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { line, nodeNumber } from "../../src/sim/topology.ts";
import { eventually, ROOT } from "./agent-process.ts";

const HOPS = 3;
/** A fast preset on a fast clock: what takes minutes on LongFast takes seconds here, through the same code. */
const PRESET = "ShortTurbo";
const SPEED = 10;

interface Running extends AsyncDisposable {
  readonly view: AgentView;
}

async function start(name: string, modemUri: string, clock: Clock): Promise<Running> {
  const statePath = await mkdtemp(join(tmpdir(), `caye-${name}-`));
  const config = parseConfig("", {
    CAYE_NODE_NAME: name,
    CAYE_RADIO_MODEM: modemUri,
    CAYE_API_PORT: "0",
    CAYE_METRICS_PORT: "0",
    CAYE_LOG_LEVEL: "error",
  });
  const stop = new AbortController();
  const up = Promise.withResolvers<AgentUp>();
  const running = runAgent(
    {
      config,
      statePath,
      root: ROOT,
      modemUri,
      simulated: true,
      version: "test",
      pid: process.pid,
      loadConfig: () => Promise.resolve(config),
      output: process.stderr,
      clock,
      onUp: up.resolve,
    },
    stop.signal,
  );
  running.catch(up.reject);
  const { view } = await up.promise;
  return {
    view,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
      await rm(statePath, { recursive: true, force: true });
    },
  };
}

async function get(view: AgentView, name: string): Promise<Uint8Array> {
  let { id } = await eventually(() => view.startGet(name).catch(() => undefined), 100_000);
  // The clock runs ten times as fast whether the machine keeps up or not: who was told that nothing came asks again.
  const report = await eventually(async () => {
    const now = await view.transfer(id);
    if (now?.state === "failed") ({ id } = await view.startGet(name));
    return now?.state === "done" ? now : undefined;
  }, 100_000);
  expect(report).toMatchObject({ name, bytes: 900, state: "done" });
  // Five symbols it takes; what was overheard before the file was asked for counts for none of them.
  expect(report.packets).toBeGreaterThanOrEqual(1);
  expect(report.air_ms).toBeGreaterThan(0);
  return (await view.content(report.cid ?? "")) ?? new Uint8Array();
}

test.each([0, 0.3])(
  "two agents three hops apart exchange 900 bytes both ways, at loss %d on each link",
  { timeout: 240_000 },
  async (loss) => {
    const clock = scaledClock(SPEED);
    const random = seededRandom(`three hops at ${loss}`);
    await using ether = openEther({ clock, random, modulation: PRESETS[PRESET], links: line(HOPS + 1, loss) });
    const device = { ether, clock, random, region: "US", preset: PRESET };
    await using near = await openRadioDevice({ ...device, nodeNumber: nodeNumber(0) });
    await using far = await openRadioDevice({ ...device, nodeNumber: nodeNumber(HOPS) });
    await using west = await start("west", near.uri, clock);
    await using east = await start("east", far.uri, clock);
    const files = { west: random.bytes(900), east: random.bytes(900) };
    await west.view.put("west.bin", files.west);
    await east.view.put("east.bin", files.east);
    expect(await get(west.view, "east.bin")).toEqual(files.east);
    expect(await get(east.view, "west.bin")).toEqual(files.west);
  },
);
