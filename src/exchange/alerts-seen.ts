/**
 * Who has an alert, and who has read it: hearsay that is passed on from neighbour to neighbour, and grows on its way.
 *
 * A node speaks when it knows something that it has not heard another say, after a wait in which others may say it first;
 * and again, ever later, until two others have said as much.
 * @module
 */
import { startsWith, toHex } from "../kernel/bytes.ts";
import { keepRecent } from "../kernel/recent.ts";
import type { HeldAlert } from "../alert/held-alert.ts";
import type { AlertBook } from "../alert/book.ts";
import { chance } from "../radio/chance.ts";
import { INDEX } from "../radio/priority.ts";
import { MAX_SEEN_NODES, SEEN_ALERT_BYTES, type Seen } from "../wire/seen.ts";
import { Hourly } from "./hourly.ts";
import type { ExchangeParts, Origin } from "./parts.ts";

export interface SeenBy {
  /** First 6 hex digits of the node's author id. */
  readonly node: string;
  /** A person there has read it. */
  readonly read: boolean;
  /** Monotonic ms at which this node learnt so; an upper bound of when it was. */
  readonly sinceMs: number;
}

export interface AlertsSeenParts extends ExchangeParts {
  readonly book: Pick<AlertBook, "self">;
  /** The first 3 bytes of the ids of all authors whose logs are here. */
  readonly knownNodes: () => ReadonlySet<number>;
  /** Relays to the nearest agent; undefined when that can't be told. */
  readonly nearHops: () => number | undefined;
}

interface Known {
  readonly read: boolean;
  readonly sinceMs: number;
}

interface SeenMap {
  readonly nodes: Map<number, Known>;
  /** Of these, those whose logs are not here. */
  readonly strangers: Set<number>;
  /** How often it was said since there was news. */
  said: number;
  /** Radios that were heard to say all of it meanwhile. */
  readonly saidBy: Set<number>;
}

/** Alerts, and nodes of one alert, that are remembered. */
const MAX_ALERTS = 64;
const MAX_NODES = 512;
/** … whose logs are not here: newcomers, or made up. */
const MAX_STRANGERS = 32;
/** Times an hour that one radio's news of an alert make us speak anew, and that all together do. */
const NEWS_OF_RADIO = 6;
const NEWS_OF_ALL = 24;
/** Times an hour that one alert's map is said, and all maps. */
const SAYINGS = 16;
const SAYINGS_OF_ALL = 48;
const TRY_AGAIN_MS = 900_000;
/** The first wait, in full packets; half of it and more. It doubles with each time. */
const WAIT_PACKETS = 16;
const MAX_SAID = 5;
/** Others who have said as much, so that we need not. */
const ENOUGH = 2;

export class AlertsSeen {
  readonly #parts: AlertsSeenParts;
  readonly #maps = new Map<string, SeenMap>();
  readonly #newsOfRadio = new Hourly(NEWS_OF_RADIO);
  readonly #newsOfAll = new Hourly(NEWS_OF_ALL);
  readonly #sayings = new Hourly(SAYINGS);
  readonly #allSayings = new Hourly(SAYINGS_OF_ALL);

  constructor(parts: AlertsSeenParts) {
    this.#parts = parts;
  }

  /** This node holds it now. */
  hold(held: HeldAlert): void {
    if (this.#learn(this.#mapOf(held), this.#self(), false)) this.#news(held);
  }

  /** A person here has read it. */
  read(held: HeldAlert): void {
    if (this.#learn(this.#mapOf(held), this.#self(), true)) this.#news(held);
  }

  /** Those who have it, as far as is known here. */
  list(held: HeldAlert): readonly SeenBy[] {
    return [...this.#mapOf(held).nodes].map(([node, known]) => ({
      node: node.toString(16).padStart(6, "0"),
      ...known,
    }));
  }

  onSeen({ alert, read, held: holders }: Seen, { from }: Origin, alerts: readonly HeldAlert[]): void {
    const held = alerts.find(({ digest }) => startsWith(digest, alert));
    if (held === undefined) return this.#parts.count("seen_of_unknown");
    const map = this.#mapOf(held);
    const theirs = new Map([
      ...holders.map((node) => [node, false] as const),
      ...read.map((node) => [node, true] as const),
    ]);
    const known = this.#parts.knownNodes();
    for (const node of map.strangers) if (known.has(node)) map.strangers.delete(node);
    let news = false;
    for (const [node, isRead] of theirs) news = this.#learn(map, node, isRead, !known.has(node)) || news;
    const covered = [...map.nodes].every(
      ([node, known]) => theirs.has(node) && (theirs.get(node) === true || !known.read),
    );
    if (news || !covered) return this.#news(held, news && this.#isWorthSaying(held, from));
    // Two have said all that we know; one alone may be out of reach of some who hear us.
    map.saidBy.add(from);
    if (map.saidBy.size >= ENOUGH) this.#parts.agenda.cancel(keyOf(held));
  }

  #news(held: HeldAlert, fresh = true): void {
    const { agenda, air } = this.#parts;
    const map = this.#mapOf(held);
    if (fresh) {
      map.said = 0;
      map.saidBy.clear();
    }
    if (map.said >= MAX_SAID || agenda.has(keyOf(held))) return;
    const waitMs = WAIT_PACKETS * air.airtimeMs(231) * 2 ** map.said * (0.5 + chance(this.#parts.random) / 2);
    agenda.set(keyOf(held), waitMs, () => this.#say(held));
  }

  /** It is remembered in any case; but who brings news without end makes us speak no more than a few times an hour. */
  #isWorthSaying(held: HeldAlert, from: number): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    const alert = keyOf(held);
    return this.#newsOfRadio.take(`${from} ${alert}`, nowMs) && this.#newsOfAll.take(alert, nowMs);
  }

  #say(held: HeldAlert): void {
    const { agenda, air, clock, count, nearHops } = this.#parts;
    const map = this.#mapOf(held);
    const nowMs = clock.monotonicMs();
    if (!this.#sayings.take(keyOf(held), nowMs) || !this.#allSayings.take("all", nowMs)) {
      count("seen_put_off");
      return void agenda.set(keyOf(held), TRY_AGAIN_MS, () => this.#say(held));
    }
    map.said++;
    map.saidBy.clear();
    // The newest first: what others may not know yet.
    const nodes = [...map.nodes].toReversed().slice(0, MAX_SEEN_NODES);
    const chosen = (isRead: boolean): number[] =>
      nodes
        .filter(([, { read }]) => read === isRead)
        .map(([node]) => node)
        .toSorted((a, b) => a - b);
    const message: Seen = {
      type: "seen",
      alert: held.digest.subarray(0, SEEN_ALERT_BYTES),
      read: chosen(true),
      held: chosen(false),
    };
    count("seen_said");
    air.say(message, { priority: INDEX, hops: air.reach(nearHops()), key: keyOf(held), expiresInMs: 600_000 });
    // Until it is heard from others.
    this.#news(held, false);
  }

  /** True when it was news. */
  #learn({ nodes, strangers }: SeenMap, node: number, read: boolean, isStranger = false): boolean {
    const before = nodes.get(node);
    if (before !== undefined && (before.read || !read)) return false;
    if (before === undefined) {
      if (nodes.size >= MAX_NODES || (isStranger && strangers.size >= MAX_STRANGERS)) return false;
      if (isStranger) strangers.add(node);
    }
    nodes.delete(node);
    nodes.set(node, { read, sinceMs: this.#parts.clock.monotonicMs() });
    return true;
  }

  #mapOf({ digest }: HeldAlert): SeenMap {
    const key = toHex(digest);
    let map = this.#maps.get(key);
    if (map === undefined) {
      map = { nodes: new Map(), strangers: new Set(), said: 0, saidBy: new Set() };
      keepRecent(this.#maps, key, map, MAX_ALERTS);
    }
    return map;
  }

  #self(): number {
    return Number.parseInt(this.#parts.book.self.slice(0, 6), 16);
  }
}

function keyOf({ digest }: HeldAlert): string {
  return `seen:${toHex(digest)}`;
}
