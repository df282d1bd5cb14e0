/**
 * The agent, put together: the one place that knows which driver stands behind which port.
 * @module
 */
import { openDoors } from "./api/doors.ts";
import type { AgentView } from "./api/view.ts";
import { attestTools } from "./attest/tools.ts";
import { boot, type Booted, type OpenNode } from "./boot.ts";
import { measuredConfig } from "./config/measured.ts";
import type { Config } from "./config/schema.ts";
import { villageTools } from "./dag/authority.ts";
import { openShard } from "./dag/open-shard.ts";
import { ownAuthorId } from "./dag/own-author-id.ts";
import { openAirBook } from "./desk/air-book.ts";
import { Desk } from "./desk/desk.ts";
import { Heartbeat, statusLine } from "./desk/heartbeat.ts";
import type { OpenParts } from "./desk/parts.ts";
import { StoreDamage } from "./desk/store-damage.ts";
import { trustDesk } from "./desk/trust-desk.ts";
import { bootRecord } from "./drivers/boot-record.ts";
import { systemClock } from "./drivers/clock.ts";
import { freeBytes } from "./drivers/disk.ts";
import { workerAssessor } from "./drivers/assess-worker.ts";
import { entropyOpenings, type NamedSource } from "./drivers/entropy/openings.ts";
import { openHttpServer } from "./drivers/http-server.ts";
import { openLevelStore } from "./drivers/level/store.ts";
import { processInstance } from "./drivers/instance.ts";
import { openLog } from "./drivers/log.ts";
import { discoverRadio } from "./drivers/meshtastic/discover.ts";
import { openMeshtasticModem } from "./drivers/meshtastic/modem.ts";
import { codeIn, ownFiles } from "./drivers/own-files.ts";
import { readSecretFile } from "./drivers/secret-file.ts";
import { systemRandom } from "./drivers/random.ts";
import { openStateDirectory, stateFiles, type StateDirectory } from "./drivers/state-directory.ts";
import { openSupervisor } from "./drivers/systemd/notify.ts";
import { openTpm } from "./drivers/tpm/open.ts";
import { findTpm } from "./drivers/tpm/find.ts";
import { Exchange } from "./exchange/exchange.ts";
import type { FilesPolicy } from "./exchange/files/policy.ts";
import { openCheckpoints } from "./exchange/checkpoints.ts";
import { openMembership, openSealing } from "./exchange/open-village.ts";
import { openAlerts } from "./exchange/open-alerts.ts";
import { openAttestation } from "./exchange/open-attestation.ts";
import { openPhones } from "./exchange/phone/open-phones.ts";
import { radioNumber } from "./exchange/sealing.ts";
import { utf8 } from "./kernel/bytes.ts";
import { isAgentError } from "./kernel/errors.ts";
import type { RecoveryTools } from "./kernel/keys.ts";
import type { UpReport } from "./kernel/reports.ts";
import { aborted, runAll, type Service } from "./kernel/service.ts";
import type { VillageTools } from "./kernel/village.ts";
import type { Clock } from "./ports/clock.ts";
import type { Log } from "./ports/log.ts";
import type { Memory } from "./ports/memory.ts";
import type { Random } from "./ports/random.ts";
import type { Store } from "./ports/store.ts";
import type { Tpm } from "./ports/tpm.ts";
import { radioInForce } from "./radio/in-force.ts";
import { Scheduler } from "./radio/scheduler.ts";
import { updateAuthority } from "./trust/approvals.ts";
import { RECOVERED_FILE } from "./trust/key-files.ts";
import { recoveryTools } from "./trust/recover.ts";
import { readEntropyRecord } from "./trust/entropy-record.ts";
import { EntropyWatch } from "./trust/entropy-watch.ts";
import { REFERENCE_FILE } from "./trust/reference.ts";
import { TrustWatch } from "./trust/watch.ts";

export interface AgentOptions {
  readonly config: Config;
  readonly statePath: string;
  /** The project's folder: what is measured. */
  readonly root: string;
  /** `serial:` or `tcp:`, found or configured. */
  readonly modemUri: string;
  /** True when that is a radio of the simulated village. */
  readonly simulated: boolean;
  readonly version: string;
  readonly pid: number;
  /** Reads another configuration file with this process's environment: for planned updates. */
  readonly loadConfig: (path: string) => Promise<Config>;
  readonly output: { write(text: string): unknown };
  /** Time for radio and exchange; the machine's own unless the village runs faster. */
  readonly clock?: Clock;
  /** How much faster than the machine's that clock goes; 1 when left out. */
  readonly clockSpeed?: number;
  /** Called once it answers. */
  readonly onUp: (up: AgentUp) => void | Promise<void>;
}

export interface AgentUp extends UpReport {
  readonly view: AgentView;
}

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
  const { config, statePath, onUp, output } = options;
  const format = config.log.format === "auto" ? "text" : config.log.format;
  const log = await openLog({ level: config.log.level, format, stream: output });
  await using state = await openStateDirectory(statePath);
  const { api, metrics } = config;
  const doors = await openDoors({
    api,
    metrics,
    state,
    log,
    pid: options.pid,
    random: systemRandom(),
    openServer: openHttpServer,
  });
  try {
    const damage = await StoreDamage.remembered(state, log);
    await using booted = await bootNode(options, { state, log, damage, signal });
    const entropy = booted.kind === "open" ? await watchEntropy(config, booted, state, log) : undefined;
    const node = await compose(options, booted, { damage, log, entropy });
    await doors.open(node.desk);
    const { state: standing, trust } = await node.desk.status();
    const warnings = [...new Set(trust.steps.filter(({ ok }) => !ok).map(({ detail }) => detail))];
    await onUp({
      view: node.desk,
      state: standing,
      reason: node.reason,
      warnings,
      api: doors.api.url,
      metrics: doors.metrics.url,
      simulated: options.simulated,
    });
    const heartbeat = await heartbeatOf(node, log);
    await runAll([...node.services, heartbeat], signal);
  } finally {
    await doors.close();
  }
}

/** The store is what all hangs on; a node in quarantine has none, and lives by its event loop alone. */
async function heartbeatOf({ desk, reason, probe }: Node, log: Log): Promise<Service> {
  const status = async (): Promise<string> => {
    const { state, neighbours, radio } = await desk.status();
    return statusLine({ state, neighbours: neighbours.length, usedS: Math.round(radio.air_used_ms / 1000), reason });
  };
  const supervisor = await openSupervisor(log.named("systemd"));
  return new Heartbeat({ supervisor, clock: systemClock(), log: log.named("systemd"), probe, status });
}

interface Ground {
  readonly state: StateDirectory;
  readonly log: Log;
  readonly damage: StoreDamage;
  readonly signal: AbortSignal;
}

async function bootNode(options: AgentOptions, { state, log, damage, signal }: Ground): Promise<Booted> {
  const { config, root } = options;
  const { trust, entropy } = config;
  const clock = systemClock();
  const random = systemRandom();
  const ports = {
    memory: state,
    kernelRandom: random,
    clock,
    log: log.named("boot"),
    signal,
    ownFiles: ownFiles(root),
    configBytes: measuredConfig(config),
    policyBytes: new Uint8Array(),
    record: bootRecord(),
    tpm: async () => {
      const stateDir = await state.subdirectory("swtpm");
      return openTpm(await findTpm(trust.tpm.uri), { stateDir, clock, random, log, signal });
    },
    entropy: (tpm: Tpm | undefined) => entropyOpenings(entropySources(entropy), tpm),
    assessor: workerAssessor,
    instance: processInstance,
    openStore: async (key: Uint8Array, next?: Uint8Array) => {
      // The reference is written once a store has opened; whose key came from the recovery words had one elsewhere.
      const expected = ((await state.read(REFERENCE_FILE)) ?? (await state.read(RECOVERED_FILE))) !== undefined;
      const onLoss = (what: string): void => damage.note(what);
      try {
        return await openLevelStore(await state.subdirectory("store"), key, { random, log, next, expected, onLoss });
      } finally {
        await damage.save();
      }
    },
    updateAuthority: (store: Store, drawn: Random) =>
      updateAuthority(trust.update_key, () => ownAuthorId(store, (bytes) => drawn.bytes(bytes))),
  };
  const { mode, pcr, pcrs } = trust;
  return boot(ports, { mode, pcr, pcrs, entropyFailure: entropy.on_failure });
}

function entropySources({ source, sources, min_entropy_bits: bits }: Config["entropy"]): readonly NamedSource[] {
  const further = sources.map(({ address, claimedBits = bits }) => ({ uri: address.uri, claimedBits }));
  return [{ uri: source.uri, claimedBits: bits }, ...further];
}

interface Node {
  readonly desk: Desk;
  /** Why data and radio are shut; empty when they are not. */
  readonly reason: string;
  readonly services: readonly Service[];
  /** Resolves when the store answers. */
  readonly probe: () => Promise<void>;
}

async function watchEntropy(
  { trust, entropy }: Config,
  node: OpenNode,
  memory: Memory,
  log: Log,
): Promise<EntropyWatch> {
  const { on_failure: onFailure, reseed_minutes: reseedMinutes, assess_days: assessDays } = entropy;
  const endsOnFailure = trust.mode === "enforce" && onFailure === "quarantine";
  const policy = { onFailure, endsOnFailure, reseedMinutes, assessDays };
  const { seeded } = node;
  const parts = { seeded, memory, assessor: workerAssessor, clock: systemClock(), log: log.named("entropy"), policy };
  return new EntropyWatch(parts, (await readEntropyRecord(memory)) ?? new Map());
}

interface Watched {
  readonly damage: StoreDamage;
  readonly entropy: EntropyWatch | undefined;
  readonly log: Log;
}

async function compose(options: AgentOptions, booted: Booted, { damage, entropy, log }: Watched): Promise<Node> {
  const { config, loadConfig } = options;
  const clock = options.clock ?? systemClock();
  const random = systemRandom();
  const { requote } = booted;
  const watch =
    requote === undefined
      ? undefined
      : new TrustWatch({ requote, clock: systemClock(), random, log: log.named("trust") });
  const opened = booted.kind === "open" ? await openIfSound(options, booted, clock, log) : booted;
  const open = "shard" in opened ? opened : undefined;
  const reason = "shard" in opened ? "" : opened.reason;
  if (booted.kind === "open" && reason !== "") damage.note(reason);
  const trust = trustDesk({
    booted,
    damage,
    watch,
    entropy,
    random,
    mode: config.trust.mode,
    pcr: config.trust.pcr,
    codeAt: (directory) => codeIn(directory, options.root),
    configAt: async (path) => measuredConfig(await loadConfig(path)),
  });
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
    diskFreeBytes: () => freeBytes(options.statePath),
    quarantine: reason,
  });
  const rest = open?.checkpoints === undefined ? [] : [open.checkpoints];
  const radio = open === undefined ? [] : [open.modem, open.scheduler, open.exchange, ...rest];
  const idle: Service = { name: "desk", run: aborted };
  const watches = [watch, entropy].filter((service) => service !== undefined);
  const probe = async (): Promise<void> => {
    if (booted.kind === "open" && open !== undefined) await booted.store.get(REACHABLE);
  };
  return { desk, reason, services: [idle, booted.keychain, ...radio, ...watches], probe };
}

/** What the whole shard hangs on may be damaged: then the node keeps shut and answers why, rather than not to start. */
async function openIfSound(...parts: Parameters<typeof openParts>): Promise<OpenParts | { readonly reason: string }> {
  try {
    return await openParts(...parts);
  } catch (error) {
    if (!isAgentError(error, "STORE_CORRUPT")) throw error;
    return { reason: error.message };
  }
}

async function openParts(options: AgentOptions, node: OpenNode, clock: Clock, log: Log): Promise<OpenParts> {
  const { config, modemUri } = options;
  const { store, random } = node;
  const { preset, region, hop_limit: hopLimit, duty_share: share, channel } = config.radio;
  const membership = await openMembership(config.village, { store, clock });
  const gate = membership === undefined ? {} : { gate: membership };
  const shard = await openShard(store, { random, nodeName: config.node.name, log: log.named("shard"), ...gate });
  const isEnrolled = membership && ((id: string) => membership.standing(id) === "enrolled");
  const alerts = await openAlerts({ store, shard, clock, log: log.named("alerts"), ...config.alerts, isEnrolled });
  const modem = openMeshtasticModem(modemUri, { clock, random, channel, log: log.named("modem") });
  const settings = () => radioInForce({ preset, region, hopLimit, share }, modem.state());
  const { ledger, save: saveLedger } = await openAirBook(store, clock, log);
  const scheduler = new Scheduler({ modem, clock, random, log, settings, ledger, saveLedger });
  const sealing = await openSealing(config.village, { store, clock, log, modem, readSecret: readSecretFile });
  const { book: attestations, wishes: attestation } = await openAttestation({
    store,
    clock,
    ownPcr: config.trust.pcr,
    everyHours: config.trust.attest_hours,
    policyFile: new Uint8Array(),
    authority: config.village.authority,
    membership,
    node: node.attestation,
  });
  const exchange = new Exchange({
    ...(sealing === undefined ? {} : { sealing }),
    attestation,
    ...openPhones(config.phones, sealing !== undefined, () => radioNumber(modem.state())),
    modem,
    queue: scheduler,
    shard,
    alerts,
    store,
    policy: filesPolicy(config),
    clock,
    random,
    log: log.named("exchange"),
    settings,
  });
  const checkpoints = await openCheckpoints(membership, { shard, exchange, store, clock, random, log });
  return { shard, alerts, exchange, scheduler, modem, radioSettings: settings, membership, checkpoints, attestations };
}

function filesPolicy({ files }: Config): FilesPolicy {
  const { max_air_bytes: maxAirBytes, large_bytes: largeBytes, hours, carry_bytes: carryBytes } = files;
  return { maxAirBytes, largeBytes, hours, carryBytes, cacheBytes: files.cache_bytes };
}
