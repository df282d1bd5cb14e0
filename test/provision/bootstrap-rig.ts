/** A node of a test, with its card, its radio and its agent, all in memory. @module */
import type { AgentDoor, BootstrapReport, BootstrapStepName } from "../../src/kernel/bootstrap.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { EntropySourceReport } from "../../src/kernel/entropy-reports.ts";
import type { BootStep, StatusReport } from "../../src/kernel/reports.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { RadioChanges, RadioSettings, RadioSetup } from "../../src/ports/radio-setup.ts";
import { bootstrap } from "../../src/provision/bootstrap.ts";
import { channelUrl } from "../../src/provision/channel-url.ts";
import { orderFile, secretsFile, type Order } from "../../src/provision/order.ts";
import { statusReport } from "../fakes/agent-view.ts";
import { type FakeMachine, fakeMachine } from "../fakes/machine.ts";

export const CARD = "/boot/firmware";
export const CONFIG = "/etc/caye/caye.toml";
export const STATE = "/var/lib/caye-provision";
export const GROUP_KEY = `caye-group-key 1 ${"5a".repeat(32)}`;
export const SECRET = { name: "village", psk: Uint8Array.from({ length: 32 }, (_, i) => 3 * i) };
export const ID = "3f9a1c20b4d5e6f7";
export const ORDER: Order = {
  node: { name: "clinic-roof", timezone: "America/Belize", language: "en" },
  radio: { kind: "usb", modem: "serial:///dev/meshtastic", region: "US", preset: "ShortFast", channel: 0, hat: "auto" },
  trust: { tpm: "chip" },
  entropy: { source: "kernel" },
};
const FACTORY: RadioSettings = {
  nodeNumber: 0x0ca7_e001,
  firmware: "2.7.26.54e0d8d",
  managed: false,
  longName: "Meshtastic e001",
  shortName: "e001",
  role: "CLIENT",
  region: "UNSET",
  preset: "LongFast",
  hopLimit: 3,
  txEnabled: false,
  overrideDutyCycle: false,
  slot: 0,
  channels: [{ name: "", psk: Uint8Array.of(1) }, ...Array.from({ length: 7 }, () => undefined)],
};
const WELL: readonly BootStep[] = ["selftest", "measure", "attest", "seed", "unseal", "store"].map((step) => {
  return { step, state: "well", ok: true, detail: "", fix: "", ms: 1 };
});
const KERNEL: EntropySourceReport = {
  source: "kernel",
  required: true,
  state: "healthy",
  ok: true,
  detail: "",
  fix: "",
  raw: false,
  bits_per_sample: 8,
  claimed_bits: 8,
  serial: null,
  firmware: null,
  samples: 1_000,
  failures: 0,
  assessed: null,
  threshold: null,
  enrolment: null,
};

/** The power went. */
export class PowerCut extends Error {}

export interface NodeRig {
  readonly machine: FakeMachine;
  order: Order;
  radio: RadioSettings;
  /** False: nothing is plugged in. */
  plugged: boolean;
  radioFault: AgentError | undefined;
  found: readonly string[];
  readonly writes: RadioChanges[];
  /** False: the agent does not run. */
  running: boolean;
  startable: boolean;
  steps: readonly BootStep[];
  source: EntropySourceReport;
  attestFault: AgentError | undefined;
  joinFault: AgentError | undefined;
  readonly joined: Uint8Array[];
  nowMs: number;
  withChannel: boolean;
  /** False: the order is a file of its own. */
  withCard: boolean;
  /** The system's word on every write. */
  diskFault: string | undefined;
  /** So many deeds (writes, commands, the radio's) are done until the power goes; undefined: it stays. */
  deedsLeft: number | undefined;
  deeds: number;
  run(): Promise<BootstrapReport>;
  /** `radio: failed RADIO_ABSENT`, of the steps that were not well. */
  troubles(): Promise<readonly string[]>;
}

export function nodeRig(): NodeRig {
  const machine = fakeMachine({
    [`${CARD}/caye/secrets.toml`]: secretsFile({ channel_url: channelUrl([SECRET], false), group_key: GROUP_KEY }),
    [CONFIG]: configOf(ORDER),
    "/dev/tpmrm0": "",
    "/dev/meshtastic": "",
  });
  const rig: NodeRig = {
    machine,
    order: ORDER,
    radio: FACTORY,
    plugged: true,
    radioFault: undefined,
    found: ["serial:///dev/serial/by-id/usb-RAK"],
    writes: [],
    running: true,
    startable: true,
    steps: WELL,
    source: KERNEL,
    attestFault: undefined,
    joinFault: undefined,
    joined: [],
    nowMs: Date.UTC(2026, 5, 1),
    withChannel: false,
    withCard: true,
    diskFault: undefined,
    deedsLeft: undefined,
    deeds: 0,
    run: async () => await run(rig, counted(rig)),
    troubles: async () => {
      const { steps } = await rig.run();
      const bad = steps.filter(({ state }) => state === "waiting" || state === "failed");
      return bad.map(({ step, state, code }) => `${step}: ${state} ${code}`);
    },
  };
  machine.answer = (command, args) => {
    if (command === "systemctl" && args[0] === "stop") rig.running = false;
    if (command === "systemctl" && args[0]?.endsWith("start") === true) rig.running = rig.startable;
    return {};
  };
  return rig;
}

export function configOf({ node, radio, trust }: Order): string {
  const tpm = { chip: "tpm:/dev/tpmrm0", software: "swtpm:", any: "auto" }[trust.tpm];
  return `[node]\nname = "${node.name}"\n[radio]\nmodem = "${radio.modem}"\nregion = "${radio.region}"
preset = "${radio.preset}"\n[trust]\ntpm = "${tpm}"\n[village]\ngroup_key_file = "/etc/caye/group.key"\n`;
}

/** The machine, whose power goes after so many deeds. */
function counted(rig: NodeRig): FakeMachine {
  const { machine } = rig;
  return {
    ...machine,
    run: async (...command) => {
      deed(rig);
      return machine.run(...command);
    },
    write: async (...file) => {
      deed(rig);
      if (rig.diskFault !== undefined) throw Object.assign(new Error("write"), { code: rig.diskFault });
      return machine.write(...file);
    },
  };
}

function deed(rig: NodeRig): void {
  if (rig.deedsLeft !== undefined && rig.deedsLeft-- <= 0) throw new PowerCut();
  rig.deeds++;
}

function run(rig: NodeRig, machine: FakeMachine): Promise<BootstrapReport> {
  const folder = rig.withCard ? `${CARD}/caye` : "/root";
  rig.machine.files.set(`${folder}/order.toml`, new TextEncoder().encode(orderFile(rig.order)));
  const clock: Clock = {
    nowMs: () => rig.nowMs,
    monotonicMs: () => rig.nowMs,
    sleep: async (ms) => void (rig.nowMs += ms),
  };
  const ports = { machine, clock, radio: radioOf(rig) };
  const from = rig.withCard ? { card: CARD, order: undefined } : { card: undefined, order: "/root/order.toml" };
  const request = { ...from, withChannel: rig.withChannel };
  const never = new AbortController().signal;
  return bootstrap(ports, { config: CONFIG, state: STATE }, request, agentOf(rig), () => undefined, never);
}

function radioOf(rig: NodeRig): RadioSetup {
  const there = (): RadioSettings => {
    if (rig.running) throw new AgentError("RADIO_BUSY", "the agent has it");
    if (rig.radioFault !== undefined) throw rig.radioFault;
    if (!rig.plugged) throw new AgentError("RADIO_ABSENT", "nothing is plugged in");
    return rig.radio;
  };
  return {
    read: async () => there(),
    write: async (_uri, changes) => {
      deed(rig);
      rig.writes.push(changes);
      rig.radio = { ...there(), ...changes };
    },
    find: async () => rig.found,
  };
}

function agentOf(rig: NodeRig): AgentDoor {
  const up = (): void => {
    if (!rig.running) throw new AgentError("NO_AGENT", "no agent is running here");
  };
  const { nodeNumber } = rig.radio;
  return {
    status: async () => {
      up();
      return statusOf(rig);
    },
    villageRequest: async () => ({ id: ID, name: rig.order.node.name, request: `request of ${nodeNumber}\n` }),
    attestRequest: async () => {
      if (rig.attestFault !== undefined) throw rig.attestFault;
      return { id: ID, name: rig.order.node.name, request: "attest request\n" };
    },
    join: async (file) => {
      if (rig.joinFault !== undefined) throw rig.joinFault;
      if (file.length === 0) throw new AgentError("STATEMENT_INVALID", "it is empty");
      rig.joined.push(file);
      return { verdict: "new" };
    },
  };
}

function statusOf({ radio, plugged, steps, source, order }: NodeRig): StatusReport {
  const { trust, radio: base } = statusReport();
  const { nodeNumber } = radio;
  // The agent reckons with the configuration's word, whatever the radio is set to.
  const { preset, region } = order.radio;
  const entropy = { state: "healthy", on_failure: "degrade", sources: [source], job: null } as const;
  return statusReport({
    node: order.node.name,
    author: `${order.node.name} (${ID})`,
    state: "running",
    trust: { ...trust, tpm: "tpm:/dev/tpmrm0", steps },
    radio: { ...base, link: plugged ? "ready" : "down", node_number: plugged ? nodeNumber : null, preset, region },
    entropy: { ...entropy, reseeds: 1, reseeded_s_ago: 1 },
  });
}

export function stateOf(report: BootstrapReport, step: BootstrapStepName): string {
  return report.steps.find((one) => one.step === step)?.state ?? "";
}
