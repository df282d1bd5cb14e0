/**
 * The laws that must hold at the end of every run, whatever has happened in it. Each says what it looked at.
 * @module
 */
import { refOf, rootOf } from "../dag/block-ref.ts";
import type { Shard } from "../dag/shard.ts";
import { describeError } from "../kernel/errors.ts";
import { equalBytes, toHex } from "../kernel/bytes.ts";
import type { InvariantReport } from "../kernel/simulation.ts";
import { MAX_WAITING_FRAMES } from "../radio/scheduler.ts";
import type { Ratio } from "../radio/region.ts";
import type { SimNode } from "./sim-node.ts";
import { countsOf, holds, type StoryVillage } from "./story-village.ts";

const HOUR_MS = 3_600_000;
/** A cell of more can't share the air. */
const MAX_NEIGHBOURS = 256;
const MAX_PENDING = 4_096;
/** Who waits for the clock, a house: a loop or two for each service and each of its queues. */
const MAX_SLEEPERS = 64;

export interface LawOfTheAir {
  /** The region's, of an hour. */
  readonly dutyCycle: Ratio;
  /** Our part of that. */
  readonly share: Ratio;
}

export async function invariantsOf(
  story: StoryVillage,
  well: boolean,
  law: LawOfTheAir,
): Promise<readonly InvariantReport[]> {
  return [
    await converged(story, well),
    await acknowledged(story),
    await logsArePrefixes(story),
    await nothingForged(story),
    ...(story.sides.length === 0 ? [] : [await reaches(story)]),
    alertsAreKnown(story),
    airIsLawful(story, law),
    noFailures(story),
    {
      name: "bounded",
      held: story.overgrown.length === 0,
      detail: story.overgrown[0] ?? "queues, tables and sleepers",
    },
  ];
}

function report(name: string, faults: readonly string[], looked: string): InvariantReport {
  const [first] = faults;
  if (first === undefined) return { name, held: true, detail: looked };
  return { name, held: false, detail: faults.length === 1 ? first : `${first}; and ${faults.length - 1} more` };
}

/** All houses hold all entries, and whoever wanted a file has it. */
async function converged(story: StoryVillage, well: boolean): Promise<InvariantReport> {
  const looked = `${story.village.houses.length} houses, ${story.wishes.length} wanted files`;
  if (well) return report("converged", [], looked);
  const behind = story
    .behind()
    .map(({ index, node }) => `house ${index} ${node === undefined ? "is down" : "lacks entries"}`);
  return report(
    "converged",
    [...behind, ...story.unwarned(), ...(await story.unfulfilled()), "all came too late"],
    looked,
  );
}

/** What was written in one of two villages is known in all of the other, and who wanted a file from there has it. */
async function reaches(story: StoryVillage): Promise<InvariantReport> {
  const { sides, village, restored } = story;
  const crosses = (a: number, b: number): boolean =>
    sides[a] !== undefined && sides[b] !== undefined && sides[a] !== sides[b];
  const faults: string[] = [];
  let files = 0;
  const written = story.promised.filter(({ house, author }) => sides[house] !== undefined && !restored.has(author));
  for (const { house, author, name, seq } of written) {
    const others = village.houses.filter(({ index }) => crosses(house, index));
    for (const { index, node } of others)
      if ((node?.shard.count(author) ?? 0) < seq)
        faults.push(`house ${index} never heard of ${name} in the other village`);
  }
  for (const { house, file } of story.due().filter(({ house: asker, file: of }) => crosses(asker, of.house))) {
    const { node } = story.house(house);
    if (node !== undefined && (await holds(node.shard, file))) files++;
    else faults.push(`house ${house} never got ${file.name} from the other village`);
  }
  return report("reaches", faults, `${written.length} entries known in both villages, ${files} wanted files carried`);
}

/** What was acknowledged is at its house, whatever it has been through, and in every log that has come as far. */
async function acknowledged(story: StoryVillage): Promise<InvariantReport> {
  const faults: string[] = [];
  const kept = story.promised.filter(({ author }) => !story.restored.has(author));
  for (const { house, author, name, content, cid, seq, entry } of kept) {
    const { node } = story.house(house);
    // Damaged is lost, too.
    const own = await node?.shard.readFile(refOf(cid)).catch(() => undefined);
    if (own === undefined || !equalBytes(own, content)) faults.push(`house ${house} has lost ${name}`);
    for (const { index, node: other } of story.village.houses) {
      if (other === undefined || other.shard.count(author) < seq) continue;
      const [held] = (await other.shard.entries(idOf(author), seq, 1)).entries;
      if (held === undefined || !equalBytes(held, entry)) faults.push(`house ${index} has another entry for ${name}`);
    }
  }
  return report("acknowledged", faults, `${kept.length} files`);
}

/** Each log that a house holds of another begins as the author's own, and is signed. */
async function logsArePrefixes(story: StoryVillage): Promise<InvariantReport> {
  const faults: string[] = [];
  let logs = 0;
  for (const author of story.village.nodes) {
    const id = toHex(author.shard.author.id);
    if (story.restored.has(id)) continue;
    const truth = await logOf(author.shard, id);
    for (const node of story.village.nodes) {
      logs++;
      const held = await logOf(node.shard, id);
      const wrong = held.findIndex((entry, i) => !equalBytes(entry, truth[i] ?? new Uint8Array(0)));
      if (wrong >= 0) faults.push(`${node.name} holds an entry ${wrong + 1} that ${author.name} did not write`);
      const { count, verified } = await node.shard.verifyLog(author.shard.author.id);
      if (verified !== count)
        faults.push(`${node.name} holds ${count - verified} unverified entries of ${author.name}`);
    }
  }
  return report("logs are prefixes", faults, `${logs} logs`);
}

/** Nobody knows an author who does not live here, and every block that counts as held is what its hash says. */
async function nothingForged(story: StoryVillage): Promise<InvariantReport> {
  const faults: string[] = [];
  const authors = new Set(story.village.nodes.map(({ shard }) => toHex(shard.author.id)));
  let files = 0;
  for (const node of story.village.nodes) {
    for (const id of countsOf(node.shard).keys())
      if (!authors.has(id)) faults.push(`${node.name} believes in author ${id}`);
    const flaw = await flawOfFiles(node);
    files += flaw.files;
    if (flaw.text !== undefined) faults.push(`${node.name}: ${flaw.text}`);
  }
  return report("nothing forged", faults, `${files} files`);
}

async function flawOfFiles({ shard }: SimNode): Promise<{ files: number; text: string | undefined }> {
  let files = 0;
  for await (const row of shard.files()) {
    const { held, name } = row;
    if (!held) continue;
    files++;
    try {
      if ((await shard.readFile(rootOf(row))) === undefined)
        return { files, text: `${name} counts as held, and is not there` };
    } catch (error) {
      return { files, text: `${name}: ${describeError(error)}` };
    }
  }
  return { files, text: undefined };
}

/** Every alert is at every house, and no house holds one that nobody sent. */
function alertsAreKnown(story: StoryVillage): InvariantReport {
  const invented = story.village.nodes.flatMap(({ name, alerts }) =>
    alerts
      .list()
      .filter(({ id, authorHex }) => !story.alerts.has(id) && !story.restored.has(authorHex))
      .map(({ id }) => `${name} holds alert ${id}, which nobody sent`),
  );
  return report("alerts are known", [...story.unwarned(), ...invented], `${story.alerts.size} alerts`);
}

/**
 * In no rolling hour did an agent send more than the law allows; nor more than its share of that, but where a full disk, a
 * backup or a clock that jumped has taken the book of the last hour from it.
 */
function airIsLawful({ sent, village, troubled }: StoryVillage, { dutyCycle, share }: LawOfTheAir): InvariantReport {
  const lawUs = HOUR_MS * 1000 * dutyCycle;
  let most = 0;
  const faults: string[] = [];
  for (const { index, number } of village.houses) {
    const busiestUs = busiestHourUs(sent.get(number) ?? []);
    most = Math.max(most, busiestUs);
    const allowedUs = troubled.has(index) ? lawUs : lawUs * share;
    if (busiestUs <= allowedUs) continue;
    faults.push(`house ${index} sent ${seconds(busiestUs)} in an hour, of ${seconds(allowedUs)}`);
  }
  return report("air is lawful", faults, `at most ${seconds(most)} of ${seconds(lawUs * share)} in an hour`);
}

function seconds(us: number): string {
  return `${(us / 1e6).toFixed(1)} s`;
}

/** @param sent in the order of time */
function busiestHourUs(sent: readonly { readonly atMs: number; readonly airtimeUs: number }[]): number {
  let [first, sum, most] = [0, 0, 0];
  for (const { atMs, airtimeUs } of sent) {
    sum += airtimeUs;
    for (let old = sent[first]; old !== undefined && old.atMs <= atMs - HOUR_MS; old = sent[++first])
      sum -= old.airtimeUs;
    most = Math.max(most, sum);
  }
  return most;
}

/** Nothing went wrong inside an agent that had nothing to complain of. */
function noFailures(story: StoryVillage): InvariantReport {
  const faults = story.village.houses.flatMap(({ index, failures }) =>
    failures === 0 || story.wasFull.has(index) ? [] : [`house ${index}: ${failures} failures`],
  );
  return report("no failures", [...story.mishaps, ...faults], `${story.village.houses.length} agents`);
}

/** To be called now and then: notes what has grown beyond its bound. */
export function watchGrowth({ village, overgrown }: StoryVillage): void {
  for (const { scheduler, exchange, shard, name } of village.nodes) {
    const sizes: readonly (readonly [what: string, size: number, most: number])[] = [
      ["frames wait", scheduler.status().queued, MAX_WAITING_FRAMES],
      ["neighbours", exchange.neighbours().length, MAX_NEIGHBOURS],
      ["entries pending", shard.stats().pending, MAX_PENDING],
    ];
    for (const [what, size, most] of sizes) if (size > most) overgrown.push(`${name}: ${size} ${what}`);
  }
  const sleeping = village.clock.sleeping / (village.houses.length + 1);
  if (sleeping > MAX_SLEEPERS) overgrown.push(`${village.clock.sleeping} wait for the clock`);
}

async function logOf(shard: Shard, author: string): Promise<readonly Uint8Array[]> {
  const count = shard.count(author);
  if (count === 0) return [];
  const entries: Uint8Array[] = [];
  while (entries.length < count) {
    const run = await shard.entries(idOf(author), entries.length + 1, count - entries.length);
    if (run.entries.length === 0) break;
    entries.push(...run.entries);
  }
  return entries;
}

function idOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}
