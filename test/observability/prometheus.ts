/** A real Prometheus beside the tests, with the real rules in a hurry. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rules } from "../../provisioning/observability/rules.ts";
import { eventually } from "../e2e/agent-process.ts";

/** A minute of the rules; and how often figures are read and judged. */
const MINUTE_MS = 400;
const SCRAPE_MS = 500;

export interface Firing {
  readonly alert: string;
  readonly instance: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Prometheus extends AsyncDisposable {
  /** What fires now. */
  firing(): Promise<readonly Firing[]>;
  /** What fires now, and what will unless it ends. */
  active(): Promise<readonly Firing[]>;
  /** Resolves when every rule was judged twice from now on. */
  judged(): Promise<void>;
  /** Instances whose figures are read well. */
  up(): Promise<readonly string[]>;
}

/** @param targets port on this machine, by instance */
export async function startPrometheus(targets: ReadonlyMap<string, number>): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), "caye-prometheus-"));
  const port = await freePort();
  await writeFile(
    join(folder, "rules.yml"),
    rules((minutes) => `${minutes * MINUTE_MS}ms`),
  );
  const every = `${SCRAPE_MS}ms`;
  const scrape = {
    job_name: "caye",
    static_configs: [...targets].map(([instance, at]) => ({ targets: [`127.0.0.1:${at}`], labels: { instance } })),
  };
  const config = {
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: ["rules.yml"],
    scrape_configs: [scrape],
  };
  await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config));
  const child = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn",
    ],
    { stdio: "ignore" },
  );
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => ((await isReady(url)) ? true : undefined));
  return {
    firing: () => alerts(url, ["firing"]),
    active: () => alerts(url, ["firing", "pending"]),
    up: () => up(url),
    judged: async () => {
      for (let round = 0; round < 2; round++) {
        const sinceMs = Date.now();
        await eventually(async () => ((await oldestJudgementMs(url)) > sinceMs ? true : undefined));
      }
    },
    [Symbol.asyncDispose]: async () => {
      await stop(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Taken and given back: soon after it is still free, as a rule. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`)).ok;
  } catch {
    return false;
  }
}

async function alerts(url: string, states: readonly string[]): Promise<readonly Firing[]> {
  type Alerts = {
    readonly data: {
      readonly alerts: readonly (Pick<Firing, "labels" | "annotations"> & { readonly state: string })[];
    };
  };
  const { data }: Alerts = JSON.parse(await (await fetch(`${url}/api/v1/alerts`)).text());
  return data.alerts.flatMap(({ labels, annotations, state }) =>
    states.includes(state)
      ? [{ alert: labels["alertname"] ?? "", instance: labels["instance"] ?? "", labels, annotations }]
      : [],
  );
}

async function oldestJudgementMs(url: string): Promise<number> {
  type Groups = { readonly data: { readonly groups: readonly { readonly lastEvaluation: string }[] } };
  const { data }: Groups = JSON.parse(await (await fetch(`${url}/api/v1/rules`)).text());
  return Math.min(...data.groups.map(({ lastEvaluation }) => Date.parse(lastEvaluation)));
}

async function up(url: string): Promise<readonly string[]> {
  type Targets = {
    readonly data: {
      readonly activeTargets: readonly { readonly health: string; readonly labels: Readonly<Record<string, string>> }[];
    };
  };
  const { data }: Targets = JSON.parse(await (await fetch(`${url}/api/v1/targets`)).text());
  return data.activeTargets.flatMap(({ health, labels }) => (health === "up" ? [labels["instance"] ?? ""] : []));
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
