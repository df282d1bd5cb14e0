/**
 * A village while a story is played in it: the houses, the sky over them, and the book of what people were promised.
 * @module
 */
import { refOf } from "../dag/block-ref.ts";
import type { Shard } from "../dag/shard.ts";
import { toHex } from "../kernel/bytes.ts";
import { AgentError, isAgentError } from "../kernel/errors.ts";
import type { House } from "./house.ts";
import { stormNotice } from "./scenario-alerts.ts";
import type { SentPacket, SimVillage } from "./sim-village.ts";
import type { Sky } from "./sky.ts";

type Put = Awaited<ReturnType<Shard["putFile"]>>;

/** A file that a house was told is stored. */
export interface Promised {
  readonly house: number;
  readonly author: string;
  readonly name: string;
  readonly content: Uint8Array;
  readonly cid: Put["cid"];
  readonly seq: number;
  /** The log's entry, as it stood when the put was acknowledged. */
  readonly entry: Uint8Array;
}

/** A file that somebody asked for; asked again, as people do, until it is there. */
interface Wish {
  readonly house: number;
  readonly file: Promised;
}

/** Virtual time in which a step that must not hang is done. */
const SOON_MS = 600_000;
/** Foreseen: people are told, and nothing was promised. */
const FORESEEN: readonly string[] = [
  "DISK_FULL",
  "STORE_CLOSED",
  "AUTHOR_FORKED",
  "LOG_DAMAGED",
  "SHARD_BUSY",
  "TOO_MANY",
];
/** Longer than any story. */
const ALERT_HOURS = 96;

export class StoryVillage {
  readonly village: SimVillage;
  readonly sky: Sky;
  readonly promised: Promised[] = [];
  readonly wishes: Wish[] = [];
  /** Authors (hex) that came back from a backup: what they sign may contradict what they signed. */
  readonly restored = new Set<string>();
  /** Houses whose disk was full for a while. */
  readonly wasFull = new Set<number>();
  /** Houses that a full disk, a backup or a jump of the clock may have robbed of the book of the last hour's air. */
  readonly troubled = new Set<number>();
  /** What each radio sent of its own, by its number. */
  readonly sent = new Map<number, { readonly atMs: number; readonly airtimeUs: number }[]>();
  /** What went wrong in sight of the story's teller. */
  readonly mishaps: string[] = [];
  /** What was found to have grown beyond its bound. */
  readonly overgrown: string[] = [];
  /** How often each trouble came to pass, of those that only the teller knows; see `befallen.ts`. */
  readonly noted = new Map<string, number>();
  /** Alerts that were sent, by id, and who sent them (hex). */
  readonly alerts = new Map<string, string>();
  /** Of two villages that never hear each other: in which one each house lives; empty where there is one. */
  sides: readonly (0 | 1 | undefined)[] = [];
  /** Whether every house must hold every alert at the end. */
  alertsCount = true;

  readonly #reaches: (from: number, to: number) => boolean;

  /** @param reaches whether a question from one house comes to another, relays included */
  constructor(village: SimVillage, sky: Sky, reaches: (from: number, to: number) => boolean) {
    this.village = village;
    this.sky = sky;
    this.#reaches = reaches;
    village.onSent((packet) => this.#book(packet));
  }

  /** Lets time pass until the promise settles. @throws Error when it has not within ten minutes: something hangs */
  async drive<T>(promise: Promise<T>): Promise<T> {
    if (!(await this.village.clock.runUntil(promise, SOON_MS))) throw new Error("something hangs for ten minutes");
    return promise;
  }

  /** A trouble of that kind came to pass. */
  note(kind: string): void {
    this.noted.set(kind, (this.noted.get(kind) ?? 0) + 1);
  }

  house(index: number): House {
    const house = this.village.houses[index];
    if (house === undefined) throw new AgentError("USAGE", `there is no house ${index}`);
    return house;
  }

  /** Somebody puts a file; nobody can while the machine is down. */
  async put(index: number, name: string, content: Uint8Array): Promise<void> {
    const { node } = this.house(index);
    if (node === undefined) return;
    try {
      const { cid, seq } = await this.drive(node.put(name, content));
      const { id } = node.shard.author;
      const [entry] = (await node.shard.entries(id, seq, 1)).entries;
      if (entry === undefined) throw new Error(`house ${index} has no entry ${seq} for what it acknowledged`);
      this.promised.push({ house: index, author: toHex(id), name, content, cid, seq, entry });
    } catch (error) {
      if (!FORESEEN.some((code) => isAgentError(error, code))) throw error;
    }
  }

  /** Somebody sends an alert; nobody can while the machine is down. */
  async warn(index: number): Promise<void> {
    const { node, clock } = this.house(index);
    if (node === undefined) return;
    try {
      const held = await this.drive(node.alerts.issue(stormNotice(clock.nowMs(), ALERT_HOURS)));
      this.alerts.set(held.id, held.authorHex);
      node.exchange.alerts.publish(held);
    } catch (error) {
      if (!FORESEEN.some((code) => isAgentError(error, code))) throw error;
    }
  }

  /** Houses that lack an alert, in words. */
  unwarned(): string[] {
    if (!this.alertsCount) return [];
    const due = [...this.alerts].filter(([, author]) => !this.restored.has(author));
    return this.village.houses.flatMap(({ index, node }) =>
      due
        .filter(([id]) => node?.alerts.find(id) === undefined)
        .map(([id]) => `house ${index} does not know of alert ${id}`),
    );
  }

  /** Somebody wants a file of another house, one of those that can be asked. */
  async wish(house: number, which: number): Promise<void> {
    const files = this.promised.filter(
      ({ house: other, author }) => other !== house && !this.restored.has(author) && this.#reaches(house, other),
    );
    const file = files[which % Math.max(files.length, 1)];
    if (file !== undefined) this.wishes.push({ house, file });
    await this.askForWishes();
  }

  /** What has not come yet, for people. To be driven. */
  async unfulfilled(): Promise<string[]> {
    const lacking: string[] = [];
    for (const { house, file } of this.due()) {
      const { node } = this.house(house);
      if (node === undefined || (await holds(node.shard, file))) continue;
      const row = (await node.shard.resolve(file.name)).find(({ author }) => author === file.author);
      const transfer = row === undefined ? undefined : await node.exchange.fetch(row);
      const { state = "unknown here", wanted = 0, packets = 0 } = transfer?.report() ?? {};
      lacking.push(
        `house ${house} lacks ${file.name} (${file.content.length} bytes) of house ${file.house}: ${state}, ${wanted} wanted after ${packets} packets`,
      );
    }
    return lacking;
  }

  /** Asks for what is wanted and neither here nor under way. True when nothing is wanted any more. */
  async askForWishes(): Promise<boolean> {
    let fulfilled = true;
    for (const { house, file } of this.due()) {
      const { node } = this.house(house);
      if (node === undefined) fulfilled = false;
      else if (!(await holds(node.shard, file))) {
        fulfilled = false;
        const rows = await node.shard.resolve(file.name);
        const row = rows.find(({ author }) => author === file.author);
        if (row !== undefined) await this.drive(node.exchange.fetch(row));
      }
    }
    return fulfilled;
  }

  /** True when all machines are up, all logs equal, and all wishes fulfilled. */
  async isWell(): Promise<boolean> {
    const fulfilled = await this.askForWishes();
    return (
      fulfilled &&
      this.village.houses.every(({ node }) => node !== undefined) &&
      this.behind().length === 0 &&
      this.unwarned().length === 0
    );
  }

  /** Houses that lack entries of an author who never contradicted itself. */
  behind(): House[] {
    const whole = new Map<string, number>();
    for (const { node } of this.village.houses) {
      const own = node?.shard.author.id;
      if (node === undefined || own === undefined || this.restored.has(toHex(own))) continue;
      whole.set(toHex(own), node.shard.count(toHex(own)));
    }
    return this.village.houses.filter(({ node }) => {
      if (node === undefined) return true;
      return [...whole].some(([author, count]) => node.shard.count(author) !== count);
    });
  }

  /** Wishes that can be fulfilled: who came back from a backup may have lost for good what others wanted of it. */
  due(): Wish[] {
    return this.wishes.filter(({ file }) => !this.restored.has(file.author));
  }

  #book({ station, relayed, atMs, airtimeUs }: SentPacket): void {
    if (relayed) return;
    const sent = this.sent.get(station);
    if (sent === undefined) this.sent.set(station, [{ atMs, airtimeUs }]);
    else sent.push({ atMs, airtimeUs });
  }
}

/** True when the file's content is whole at this shard. */
export async function holds(shard: Shard, { cid }: Promised): Promise<boolean> {
  return (await shard.readFile(refOf(cid))) !== undefined;
}

/** Entries by author (hex). */
export function countsOf(shard: Shard): Map<string, number> {
  return new Map(shard.vector().map(({ author, count }) => [toHex(author), count]));
}
