/**
 * Writes a node's card. Nothing is formatted; what is there already is kept; another node's card is left alone.
 *
 * The power may fail between any two writes. `user-data` is written last, and the sums of all files before it: so the node
 * starts from the card as it was, or as it was meant, or finds that the sums do not hold and says so.
 * @module
 */
import { equalBytes, fromUtf8, type Bytes } from "../kernel/bytes.ts";
import { AgentError, systemCode } from "../kernel/errors.ts";
import type { CardFile, CardReport, CardRequest } from "../kernel/provision.ts";
import type { Machine } from "../ports/machine.ts";
import { planCard, type CardFileWanted, type CardParts, type CardPlan } from "./card-files.ts";
import { collision } from "./card-firmware.ts";
import { mustBePlain } from "./card-plain.ts";
import { wishFor } from "./card-wish.ts";
import { parseOrder } from "./order.ts";

/** Left free: for what the node writes there. */
const SPARE_BYTES = 4 * 1_048_576;
const MAX_FLEET_BYTES = 1_048_576;
const RESULTS = ["PROVISION-OK.txt", "PROVISION-FAILED.txt", "caye/node-card.txt", "caye/node-card.svg"];
const EXCHANGED = ["caye/requests", "caye/certificates"];
/** What of ours is secret, and versions of packages; also a draft of any file, left by a card that was pulled out. */
const OURS = /\.deb(?:\.manifest)?$|\/secrets\.toml$|\/ansible\.tar\.gz$|\/\.[^/]+\.new$/;
const NETWORK_DRAFT = ".network-config.new";

/** @throws AgentError "CARD_REFUSED", "CARD_SPACE", "CARD_UNWRITABLE", "NODE_UNKNOWN", and those of `planCard` */
export async function writeCard(
  parts: CardParts,
  request: CardRequest,
  tell: (what: string) => void,
): Promise<CardReport> {
  const { machine } = parts;
  const { directory } = request;
  await mustBeCard(machine, request);
  const wished = wishFor(await fleetText(machine, request), request.wishes);
  const plan = await planCard(parts, wished, {
    configTxt: await textAt(machine, `${directory}/config.txt`),
    cmdline: await textAt(machine, `${directory}/cmdline.txt`),
    metaData: await textAt(machine, `${directory}/meta-data`),
  });
  const clash = collision(plan.order, await textAt(machine, `${directory}/config.txt`));
  if (clash !== undefined) {
    throw new AgentError("CARD_REFUSED", clash, {
      fix: "use a LoRa hat on the first chip select, a radio on USB, or tpm = software",
    });
  }
  const other = await nodeBefore(machine, directory);
  const isOthers = other !== undefined && other !== plan.order.node.name;
  if (!request.replace) await mustBeOurs(machine, request, plan, other);
  const rows = await comparedRows(machine, directory, plan);
  const gone = await toRemove(machine, directory, plan, { isChanged: rows.some(isChange), isOthers });
  const removed = gone.map((path): CardFile => ({ path, bytes: 0, change: "removed" }));
  const changes = rows.filter(isChange);
  const writes = !request.dryRun && (changes.length > 0 || removed.length > 0);
  if (writes) {
    await mustFit(machine, directory, changes);
    await write(machine, directory, { gone, plan, changes }, tell);
  }
  return {
    node: plan.order.node.name,
    hostname: plan.hostname,
    directory,
    instance_id: plan.instanceId,
    files: [...removed, ...rows],
    notes: plan.notes,
    written: writes,
  };
}

function isChange({ change }: CardFile): boolean {
  return change !== "same";
}

async function fleetText(machine: Machine, { fleet, node }: CardRequest) {
  if (fleet === undefined && node === undefined) return undefined;
  if (fleet === undefined || node === undefined) {
    throw new AgentError("USAGE", "--fleet and --node belong together", {
      fix: "caye provision card DIR --fleet fleet.toml --node clinic-roof",
    });
  }
  const bytes = await machine.read(fleet, MAX_FLEET_BYTES);
  const text = bytes && fromUtf8(bytes);
  if (text === undefined) throw new AgentError("FILE_UNREADABLE", `${fleet}: there is no such text file`);
  return { file: fleet, text, node };
}

async function mustBeCard(machine: Machine, { directory, forceDirectory }: CardRequest): Promise<void> {
  if ((await machine.status(directory))?.kind !== "directory") {
    throw new AgentError("CARD_REFUSED", `${directory} is no directory`, {
      fix: "put the card into the reader, and name where its boot partition is mounted",
    });
  }
  await mustBePlain(machine, directory);
  if (forceDirectory || (await looksLikePi(machine, directory))) return;
  throw new AgentError("CARD_REFUSED", `${directory} does not look like the boot partition of a Raspberry Pi`, {
    fix: "it has config.txt and overlays; if it is the right directory all the same: --force-directory",
  });
}

export async function looksLikePi(machine: Machine, directory: string): Promise<boolean> {
  const has = async (name: string): Promise<boolean> => (await machine.status(`${directory}/${name}`)) !== undefined;
  // Of an image with two systems, the partition that chooses between them.
  if (await has("autoboot.txt")) return true;
  return (
    (await has("config.txt")) && ((await has("cmdline.txt")) || (await has("overlays")) || (await has("boot.img")))
  );
}

/** Whose card it is by its order; undefined when it has none that can be read. */
async function nodeBefore(machine: Machine, directory: string): Promise<string | undefined> {
  const text = await textAt(machine, `${directory}/caye/order.toml`);
  try {
    return text === "" ? undefined : parseOrder(text).node.name;
  } catch {
    return undefined;
  }
}

async function mustBeOurs(
  machine: Machine,
  { directory }: CardRequest,
  { order }: CardPlan,
  other: string | undefined,
): Promise<void> {
  const fix = "take another card, or replace what stands there: --replace";
  if (other !== undefined && other !== order.node.name) {
    throw new AgentError("CARD_REFUSED", `this is the card of ${other}, not of ${order.node.name}`, { fix });
  }
  const userData = await textAt(machine, `${directory}/user-data`);
  const says = userData.split("\n").some((line) => line.trim() !== "" && !line.trim().startsWith("#"));
  if (says && !userData.includes("caye provision card")) {
    throw new AgentError("CARD_REFUSED", "the card has a user-data of its own, which Caye did not write", { fix });
  }
}

async function comparedRows(machine: Machine, directory: string, { files }: CardPlan): Promise<readonly CardFile[]> {
  const rows: CardFile[] = [];
  for (const { path, bytes } of files) {
    rows.push({ path, bytes: bytes.length, change: await changeOf(machine, `${directory}/${path}`, bytes) });
  }
  return rows;
}

async function changeOf(machine: Machine, path: string, bytes: Bytes): Promise<CardFile["change"]> {
  const there = await machine.status(path);
  if (there === undefined) return "new";
  if (there.bytes !== bytes.length) return "changed";
  const before = await machine.read(path, bytes.length + 1);
  return before !== undefined && equalBytes(before, bytes) ? "same" : "changed";
}

/** Other versions of the package, secrets that are no more; results of a start before this; another node's papers. */
async function toRemove(
  machine: Machine,
  directory: string,
  { files }: CardPlan,
  { isChanged, isOthers }: { readonly isChanged: boolean; readonly isOthers: boolean },
): Promise<readonly string[]> {
  const kept = new Set(files.map(({ path }) => path));
  const names = (await machine.list(`${directory}/caye`)).map((name) => `caye/${name}`);
  const keys = (await machine.list(`${directory}/caye/release-keys`)).map((name) => `caye/release-keys/${name}`);
  const ours = [...names.filter((path) => OURS.test(path)), ...keys, NETWORK_DRAFT];
  const isThere = async (path: string): Promise<boolean> =>
    (await machine.status(`${directory}/${path}`)) !== undefined;
  const stale: string[] = [];
  for (const path of ours) if (!kept.has(path) && (await isThere(path))) stale.push(path);
  const candidates = [...(isChanged || stale.length > 0 ? RESULTS : []), ...stale, ...(isOthers ? EXCHANGED : [])];
  const gone: string[] = [];
  for (const path of candidates) if (await isThere(path)) gone.push(path);
  return gone;
}

async function mustFit(machine: Machine, directory: string, changes: readonly CardFile[]): Promise<void> {
  const free = await machine.freeBytes(directory);
  // A new file stands beside the old one until it takes its place.
  const needed = changes.reduce((sum, { bytes }) => sum + bytes, SPARE_BYTES);
  if (free === undefined || free >= needed) return;
  throw new AgentError("CARD_SPACE", `${directory} has ${free} bytes free, and ${needed} are needed`, {
    fix: "take the package with a smaller card's image, or remove what is not needed from the boot partition",
  });
}

interface Work {
  readonly gone: readonly string[];
  readonly plan: CardPlan;
  readonly changes: readonly CardFile[];
}

async function write(
  machine: Machine,
  directory: string,
  { gone, plan, changes }: Work,
  tell: (what: string) => void,
): Promise<void> {
  const changed = new Set(changes.map(({ path }) => path));
  const wanted: readonly CardFileWanted[] = plan.files.filter(({ path }) => changed.has(path));
  try {
    for (const path of gone) await machine.remove(`${directory}/${path}`);
    for (const { path, bytes } of wanted) {
      tell(`writing ${path}`);
      await machine.write(`${directory}/${path}`, bytes);
    }
  } catch (cause) {
    const reasons: Readonly<Record<string, string>> = {
      ENOSPC: "the card is full",
      EROFS: "the card is read-only: look at its lock switch",
      EACCES: "this user may not write there",
      EIO: "the card or its reader fails",
    };
    const reason = reasons[systemCode(cause) ?? ""] ?? "it can't be written";
    throw new AgentError("CARD_UNWRITABLE", `${directory}: ${reason}`, {
      cause,
      fix: "then run the same command again: it goes on where it was",
    });
  }
}

async function textAt(machine: Machine, path: string): Promise<string> {
  const bytes = (await machine.read(path)) ?? new Uint8Array();
  return fromUtf8(bytes) ?? "";
}
