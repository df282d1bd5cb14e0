/**
 * What trust costs: the whole boot corridor with a software TPM, a quote, what a verifier takes for it, the known answers at
 * power-up, and a million samples assessed in a process of their own while the event loop goes on.
 *
 * A TPM chip on SPI is slower than the software one: its quote takes some hundred milliseconds.
 * @module
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { verifyEvidence } from "../../src/attest/verify.ts";
import type { Enrolment } from "../../src/attest/enrolment.ts";
import { encodeEventLog, eventsOf, type EventLog } from "../../src/attest/logs/own.ts";
import { workerAssessor } from "../../src/drivers/assess-worker.ts";
import { systemClock } from "../../src/drivers/clock.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { openTpm } from "../../src/drivers/tpm/open.ts";
import type { Evidence } from "../../src/kernel/attest.ts";
import type { StatusReport } from "../../src/kernel/reports.ts";
import type { Tpm } from "../../src/ports/tpm.ts";
import { powerUp } from "../../src/selftest/self-test.ts";
import { ROOT, startAgent } from "../e2e/agent-process.ts";
import { silentLog } from "../fakes/log.ts";
import { quantile, round, type Bench, type Row } from "./table.ts";

const BOOTS = 5;
const ROUNDS = 200;
const SELF_TESTS = 5;
/** Of a raw source, at each start. */
const START_SAMPLES = 10_000;
const START_ASSESSMENTS = 5;
const IDLE_MS = 5_000;
const PCR = 14;
const ASSESSED_SAMPLES = 1_000_000;

interface Manifest {
  readonly scripts: { readonly start: string };
}

export const bench: Bench = {
  name: "trust",
  run: async () => [...(await corridorRows()), ...(await quoteRows()), ...selfTestRows(), ...(await assessmentRows())],
};

/** The agent in a process of its own, as it starts in the field, with the simulated village instead of a radio. */
async function corridorRows(): Promise<Row[]> {
  const { scripts }: Manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const start = scripts.start.split("&& ")[1] ?? "";
  const state = await mkdtemp(join(tmpdir(), "caye-bench-"));
  try {
    const boots: StatusReport["trust"]["steps"][] = [];
    for (let i = 0; i <= BOOTS; i++) {
      await using agent = await startAgent({ state, command: ["sh", "-c", start] });
      await agent.printed("caye is up");
      const api = /caye is up: (\S+)/.exec(agent.output())?.[1] ?? "";
      const { trust }: StatusReport = JSON.parse(await (await fetch(`${api}/v1/status`)).text());
      boots.push(trust.steps);
      await agent.stop("SIGTERM");
    }
    const [first = [], ...later] = boots;
    const sum = (steps: StatusReport["trust"]["steps"]): number => steps.reduce((ms, step) => ms + step.ms, 0);
    const names = first.map(({ step }) => step);
    const estimates = await startAssessments();
    const stepRows = names.map((name) => {
      const times = later.map((steps) => steps.find(({ step }) => step === name)?.ms ?? Number.NaN);
      return timesRow(`  step ${name}`, times);
    });
    return [
      timesRow("boot corridor, first start", [sum(first)]),
      timesRow("boot corridor, later starts", later.map(sum)),
      ...stepRows,
      timesRow("10,000 raw samples assessed in a thread", estimates),
      {
        // The kernel's source, which every machine has, is conditioned: a start does not assess it.
        ...timesRow("later starts and that assessment, one after the other", [
          quantile(later.map(sum), 0.5) + quantile(estimates, 0.5),
        ]),
        "must be below, ms": 1_500,
      },
    ];
  } finally {
    await rm(state, { recursive: true, force: true });
  }
}

async function startAssessments(): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < START_ASSESSMENTS; i++) {
    const samples = new Uint8Array(randomBytes(START_SAMPLES));
    const start = performance.now();
    await workerAssessor.assess(samples, 8, new AbortController().signal);
    times.push(performance.now() - start);
  }
  return times;
}

async function quoteRows(): Promise<Row[]> {
  const stateDir = await mkdtemp(join(tmpdir(), "caye-bench-"));
  const parts = { clock: systemClock(), random: systemRandom(), log: silentLog };
  try {
    await using tpm = await openTpm("swtpm:", { stateDir, ...parts, signal: new AbortController().signal });
    const digest = (n: number) => new Uint8Array(32).fill(n);
    const own = { runtime: digest(1), code: digest(2), config: digest(3), policy: digest(4) };
    const log: EventLog = { pcr: PCR, base: new Uint8Array(32), events: eventsOf(own) };
    for (const event of log.events) await tpm.pcrExtend(PCR, event.digest);
    const rows: Row[] = [];
    for (const kind of ["ecc", "rsa"] as const) {
      const times = { quote: [] as number[], verify: [] as number[], both: [] as number[] };
      const { publicArea } = await tpm.attestationKey({ kind });
      const enrolment = enrolmentOf(new Uint8Array(publicArea), own);
      for (let i = 0; i < ROUNDS; i++) {
        const nonce = new Uint8Array(randomBytes(32));
        const start = performance.now();
        const evidence = await evidenceOf(tpm, nonce, kind, encodeEventLog(log));
        const quoted = performance.now();
        const verdict = verifyEvidence(evidence, { nonce, enrolment, reboots: 0 });
        const verified = performance.now();
        if (!verdict.ok) throw new Error(`the quote was not believed: ${verdict.reason}, ${verdict.detail}`);
        times.quote.push(quoted - start);
        times.verify.push(verified - quoted);
        times.both.push(verified - start);
      }
      const name = kind === "ecc" ? "P-256" : "RSA-2048";
      rows.push(
        timesRow(`quote ${name}, with registers`, times.quote),
        timesRow(`verify ${name}, with its log`, times.verify),
        { ...timesRow(`quote and verify ${name}`, times.both), ...(kind === "ecc" && { "must be below, ms": 5 }) },
      );
    }
    return rows;
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
}

async function evidenceOf(tpm: Tpm, nonce: Uint8Array, kind: "ecc" | "rsa", own: Uint8Array): Promise<Evidence> {
  const { publicArea: akPublic } = await tpm.attestationKey({ kind });
  const { attest, signature } = await tpm.quote(nonce, [PCR], { kind });
  const values = await tpm.pcrRead([PCR]);
  const logs = { own, tcg: undefined, ima: undefined, cel: undefined };
  return { attest, signature, akPublic, pcrs: [PCR], values, logs };
}

function enrolmentOf(akPublic: Enrolment["akPublic"], own: NonNullable<Enrolment["state"]>["own"]): Enrolment {
  return {
    name: "bench",
    akPublic,
    pcrs: [PCR],
    author: undefined,
    endorsement: undefined,
    state: { own, ownPcr: PCR, ownBase: new Uint8Array(32), values: new Map() },
    manufacturer: undefined,
    firmware: undefined,
    enrolledS: undefined,
    counters: undefined,
    policyVersion: 0,
  };
}

/** The first round is what a start pays: nothing is compiled yet. */
function selfTestRows(): Row[] {
  const times: number[] = [];
  for (let i = 0; i < SELF_TESTS; i++) {
    const start = performance.now();
    const { ok } = powerUp(process.versions.node);
    times.push(performance.now() - start);
    if (!ok) throw new Error("a known answer of the power-up tests is wrong");
  }
  const [first = Number.NaN, ...later] = times;
  return [
    { ...timesRow("known answers at power-up, first round", [first]), "must be below, ms": 300 },
    timesRow("known answers at power-up, later rounds", later),
  ];
}

async function assessmentRows(): Promise<Row[]> {
  const samples = new Uint8Array(randomBytes(ASSESSED_SAMPLES));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  // What this machine does to an idle loop tells how much of a delay is not the assessment's.
  const idle = monitorEventLoopDelay({ resolution: 1 });
  await new Promise((turn) => setImmediate(turn));
  idle.enable();
  await new Promise((rested) => setTimeout(rested, IDLE_MS));
  idle.disable();
  delay.enable();
  const start = performance.now();
  await workerAssessor.assess(samples, 8, new AbortController().signal);
  const ms = performance.now() - start;
  delay.disable();
  return [
    { ...timesRow("a million 8-bit samples assessed in a process of their own", [ms]), "must be below, ms": 60_000 },
    { ...timesRow("  longest delay of the event loop meanwhile", [delay.max / 1e6]), "must be below, ms": 50 },
    timesRow("  longest delay of an idle loop in 5 s before", [idle.max / 1e6]),
  ];
}

function timesRow(name: string, times: readonly number[]): Row {
  const p90 = times.length > 1 ? { "p90 ms": round(quantile(times, 0.9)) } : {};
  return { case: name, n: times.length, "median ms": round(quantile(times, 0.5)), ...p90 };
}
