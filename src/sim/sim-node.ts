/**
 * One agent of a simulation: shard, scheduler and exchange as in the field, on a store in memory and a radio of the
 * simulated air. No boot corridor and no disk: for runs on a virtual clock.
 * @module
 */
import type { AlertBook } from "../alert/book.ts";
import { openShard } from "../dag/open-shard.ts";
import type { Gate, Shard } from "../dag/shard.ts";
import { openAirBook } from "../desk/air-book.ts";
import { openMemoryStore } from "../drivers/memory-store.ts";
import type { AttestationWishes } from "../exchange/attestation.ts";
import { Exchange } from "../exchange/exchange.ts";
import type { FilesPolicy } from "../exchange/files/policy.ts";
import { openAlerts } from "../exchange/open-alerts.ts";
import type { GroupKey } from "../exchange/sealed-box.ts";
import type { PhoneRules } from "../exchange/phone/phones.ts";
import { radioNumber, Sealing } from "../exchange/sealing.ts";
import { toHex } from "../kernel/bytes.ts";
import { runAll, type Service } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Modem } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import type { Store } from "../ports/store.ts";
import { radioInForce, type RadioWishes } from "../radio/in-force.ts";
import { Scheduler } from "../radio/scheduler.ts";

export interface SimNodeOptions {
  readonly name: string;
  readonly modem: Modem;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly wishes: RadioWishes;
  /** What it remembers of earlier lives; an empty one in memory when left out. */
  readonly store?: Store;
  /** Author ids whose alerts count, besides its own; of all when left out. */
  readonly authorised?: readonly string[];
  /** Which files it fetches when; as an agent's own when left out. */
  readonly policy?: FilesPolicy;
  /** Who may fill the shard; everybody when left out. */
  readonly gate?: Gate;
  /** Of a private village, the one that it seals with first. */
  readonly groupKeys?: readonly GroupKey[];
  /** How people are answered who ask by text; nobody is when left out. */
  readonly phones?: PhoneRules;
  /** Given its author id: how neighbours' TPMs are asked; nobody's is when left out. */
  readonly attestation?: (author: string) => AttestationWishes;
}

export interface SimNode extends Service {
  readonly shard: Shard;
  readonly alerts: AlertBook;
  readonly exchange: Exchange;
  readonly scheduler: Scheduler;
  /** Puts a file and tells the neighbours; what it resolves with is on disk. */
  put(name: string, content: Uint8Array): ReturnType<Shard["putFile"]>;
}

export async function openSimNode(options: SimNodeOptions): Promise<SimNode> {
  const { name, modem, clock, random, log, wishes, store = openMemoryStore(), authorised = "everyone" } = options;
  const gate = options.gate === undefined ? {} : { gate: options.gate };
  const shard = await openShard(store, { random, nodeName: name, log, ...gate });
  const alerts = await openAlerts({ store, shard, clock, log, authorised, strangers: "show-unverified" });
  const settings = () => radioInForce(wishes, modem.state());
  const { ledger, save: saveLedger } = await openAirBook(store, clock, log);
  const scheduler = new Scheduler({ modem, clock, random, log, settings, ledger, saveLedger });
  const { groupKeys: keys } = options;
  const sealing = keys && (await Sealing.open({ store, clock, log, keys, number: () => radioNumber(modem.state()) }));
  const sealed = sealing === undefined ? {} : { sealing };
  const phones = options.phones && { ...options.phones, number: () => radioNumber(modem.state()) };
  const exchange = new Exchange({
    modem,
    queue: scheduler,
    shard,
    alerts,
    store,
    clock,
    random,
    log,
    settings,
    ...sealed,
    ...(phones === undefined ? {} : { phones }),
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    ...(options.attestation === undefined ? {} : { attestation: options.attestation(toHex(shard.author.id)) }),
  });
  return {
    name,
    shard,
    alerts,
    exchange,
    scheduler,
    run: (signal) => runAll([modem, scheduler, exchange], signal),
    put: async (file, content) => {
      const put = await shard.putFile(file, content);
      exchange.announce();
      return put;
    },
  };
}
