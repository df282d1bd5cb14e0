/**
 * A node brought to life, in steps with names: what the card orders is compared with what is, put right where it differs,
 * and reported. Each step looks before it acts, so that a run may be cut short anywhere and done again, and a run on a node
 * that is in order changes nothing.
 * @module
 */
import {
  BOOTSTRAP_STEPS,
  type AgentDoor,
  type BootstrapReport,
  type BootstrapRequest,
  type BootstrapStep,
  type BootstrapStepName,
} from "../kernel/bootstrap.ts";
import { fromUtf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Machine } from "../ports/machine.ts";
import { agentStep, clockStep, configStep, ended, entropyStep, tpmStep } from "./bootstrap-checks.ts";
import { cardStep, enrolStep, joinStep } from "./bootstrap-papers.ts";
import { radioStep } from "./bootstrap-radio.ts";
import { type BootstrapPorts, type Ending, Remembered, type Scene } from "./bootstrap-scene.ts";
import { channelsIn } from "./channel-url.ts";
import { parseOrder, parseSecrets, type Order, type Secrets } from "./order.ts";

const STEPS: Readonly<Record<BootstrapStepName, (scene: Scene) => Promise<Ending>>> = {
  clock: clockStep,
  config: configStep,
  tpm: tpmStep,
  entropy: entropyStep,
  radio: radioStep,
  agent: agentStep,
  enrol: enrolStep,
  join: joinStep,
  card: cardStep,
};

/** Where a node keeps its configuration, and what is remembered of its provisioning. */
export interface NodePlaces {
  readonly config: string;
  readonly state: string;
}

/** @throws AgentError "NOT_ROOT", "ORDER_MISSING", "ORDER_INVALID", "CHANNEL_URL" */
export async function bootstrap(
  ports: BootstrapPorts,
  nodePlaces: NodePlaces,
  request: BootstrapRequest,
  agent: AgentDoor,
  onStep: (step: BootstrapStep) => void,
  signal: AbortSignal,
): Promise<BootstrapReport> {
  const { machine } = ports;
  if (!machine.isRoot()) {
    throw new AgentError("NOT_ROOT", "a node is set up by root alone", { fix: "sudo caye bootstrap …" });
  }
  const { order, secrets } = await ordered(machine, request);
  const { card, withChannel } = request;
  const papers = card === undefined ? nodePlaces.state : `${card}/caye`;
  const memory = await Remembered.open(machine, nodePlaces.state);
  const places = { ...nodePlaces, papers };
  const channels = channelsIn(secrets.channel_url);
  const scene: Scene = { ...ports, places, order, secrets, channels, withChannel, agent, memory, signal };
  const steps = await walk(scene, onStep);
  await memory.keepSteps(steps);
  return { result: resultOf(steps), node: order.node.name, steps };
}

/** All steps; after one that failed the others are only named. */
async function walk(scene: Scene, onStep: (step: BootstrapStep) => void): Promise<readonly BootstrapStep[]> {
  const steps: BootstrapStep[] = [];
  for (const step of BOOTSTRAP_STEPS) {
    scene.signal.throwIfAborted();
    const stopped = steps.some(({ state }) => state === "failed");
    const ending = stopped ? SKIPPED : await ended(STEPS[step], scene);
    steps.push({ step, ...ending });
    onStep({ step, ...ending });
  }
  return steps;
}

const SKIPPED: Ending = { state: "skipped", detail: "not tried after what failed", code: "", fix: "" };

function resultOf(steps: readonly BootstrapStep[]): BootstrapReport["result"] {
  if (steps.some(({ state }) => state === "failed")) return "failed";
  return steps.some(({ state }) => state === "waiting") ? "waiting" : "done";
}

async function ordered(
  machine: Machine,
  { card, order: file }: BootstrapRequest,
): Promise<{ readonly order: Order; readonly secrets: Secrets }> {
  const path = file ?? `${card ?? ""}/caye/order.toml`;
  const text = await textOf(machine, path);
  if (text === undefined) {
    throw new AgentError("ORDER_MISSING", `there is no order at ${path}`, {
      fix: "Write the card with caye provision card; or name the file: caye bootstrap --order FILE",
    });
  }
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  return { order: parseOrder(text), secrets: parseSecrets((await textOf(machine, `${folder}secrets.toml`)) ?? "") };
}

async function textOf(machine: Machine, path: string): Promise<string | undefined> {
  const bytes = await machine.read(path);
  return bytes && (fromUtf8(bytes) ?? "?");
}
