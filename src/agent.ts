/**
 * The agent, put together: boots, opens what it consists of, and runs it. Which driver stands behind which port is told in
 * `compose/`.
 * @module
 */
import { openDoors } from "./api/doors.ts";
import { attestTools } from "./attest/tools.ts";
import type { Board } from "./board/board.ts";
import type { Booted } from "./boot.ts";
import { openBoard, watchBoard } from "./compose/board.ts";
import { bootNode, type Ground } from "./compose/boot-node.ts";
import { openIfSound } from "./compose/open-parts.ts";
import type { AgentOptions } from "./compose/options.ts";
import { keepTime } from "./compose/keep-time.ts";
import { openTracing, traceBoot } from "./compose/tracing.ts";
import { watchEntropy, watchTrust } from "./compose/watches.ts";
import { measuredConfig } from "./config/measured.ts";
import { villageTools } from "./dag/authority.ts";
import { Desk } from "./desk/desk.ts";
import { Heartbeat, statusLine } from "./desk/heartbeat.ts";
import { StoreDamage } from "./desk/store-damage.ts";
import { trustDesk } from "./desk/trust-desk.ts";
import { TrustHerald } from "./desk/trust-herald.ts";
import { systemClock } from "./drivers/clock.ts";
import { freeBytes } from "./drivers/disk.ts";
import { readMachineFigures } from "./drivers/telemetry/machine-figures.ts";
import { openHttpServer } from "./drivers/http-server.ts";
import { openLog } from "./drivers/log.ts";
import { discoverRadio } from "./drivers/meshtastic/discover.ts";
import { codeIn } from "./drivers/own-files.ts";
import { readPolicyFile } from "./drivers/policy-file.ts";
import { systemRandom } from "./drivers/random.ts";
import { openStateDirectory, stateFiles } from "./drivers/state-directory.ts";
import { isJournal } from "./drivers/systemd/journal.ts";
import { openSupervisor } from "./drivers/systemd/notify.ts";
import { utf8 } from "./kernel/bytes.ts";
import type { RecoveryTools } from "./kernel/keys.ts";
import { aborted, LinkedAbort, runAll, type Service } from "./kernel/service.ts";
import type { VillageTools } from "./kernel/village.ts";
import type { Log } from "./ports/log.ts";
import type { Tracer } from "./ports/tracer.ts";
import { recoveryTools } from "./trust/recover.ts";

/** No key of the shard begins so: it is looked up to see whether the store answers. */
const REACHABLE = utf8("~reachable");

/** What an authority does, with this machine's random numbers. */
export const authorityTools = (): VillageTools => villageTools(systemRandom());

/** What recovery words do, without an agent. */
export const recovery = (): RecoveryTools =>
  recoveryTools({ random: systemRandom(), lookAt: stateFiles, open: openStateDirectory });

/** The radio to use when the configuration leaves it open: the one on a known USB id, or undefined. */
export const findRadio = discoverRadio;

/**
 * Runs until the signal aborts.
 * @throws AgentError "STATE_IN_USE", "STATE_NEWER", "PORT_IN_USE", …: what stands in the way, before anything is changed
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const { config, output } = options;
  const journal = config.log.format === "auto" && isJournal();
  const format = config.log.format === "auto" ? (journal ? "journal" : "text") : config.log.format;
  const log = await openLog({ level: config.log.level, format, stream: output });
  await using board = await openBoard(config.board, log, options.gpio);
  await board.untilPowered(signal);
  using supplied = new LinkedAbort(signal);
  await runNode(options, { log, journal, board, onPowerFail: () => supplied.abort() }, supplied.signal);
  if (!signal.aborted && supplied.signal.aborted) await board.afterPowerFail(signal);
}

interface Frame {
  readonly log: Log;
  /** True when the journal reads the log. */
  readonly journal: boolean;
  readonly board: Board;
  readonly onPowerFail: () => void;
}

async function runNode(options: AgentOptions, frame: Frame, signal: AbortSignal): Promise<void> {
  const { config, statePath, onUp } = options;
  const { log, journal } = frame;
  const tracer = await openTracing(config, { log, version: options.version });
  await using state = await openStateDirectory(statePath);
  const { api, metrics } = config;
  let heartbeat: Heartbeat | undefined;
  const doors = await openDoors({
    api,
    metrics,
    state,
    log,
    pid: options.pid,
    random: systemRandom(),
    openServer: openHttpServer,
    machine: () =>
      readMachineFigures({
        statePath,
        backups: config.backup.directory,
        watchdogBeats: () => heartbeat?.beats,
        spans: () => tracer?.counts(),
      }),
    tracer,
  });
  try {
    const damage = await StoreDamage.remembered(state, log);
    const { policy_file: policyPath } = config.trust;
    const policyFile = policyPath === "" ? new Uint8Array() : await readPolicyFile(policyPath);
    const ground = { state, log, damage, signal, policyFile };
    const startMs = systemClock().nowMs();
    await using booted = await bootNode(options, ground);
    traceBoot(tracer, startMs, booted.steps);
    const node = await compose(options, booted, { ...ground, ...frame, tracer });
    await doors.open(node.desk, (ok) => node.herald.onSelfTest(ok));
    const { state: standing, trust } = await node.desk.status();
    const warnings = [...new Set(trust.steps.filter(({ ok }) => !ok).map(({ detail }) => detail))];
    if (journal) log.info("caye is up", { api: doors.api.url, metrics: doors.metrics.url, state: standing });
    await onUp({
      view: node.desk,
      journal,
      state: standing,
      reason: node.reason,
      warnings,
      api: doors.api.url,
      metrics: doors.metrics.url,
      simulated: options.simulated,
    });
    heartbeat = await heartbeatOf(node, log);
    await runAll([...node.services, heartbeat, ...(tracer === undefined ? [] : [tracer])], signal);
  } finally {
    await doors.close();
  }
}

/** The store is what all hangs on; a node in quarantine has none, and lives by its event loop alone. */
async function heartbeatOf({ desk, reason, probe }: Node, log: Log): Promise<Heartbeat> {
  const status = async (): Promise<string> => {
    const { state, neighbours, radio } = await desk.status();
    return statusLine({ state, neighbours: neighbours.length, usedS: Math.round(radio.air_used_ms / 1000), reason });
  };
  const supervisor = await openSupervisor(log.named("systemd"));
  return new Heartbeat({ supervisor, clock: systemClock(), log: log.named("systemd"), probe, status });
}

interface Node {
  readonly desk: Desk;
  readonly herald: TrustHerald;
  /** Why data and radio are shut; empty when they are not. */
  readonly reason: string;
  readonly services: readonly Service[];
  /** Resolves when the store answers. */
  readonly probe: () => Promise<void>;
}

interface Composed extends Ground, Frame {
  readonly tracer: Tracer | undefined;
}

async function compose(options: AgentOptions, booted: Booted, ground: Composed): Promise<Node> {
  const { damage, log, policyFile, state: memory, tracer } = ground;
  const { config, loadConfig } = options;
  const clock = options.clock ?? systemClock();
  const random = systemRandom();
  const opened =
    booted.kind === "open" ? await openIfSound(options, { node: booted, clock, log, policyFile, tracer }) : booted;
  const open = "shard" in opened ? opened : undefined;
  const herald = new TrustHerald(open?.exchange.trust, log.named("trust"));
  const watch = watchTrust(booted, herald, log);
  const entropy = booted.kind === "open" ? await watchEntropy(config, booted, { memory, herald, log }) : undefined;
  herald.onBoot(booted.steps);
  const reason = "shard" in opened ? "" : opened.reason;
  if (booted.kind === "open" && reason !== "") damage.note(reason);
  const boardWatch = await watchBoard(config, {
    board: ground.board,
    memory,
    open,
    isWell: () => trust.steps().every(({ ok }) => ok),
    desk: () => desk,
    onPowerFail: ground.onPowerFail,
  });
  const trust = trustDesk({
    booted,
    damage,
    watch,
    entropy,
    policy: open?.policy,
    board: boardWatch,
    random,
    mode: config.trust.mode,
    pcr: config.trust.pcr,
    codeAt: (directory) => codeIn(directory, options.root),
    configAt: async (path) => measuredConfig(await loadConfig(path)),
  });
  const time = await keepTime(config, { memory, open, log });
  const desk = new Desk({
    version: options.version,
    pid: options.pid,
    nodeName: config.node.name,
    statePath: options.statePath,
    simulated: options.simulated,
    clockSpeed: options.clockSpeed ?? 1,
    modemUri: options.modemUri,
    clock,
    startedMs: clock.monotonicMs(),
    trust,
    keys: booted.keychain,
    attest: {
      node: booted.attestation,
      tools: attestTools(random),
      changesAt: async ({ code, config }) => ({
        ...(code !== undefined && (await codeIn(code, options.root))),
        ...(config !== undefined && { configBytes: measuredConfig(await loadConfig(config)) }),
      }),
    },
    entropy,
    open,
    board: boardWatch,
    time,
    diskFreeBytes: () => freeBytes(options.statePath),
    quarantine: reason,
  });
  const rest = open?.checkpoints === undefined ? [] : [open.checkpoints];
  const radio = open === undefined ? [] : [open.modem, open.scheduler, open.exchange, ...rest];
  const idle: Service = { name: "desk", run: aborted };
  const watches = [watch, entropy, boardWatch, time].filter((service) => service !== undefined);
  const probe = async (): Promise<void> => {
    if (booted.kind === "open" && open !== undefined) await booted.store.get(REACHABLE);
  };
  return { desk, herald, reason, services: [idle, booted.keychain, ...radio, ...watches], probe };
}
