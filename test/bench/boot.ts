/**
 * From nothing to ready: the boot by step, the ready time, resident memory at rest, and how long stopping takes.
 *
 * The agent runs in a process of its own beside a simulated Meshtastic device in this one, with a software TPM. Beside it
 * stands what a bare Node takes to start, so that a slow machine can be told from a slow agent.
 * @module
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StatusReport } from "../../src/kernel/reports.ts";
import { systemClock } from "../../src/drivers/clock.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEther } from "../../src/sim/ether.ts";
import { openRadioDevice } from "../../src/sim/radio-device.ts";
import { line, nodeNumber } from "../../src/sim/topology.ts";
import { eventually, residentBytes, ROOT, startAgent } from "../e2e/agent-process.ts";
import { quantile, round, type Bench, type Row } from "./table.ts";

const ROUNDS = 7;
/** Memory is read once the agent has had this long with nothing to do. */
const REST_MS = 4_000;
const NODE = "node_modules/.bin/node";
/** What `npm start` does once the set-up is done. */
const START = startCommand(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));

interface Manifest {
  readonly scripts: { readonly start: string };
}

interface Sample {
  readonly readyMs: number;
  readonly stopMs: number;
  readonly restMb: number;
  readonly peakMb: number;
  readonly steps: StatusReport["trust"]["steps"];
}

export const bench: Bench = {
  name: "boot",
  run: async () => {
    const clock = systemClock();
    const ether = openEther({ clock, random: systemRandom(), modulation: PRESETS.LongFast, links: line(2) });
    const identity = {
      ether,
      clock,
      random: systemRandom(),
      nodeNumber: nodeNumber(0),
      region: "US",
      preset: "LongFast",
    };
    const device = await openRadioDevice(identity);
    const state = await mkdtemp(join(tmpdir(), "caye-bench-"));
    try {
      const first = [await sample(device.uri, state, true)];
      const again: Sample[] = [];
      for (let i = 0; i < ROUNDS; i++) again.push(await sample(device.uri, state, i === 0));
      return [
        { case: "bare node -e 0", "ready ms": round(await bareNodeMs()) },
        row("first boot", first),
        row("later boots", again),
      ];
    } finally {
      await device[Symbol.asyncDispose]();
      await ether[Symbol.asyncDispose]();
      await rm(state, { recursive: true, force: true });
    }
  },
};

function startCommand({ scripts }: Manifest): string {
  return scripts.start.split("&& ")[1] ?? "";
}

async function sample(modem: string, state: string, rest: boolean): Promise<Sample> {
  const startMs = performance.now();
  await using agent = await startAgent({
    state,
    env: { CAYE_RADIO_MODEM: modem, CAYE_LOG_FORMAT: "json" },
    command: ["sh", "-c", START],
  });
  await agent.printed("caye is up");
  const readyMs = performance.now() - startMs;
  const api = /caye is up: (\S+)/.exec(agent.output())?.[1] ?? "";
  const status = await eventually(async () => {
    const report: StatusReport = JSON.parse(await (await fetch(`${api}/v1/status`)).text());
    return report.radio.link === "ready" ? report : undefined;
  });
  if (rest) await new Promise((done) => setTimeout(done, REST_MS));
  const pid = agent.child.pid ?? 0;
  const restMb = rest ? (await residentBytes(pid)) / 1e6 : Number.NaN;
  const peakMb = (await residentBytes(pid, "VmHWM")) / 1e6;
  const stoppedMs = performance.now();
  await agent.stop("SIGTERM");
  return { readyMs, stopMs: performance.now() - stoppedMs, restMb, peakMb, steps: status.trust.steps };
}

function row(name: string, samples: readonly Sample[]): Row {
  const steps = samples[0]?.steps.map(({ step }) => step) ?? [];
  const median = (pick: (sample: Sample) => number): number =>
    round(
      quantile(
        samples.map(pick).filter((value) => !Number.isNaN(value)),
        0.5,
      ),
    );
  return {
    case: name,
    n: samples.length,
    "ready ms": median(({ readyMs }) => readyMs),
    "ready p90": round(
      quantile(
        samples.map(({ readyMs }) => readyMs),
        0.9,
      ),
    ),
    ...Object.fromEntries(
      steps.map((step) => [
        `${step} ms`,
        median((sample) => sample.steps.find((s) => s.step === step)?.ms ?? Number.NaN),
      ]),
    ),
    "RSS at rest MB": median(({ restMb }) => restMb),
    "RSS peak MB": median(({ peakMb }) => peakMb),
    "stop ms": median(({ stopMs }) => stopMs),
  };
}

async function bareNodeMs(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const startMs = performance.now();
    await new Promise((done) => spawn(NODE, ["-e", "0"], { stdio: "ignore" }).once("exit", done));
    times.push(performance.now() - startMs);
  }
  return quantile(times, 0.5);
}
