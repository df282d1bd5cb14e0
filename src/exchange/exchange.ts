/**
 * What neighbours ask and offer on the radio. Packets come in one by one; each is decoded, counted, and handed to the
 * room that it concerns. Nothing that a neighbour sends can stop this service.
 * @module
 */
import { describeError } from "../kernel/errors.ts";
import { runAll, type Service } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { PRIVATE_APP, TEXT_MESSAGE_APP, type Modem, type RadioPacket } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import type { AlertBook } from "../alert/book.ts";
import type { Store } from "../ports/store.ts";
import { traced, type Tracer } from "../ports/tracer.ts";
import type { BlockRef } from "../dag/block-ref.ts";
import type { Shard } from "../dag/shard.ts";
import { Agenda } from "./agenda.ts";
import { AlertSpread } from "./alerts.ts";
import { Attestation, type AttestationWishes } from "./attestation.ts";
import type { Standing } from "./attestation-standings.ts";
import { Air, type AirSettings, type FrameQueue } from "./air.ts";
import type { FetchWishes } from "./files/fetch.ts";
import { Files } from "./files/files.ts";
import type { Inquiry } from "./files/inquiries.ts";
import type { FilesPolicy } from "./files/policy.ts";
import type { Suspect } from "./files/suspects.ts";
import type { Transfer, TransferTarget } from "./files/transfer.ts";
import { IndexSync } from "./index-sync.ts";
import { ForkSpread } from "./forks.ts";
import type { Neighbour } from "./neighbours.ts";
import { FILES_POOL, INDEX_POOL, Members, NeighboursBudget, type Rights } from "./neighbours-budget.ts";
import { counterOf, plainOf, type Plain } from "./opening.ts";
import type { Origin } from "./parts.ts";
import { Phones, type PhoneRules } from "./phone/phones.ts";
import type { Sealing } from "./sealing.ts";
import { TrustAlerts } from "./trust-alerts.ts";

export interface ExchangePorts {
  readonly modem: Pick<Modem, "receive">;
  readonly queue: FrameQueue;
  readonly shard: Shard;
  readonly alerts: AlertBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly settings: () => AirSettings;
  /** Which files are fetched when; by default all that the radio can carry, at any hour. */
  readonly policy?: FilesPolicy;
  /** Where transfers outlast a restart; they don't when left out. */
  readonly store?: Pick<Store, "write" | "entries">;
  /** Of a private village: what is said is sealed, and what comes unsealed is dropped. */
  readonly sealing?: Sealing;
  /** People who ask by text; nobody is answered when left out. */
  readonly phones?: PhoneRules & { readonly number: () => number | undefined };
  /** By which neighbours' TPMs are asked and judged; all neighbours are served, and none is asked, when left out. */
  readonly attestation?: AttestationWishes;
  readonly tracer?: Tracer | undefined;
}

type Handler<M extends Plain> = (
  message: M,
  origin: Origin & { readonly payloadBytes: number },
) => void | Promise<void>;

/** What is done with each message; a room joins with a line. */
type Handlers = { readonly [T in Plain["type"]]: Handler<Extract<Plain, { type: T }>> };

/** Timed tasks at once: two for each author that is behind, a few for each transfer. */
const AGENDA_CAPACITY = 4_096;

export class Exchange implements Service {
  readonly name = "exchange";
  readonly alerts: AlertSpread;
  readonly trust: TrustAlerts;
  readonly #ports: ExchangePorts;
  readonly #agenda: Agenda;
  readonly #index: IndexSync;
  readonly #files: Files;
  readonly #forks: ForkSpread;
  readonly #phones: Phones | undefined;
  readonly #attestation: Attestation | undefined;
  readonly #members = new Members();
  readonly #handlers: Handlers;
  readonly #counters = new Map<string, number>();

  constructor(ports: ExchangePorts) {
    const { clock, log, queue, settings } = ports;
    const count = (event: string): void => this.#count(event);
    const onFailure = (error: unknown, key: string): void => this.#failed(error, key);
    this.#ports = ports;
    this.#agenda = new Agenda({ clock, capacity: AGENDA_CAPACITY, onFailure });
    const { sealing } = ports;
    const village = sealing === undefined ? undefined : { sealing, count };
    const air = new Air(queue, settings, () => clock.monotonicMs(), village);
    const { shard, random, tracer } = ports;
    const shared = { shard, air, agenda: this.#agenda, clock, random, log, tracer, count };
    this.alerts = new AlertSpread({ ...shared, book: ports.alerts });
    const budgetOf = (pool: number): NeighboursBudget =>
      new NeighboursBudget(
        this.#members,
        () => air.packetsAnHour,
        pool,
        (radio) => this.#rightsOf(radio),
      );
    this.trust = new TrustAlerts({ ...shared, store: ports.store });
    this.#index = new IndexSync({ ...shared, budget: budgetOf(INDEX_POOL) });
    this.#forks = new ForkSpread(shared);
    this.#files = new Files({
      ...shared,
      neighbours: this.#index.neighbours,
      budget: budgetOf(FILES_POOL),
      store: ports.store,
      policy: ports.policy,
    });
    this.#attestation =
      ports.attestation &&
      new Attestation({
        ...shared,
        wishes: ports.attestation,
        self: ports.shard.author.id,
        neighbours: this.#index.neighbours,
        isGuest: (radio) => !this.#members.has(radio) && this.#members.areAbout(clock.monotonicMs()),
        onAttested: (subject) => this.trust.raise({ kind: "recovered", subject }),
        onFailed: (subject, reason) => this.trust.raise({ kind: "attestation", subject, reason }),
      });
    const { phones: rules } = ports;
    this.#phones =
      rules &&
      new Phones({
        ...shared,
        rules,
        queue,
        book: ports.alerts,
        number: rules.number,
        neighbours: () => this.neighbours(),
        fetch: (target) => this.fetch(target),
      });
    this.#handlers = this.#table();
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#index.start();
    this.#forks.start();
    this.alerts.start();
    this.#attestation?.start();
    await this.trust.start();
    await this.#files.start();
    await runAll([this.#agenda, { name: "listen", run: (inner) => this.#listen(inner) }], signal);
  }

  /** Tell neighbours that this node's own log has grown. */
  announce(): void {
    this.#index.announce();
  }

  /** Undefined when too many transfers are under way. */
  fetch(target: TransferTarget, wishes?: FetchWishes): Promise<Transfer | undefined> {
    return this.#files.begin(target, wishes);
  }

  /**
   * Asks neighbours for a file by its name, or by author and number, while the entry that tells of it is not here. Undefined
   * when there is no sign that an entry is lacking, when these words can't be asked, or too many are asked already.
   */
  inquire(text: string, wishes: FetchWishes = {}): Inquiry | undefined {
    return this.#index.isBehind ? this.#files.inquire(text, wishes) : undefined;
  }

  inquiry(id: string): Inquiry | undefined {
    return this.#files.inquiry(id);
  }

  /** Packets that it takes to have the rest of a file: a guess. */
  packetsFor(transfer: Transfer): number {
    return this.#files.packetsFor(transfer);
  }

  transfer(root: BlockRef): Transfer | undefined {
    return this.#files.find(root);
  }

  /** Radios whose symbols of files proved false in the last hour. */
  suspects(): readonly Suspect[] {
    return this.#files.suspects();
  }

  /** Radios whose slots of the index proved false in the last hour. */
  liars(): readonly { readonly radio: number; readonly untilMs: number }[] {
    return this.#index.liars();
  }

  neighbours(): readonly Neighbour[] {
    return this.#index.neighbours.list();
  }

  /** Whether a neighbour has shown its state, by author id in hex; `unknown` where this node asks nobody. */
  standingOf(author: string): Standing {
    return this.#attestation?.standingOf(author) ?? { state: "unknown" };
  }

  /** Asks a neighbour for a quote of its TPM now. False when nothing is known by which it could be judged. */
  attest(author: string): boolean {
    return this.#attestation?.request(author) ?? false;
  }

  counters(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counters);
  }

  /** What is answered goes as far as the question came, and no farther: each relay costs the air once more. */
  #table(): Handlers {
    return {
      beacon: async (message, origin) => {
        this.#forks.onNamed(message.holdings.strangers.map(({ author }) => author));
        await this.#index.onBeacon(message, origin);
        this.#noteMember(origin);
      },
      want: (message, origin) => {
        if (this.#mayAsk(origin)) this.#index.onWant(message, origin);
      },
      pull: async (message, origin) => {
        if (!this.#mayAsk(origin)) return;
        this.#forks.onNamed(message.vector.map(({ author }) => author));
        await this.#index.onPull(message, origin);
      },
      update: async (message, origin) => {
        this.#forks.onNamed([message.author]);
        await this.#index.onUpdate(message, origin);
        this.#noteMember(origin);
        this.#forks.look();
      },
      repair: (message, origin) => this.#index.onRepair(message, origin),
      get: (message, origin) => (this.#mayAsk(origin) ? this.#files.onGet(message, origin) : undefined),
      coded: (message, origin) => this.#files.onCoded(message, origin),
      alert: (message, origin) => this.alerts.onAlert(message, origin),
      alerts: (message, origin) => this.alerts.onAlerts(message, origin),
      fork: (message, origin) => this.#forks.onFork(message, origin),
      seen: (message, origin) => this.alerts.onSeen(message, origin),
      probe: (message, origin) => this.#attestation?.onProbe(message, origin),
      proof: (message, origin) => this.#attestation?.onProof(message, origin),
      trust: (message, { from }) => this.trust.onTrust(message, from),
    };
  }

  #rightsOf(radio: number): Rights {
    return this.#attestation?.rightsOf(radio) ?? "full";
  }

  /** Who asks without a good attestation may be asked for one; where the policy refuses it, it is not answered. */
  #mayAsk(origin: Origin): boolean {
    this.#attestation?.onAsked(origin);
    if (this.#rightsOf(origin.from) !== "none") return true;
    this.#count("asked_in_vain_by_unattested");
    return false;
  }

  /** It has just spoken as somebody: as an author whose log is here? */
  #noteMember({ from }: Origin): void {
    const author = this.#index.neighbours.authorOf(from);
    if (author !== undefined && this.#ports.shard.count(author) > 0)
      this.#members.note(from, author, this.#ports.clock.monotonicMs());
  }

  async #listen(signal: AbortSignal): Promise<void> {
    for (;;) {
      const packet = await this.#ports.modem.receive(signal);
      if (packet === undefined) return;
      try {
        const { payload, hopsTaken: hops = -1 } = packet;
        await traced(this.#ports.tracer, "air.packet", { bytes: payload.length, hops }, () => this.#onPacket(packet));
      } catch (error) {
        this.#failed(error, "packet");
      }
    }
  }

  async #onPacket(packet: RadioPacket): Promise<void> {
    if (packet.port === TEXT_MESSAGE_APP && this.#phones !== undefined) return this.#phones.onText(packet);
    if (packet.port !== PRIVATE_APP) {
      this.#count("packets_of_others");
      return;
    }
    const { sealing, tracer } = this.#ports;
    const message = traced(tracer, "air.decode", {}, () => plainOf(packet.payload, packet.from, sealing));
    if (!message.ok) {
      this.#count("packets_refused");
      const counter = counterOf(message.reason);
      if (counter !== undefined) this.#count(counter);
      this.#ports.log.debug("packet refused", { reason: message.reason, from: packet.from });
      return;
    }
    const { from, hopsTaken: hops, payload } = packet;
    this.#count(`heard_${message.value.type}`);
    this.alerts.onHeard({ from, hops });
    const { value } = message;
    const handler = this.#handlerOf(value);
    await traced(tracer, "air.handle", { type: value.type }, () =>
      handler(value, { from, hops, payloadBytes: payload.length }),
    );
  }

  /** A handler is only ever given messages of its own type: the table is keyed by it. */
  #handlerOf({ type }: Plain): Handler<Plain> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the compiler can't follow a type through a table
    return this.#handlers[type] as Handler<Plain>;
  }

  #failed(error: unknown, where: string): void {
    this.#count("failures");
    this.#ports.log.warn("could not act on a message", { where, error: describeError(error) });
  }

  #count(event: string): void {
    this.#counters.set(event, (this.#counters.get(event) ?? 0) + 1);
  }
}
