/** The scenario `private-village`. @module */
import { villageTools } from "../../dag/authority.ts";
import { Membership } from "../../dag/membership.ts";
import { decodeStatementFile, encodeRequest } from "../../dag/statement-file.ts";
import { authorityOf } from "../../dag/statement.ts";
import { groupKey } from "../../exchange/sealed-box.ts";
import { fromHex, toHex } from "../../kernel/bytes.ts";
import type { InvariantReport, ScenarioOptions, ScenarioReport } from "../../kernel/simulation.ts";
import { PRIVATE_APP } from "../../ports/modem.ts";
import { fileName } from "../scenario-files.ts";
import { reportOf, type Scenario, type Watcher } from "../scenario-types.ts";
import { seededRandom, type SeededRandom } from "../seeded-random.ts";
import type { SimNode } from "../sim-node.ts";
import { SimVillage } from "../sim-village.ts";
import { fullMesh, nodeNumber } from "../topology.ts";

const HOUR_MS = 3_600_000;
const YEAR_S = 365 * 86_400;
const FILE_BYTES = 300;

export const PRIVATE_VILLAGE: Scenario = {
  name: "private-village",
  about:
    "A village with an authority and a group key, beside it one house without the key; one member is revoked, and writes on.",
  takes: ["nodes", "lossRatio"],
  defaults: { nodes: 6, entries: 1, lossRatio: 0.1, symbols: 1, seed: 1, limitMs: 24 * HOUR_MS },
  run,
};

/** The desk keeps the authority's key; the last house but one will be revoked; the last one never belonged. */
interface Cast {
  readonly desk: SimNode;
  readonly members: readonly SimNode[];
  readonly revoked: SimNode;
  readonly outsider: SimNode;
}

async function run(options: ScenarioOptions, watcher: Watcher): Promise<ScenarioReport> {
  const { nodes, lossRatio, seed, limitMs } = options;
  const count = Math.max(nodes, 4);
  const random = seededRandom(`${seed}/private`);
  const tools = villageTools(random);
  const { file: keyFile, authority: hex } = tools.createAuthority(undefined);
  const authority = authorityOf(fromHex(hex) ?? new Uint8Array(0));
  if (authority === undefined) throw new Error("an authority that can't be configured: a fault of ours");
  const key = groupKey(1, random.bytes(32));
  const memberships: Membership[] = [];
  const cell = { preset: "LongFast", region: "US", hopLimit: 0, share: 0.5 } as const;
  await using village = await SimVillage.open({
    seed,
    count,
    links: fullMesh(count, lossRatio),
    ...cell,
    extras: async (index, { store, clock }) => {
      if (index === count - 1) return {};
      const gate = await Membership.open({ store, clock, authority, strangers: "refuse" });
      memberships[index] = gate;
      return { gate, groupKeys: [key] };
    },
  });
  village.onSent(watcher);
  const plain = plainPackets(village, nodeNumber(count - 1));
  const cast = castOf(village.nodes);
  const nowS = Math.floor(village.clock.nowMs() / 1000);
  const authorityKey = { file: keyFile, passphrase: undefined };
  const certificates = [...cast.members, cast.revoked].map((node, i) =>
    entryOf(tools.enrol(authorityKey, requestOf(node), nowS + i, nowS + YEAR_S).file),
  );
  await enrol(cast.desk, memberships, certificates);
  village.start();
  const startMs = village.clock.monotonicMs();
  const enrolled = [...cast.members, cast.revoked];
  await putEach([...enrolled, cast.outsider], random);
  const know = (writers: readonly SimNode[], readers: readonly SimNode[]) => (): boolean =>
    readers.every(({ shard }) => writers.every(({ shard: own }) => shard.count(idOf(own)) === own.count(idOf(own))));
  const first = await village.runUntil(know(enrolled, enrolled), limitMs);
  const revokedHad = cast.revoked.shard.count(idOf(cast.revoked.shard));
  await state(cast.desk, memberships, entryOf(tools.revoke(authorityKey, [nowS + cast.members.length], 1)));
  const told = await village.runUntil(
    () => cast.members.every((_, i) => memberships[i]?.revocationNumber() === 1),
    limitMs,
  );
  await putEach([...enrolled, cast.outsider], random);
  const second = await village.runUntil(know(cast.members, cast.members), limitMs);
  // Time enough for what should not come through to come through.
  await village.clock.advance(HOUR_MS);
  village.check();
  const complete = first && told && second;
  const invariants: readonly InvariantReport[] = [
    {
      name: "converged",
      held: complete,
      detail: `${cast.members.length} members and one that was revoked${complete ? "" : ": some lack entries"}`,
    },
    keptPrivate(cast, plain()),
    revokedWritesToNobody(cast, revokedHad),
  ];
  return reportOf(village, { scenario: PRIVATE_VILLAGE.name, options, startMs, boundMs: null, complete, invariants });
}

function castOf(nodes: readonly SimNode[]): Cast {
  const [outsider, revoked] = nodes.toReversed();
  const members = nodes.slice(0, -2);
  const [desk] = members;
  if (desk === undefined || revoked === undefined || outsider === undefined) throw new Error("too few houses");
  return { desk, members, revoked, outsider };
}

/** How many packets of ours went over the air unsealed, the outsider's own apart. */
function plainPackets(village: SimVillage, outsider: number): () => number {
  let plain = 0;
  village.onSent(({ type, port, from }) => {
    if (from !== outsider && port === PRIVATE_APP && type !== "sealed") plain++;
  });
  return () => plain;
}

/** By hand each gets the desk's certificate and its own, as a file; the desk's log tells all the others. */
async function enrol(desk: SimNode, memberships: readonly Membership[], certificates: readonly Uint8Array[]) {
  const [first] = certificates;
  for (const [i, membership] of memberships.entries()) {
    const own = certificates[i];
    if (first === undefined || own === undefined) throw new Error("who is enrolled has a certificate");
    await membership.take(first);
    await membership.take(own);
  }
  for (const entry of certificates) await state(desk, memberships, entry);
}

async function state(desk: SimNode, [membership]: readonly Membership[], entry: Uint8Array): Promise<void> {
  await membership?.take(entry);
  await desk.shard.putStatement(entry);
  desk.exchange.announce();
}

async function putEach(nodes: readonly SimNode[], random: SeededRandom): Promise<void> {
  for (const node of nodes) await node.put(fileName(random, random.word() % 100_000), random.bytes(FILE_BYTES));
}

function keptPrivate({ members, revoked, outsider }: Cast, plain: number): InvariantReport {
  const inside = [...members, revoked];
  const known = outsider.shard.vector().length;
  const strangers = inside.filter(({ shard }) => shard.count(idOf(outsider.shard)) > 0).length;
  const held = plain === 0 && known === 1 && strangers === 0;
  const detail = `${plain} packets in plain; the outsider knows ${known - 1} of us, ${strangers} of us know it`;
  return { name: "kept private", held, detail };
}

function revokedWritesToNobody({ members, revoked }: Cast, had: number): InvariantReport {
  const id = idOf(revoked.shard);
  const own = revoked.shard.count(id);
  const counts = members.map(({ shard }) => shard.count(id));
  const held = own > had && counts.every((count) => count === had);
  return { name: "revoked", held, detail: `of its ${own} entries ${counts.join(", ")} are known; ${had} were before` };
}

function requestOf({ shard: { author }, name }: SimNode): Uint8Array {
  return encodeRequest({ radio: 1, mlDsaFingerprint: author.mlDsa.fingerprint, name }, author);
}

function entryOf(file: Uint8Array): Uint8Array {
  const statement = decodeStatementFile(file);
  if (!statement.ok) throw new Error(`the authority's own file: ${statement.reason}`);
  return statement.value.entry;
}

function idOf({ author }: SimNode["shard"]): string {
  return toHex(author.id);
}
