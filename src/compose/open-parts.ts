/** Opens what a node in order consists of: shard, radio, exchange, and what the village asks for. @module */
import type { Config } from "../config/schema.ts";
import { openShard } from "../dag/open-shard.ts";
import type { OpenNode } from "../boot.ts";
import { openAirBook } from "../desk/air-book.ts";
import { rememberingLastHeard } from "../desk/last-heard.ts";
import type { OpenParts } from "../desk/parts.ts";
import { policyStep } from "../desk/policy-step.ts";
import { openMeshtasticModem } from "../drivers/meshtastic/modem.ts";
import { readSecretFile } from "../drivers/secret-file.ts";
import { openAlerts } from "../exchange/open-alerts.ts";
import { openAttestation } from "../exchange/open-attestation.ts";
import { openCheckpoints } from "../exchange/checkpoints.ts";
import { Exchange } from "../exchange/exchange.ts";
import type { FilesPolicy } from "../exchange/files/policy.ts";
import { openMembership, openSealing } from "../exchange/open-village.ts";
import { openPhones } from "../exchange/phone/open-phones.ts";
import { radioNumber } from "../exchange/sealing.ts";
import type { Bytes } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Tracer } from "../ports/tracer.ts";
import { radioInForce } from "../radio/in-force.ts";
import { Scheduler } from "../radio/scheduler.ts";
import { AirTrace } from "../radio/traced.ts";
import type { AgentOptions } from "./options.ts";

export interface Opening {
  readonly node: OpenNode;
  /** Of radio and exchange. */
  readonly clock: Clock;
  readonly log: Log;
  readonly tracer?: Tracer | undefined;
  /** As it lies on the disk; empty when there is none. */
  readonly policyFile: Bytes;
}

/** What the whole shard hangs on may be damaged: then the node keeps shut and answers why, rather than not to start. */
export async function openIfSound(
  ...parts: Parameters<typeof openParts>
): Promise<OpenParts | { readonly reason: string }> {
  try {
    return await openParts(...parts);
  } catch (error) {
    if (!isAgentError(error, "STORE_CORRUPT")) throw error;
    return { reason: error.message };
  }
}

async function openParts(options: AgentOptions, { node, clock, log, policyFile, tracer }: Opening): Promise<OpenParts> {
  const { config, modemUri } = options;
  const { store, random } = node;
  const { preset, region, hop_limit: hopLimit, duty_share: share, channel } = config.radio;
  const membership = await openMembership(config.village, { store, clock });
  const gate = membership === undefined ? {} : { gate: membership };
  const shard = await openShard(store, { random, nodeName: config.node.name, log: log.named("shard"), ...gate });
  const isEnrolled = membership && ((id: string) => membership.standing(id) === "enrolled");
  const alerts = await openAlerts({ store, shard, clock, log: log.named("alerts"), ...config.alerts, isEnrolled });
  const device = openMeshtasticModem(modemUri, { clock, random, channel, log: log.named("modem") });
  const air = tracer && new AirTrace(tracer);
  const listening = rememberingLastHeard(device, clock);
  const modem = air?.modem(listening) ?? listening;
  const settings = () => radioInForce({ preset, region, hopLimit, share }, modem.state());
  const { ledger, save: saveLedger } = await openAirBook(store, clock, log);
  const scheduler = new Scheduler({ modem, clock, random, log, settings, ledger, saveLedger });
  const sealing = await openSealing(config.village, { store, clock, log, modem, readSecret: readSecretFile });
  const {
    book: attestations,
    wishes: attestation,
    policy: village,
  } = await openAttestation({
    store,
    clock,
    ownPcr: config.trust.pcr,
    everyHours: config.trust.attest_hours,
    policyFile,
    authority: config.village.authority,
    membership,
    node: node.attestation,
  });
  const policy = policyStep(village, clock);
  const { ok = true, detail, fix } = policy.step() ?? {};
  if (!ok) log.warn("The village's policy is not in force", { detail, fix });
  const exchange = new Exchange({
    ...(sealing === undefined ? {} : { sealing }),
    attestation,
    ...openPhones(config.phones, sealing !== undefined, () => radioNumber(modem.state())),
    modem,
    queue: air?.queue(scheduler) ?? scheduler,
    tracer,
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
  const records = { membership, checkpoints, attestations, policy };
  const { heardMsAgo } = modem;
  return { shard, alerts, exchange, scheduler, modem, heardMsAgo, radioSettings: settings, ...records };
}

function filesPolicy({ files }: Config): FilesPolicy {
  const { max_air_bytes: maxAirBytes, large_bytes: largeBytes, hours, carry_bytes: carryBytes } = files;
  return { maxAirBytes, largeBytes, hours, carryBytes, cacheBytes: files.cache_bytes };
}
