/** All that a card carries, made from what is wanted of its node: names and bytes, in the order in which they are written. @module */
import { createHash } from "node:crypto";
import { parse as parseToml, stringify } from "smol-toml";
import { parseConfig } from "../config/parse.ts";
import { fromUtf8, toHex, utf8, type Bytes } from "../kernel/bytes.ts";
import type { Decoded } from "../kernel/decoded.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Machine } from "../ports/machine.ts";
import { withBlock, withCountry } from "./card-firmware.ts";
import { channelsIn } from "./channel-url.ts";
import { hostnameFor, orderFor, SSH_KEY, type CardWish, type Wished } from "./card-wish.ts";
import { instanceIdFor, metaData, networkConfig, userData, type CloudInit } from "./cloud-init.ts";
import { orderFile, parseSecrets, secretsFile, type Order, type Secrets } from "./order.ts";

/** Where bootstrap puts the group key; only the agent may read it. */
const GROUP_KEY_FILE = "/etc/caye/group.key";
const MAX_PACKAGE_BYTES = 256 * 1_048_576;
const MAX_ANSIBLE_BYTES = 16 * 1_048_576;
const MAX_SMALL_BYTES = 262_144;
export const SUMS = "caye/SHA256SUMS";

export interface CardFileWanted {
  /** From the card's root. */
  readonly path: string;
  readonly bytes: Bytes;
}

export interface PackageVerdict {
  readonly version: string;
  readonly arch: string;
}

export interface CardParts {
  readonly machine: Machine;
  /** The script that cloud-init starts. */
  firstBoot(): Promise<Bytes>;
  /** Whether a package is what its manifest says, and that is signed by one of the keys. */
  judgePackage(
    name: string,
    bytes: Uint8Array,
    manifest: Uint8Array,
    keys: readonly Uint8Array[],
  ): Decoded<PackageVerdict>;
}

/** What the card has now, of what is not ours alone. Empty where it has none. */
export interface CardBefore {
  readonly configTxt: string;
  readonly cmdline: string;
  readonly metaData: string;
}

export interface CardPlan {
  readonly order: Order;
  readonly hostname: string;
  readonly instanceId: string;
  readonly files: readonly CardFileWanted[];
  readonly notes: readonly string[];
}

/** @throws AgentError "ORDER_INVALID", "CONFIG_INVALID", "FILE_UNREADABLE", "PACKAGE_REFUSED" */
export async function planCard(parts: CardParts, wished: Wished, before: CardBefore): Promise<CardPlan> {
  const { machine } = parts;
  const { wish } = wished;
  const order = orderFor(wished);
  const secrets = await secretsOf(machine, wish);
  mustAgree(order, secrets);
  const cloud = await cloudInitOf(machine, wish, order);
  const { hostname } = cloud;
  const hasSecrets = secrets.channel_url !== "" || secrets.group_key !== "";
  const body: CardFileWanted[] = [
    { path: "caye/first-boot.sh", bytes: await parts.firstBoot() },
    { path: "caye/caye.toml", bytes: utf8(await nodeConfig(machine, wish, order, secrets)) },
    { path: "caye/order.toml", bytes: utf8(orderFile(order)) },
    ...(hasSecrets ? [{ path: "caye/secrets.toml", bytes: utf8(secretsFile(secrets)) }] : []),
    { path: "caye/network-config.after", bytes: utf8(networkConfig(cloud.wifi, false)) },
    ...(await packageFiles(parts, wish)),
    ...(await extras(machine, wish)),
  ];
  const network = { path: "network-config", bytes: utf8(networkConfig(cloud.wifi)) };
  const user = { path: "user-data", bytes: utf8(userData(cloud)) };
  const contents = [...body, network, user].map(({ path, bytes }) => [path, bytes] as const);
  const instanceId = instanceIdFor(hostname, before.metaData, contents);
  const meta = { path: "meta-data", bytes: utf8(metaData(instanceId, hostname)) };
  const sums = { path: SUMS, bytes: utf8(sumsOf([...body, network, meta, user])) };
  // user-data last: without it nothing of this begins, and the sums tell of a card that was not written to its end.
  const files = [...body, sums, ...firmwareFiles(wish, order, before), network, meta, user];
  const notes = [...notesOn(wish, order, before, cloud), ...notesOnMachine(body, before)];
  return { order, hostname, instanceId, files, notes };
}

/** The radio would be set by the one, and the law kept by the other. */
function mustAgree({ radio }: Order, { channel_url: url }: Secrets): void {
  const region = channelsIn(url)?.modem?.region;
  if (region === undefined || region === radio.region) return;
  throw new AgentError(
    "ORDER_INVALID",
    `the channel URL is of a radio in region ${region}, the order says ${radio.region}`,
    {
      fix: "share the channels anew from a radio of that region, or order the other one",
    },
  );
}

function firmwareFiles(wish: CardWish, order: Order, { configTxt, cmdline }: CardBefore): readonly CardFileWanted[] {
  const chargesRtc = wish.rtc_battery === "rechargeable";
  return [
    ...(configTxt === "" ? [] : [{ path: "config.txt", bytes: utf8(withBlock(configTxt, { order, chargesRtc })) }]),
    ...(cmdline === "" || wish.country === undefined
      ? []
      : [{ path: "cmdline.txt", bytes: utf8(withCountry(cmdline, wish.country)) }]),
  ];
}

function notesOn(wish: CardWish, order: Order, { configTxt }: CardBefore, { login }: CloudInit): readonly string[] {
  return [
    ...(login.keys.length === 0 ? ["no SSH key: nobody can log in to this node over the network"] : []),
    ...(wish.package === undefined ? ["no package: the image on this card must have Caye already"] : []),
    ...(configTxt === "" ? ["there is no config.txt here: overlays for hats were not set"] : []),
    ...(order.trust.tpm === "chip" && order.radio.kind === "spi" && order.radio.hat === "auto"
      ? ["a TPM hat needs GPIO 7 to itself: look whether the LoRa hat leaves it free"]
      : []),
    ...(wish.authority === undefined && wish.config === undefined
      ? ["no authority: this node takes every author for as good as another"]
      : []),
  ];
}

/** `npm run package` makes both, and only a Pi has a config.txt. */
function notesOnMachine(body: readonly CardFileWanted[], { configTxt }: CardBefore): readonly string[] {
  const isForPc = body.some(({ path }) => path.endsWith("_amd64.deb"));
  return isForPc && configTxt !== ""
    ? [
        "the package is for a PC (amd64), and this card is for a Raspberry Pi, which takes the one that ends in _arm64.deb",
      ]
    : [];
}

/** As `sha256sum -c` reads it. */
function sumsOf(files: readonly CardFileWanted[]): string {
  return files
    .map(({ path, bytes }) => `${toHex(new Uint8Array(createHash("sha256").update(bytes).digest()))}  ${path}\n`)
    .join("");
}

async function cloudInitOf(machine: Machine, wish: CardWish, order: Order): Promise<CloudInit> {
  const { wifi: ssid, country, user = "operator", ssh_keys = [], ssh_key_files = [] } = wish;
  if (ssid !== undefined && country === undefined) {
    throw new AgentError("ORDER_INVALID", "Wi-Fi needs the country whose law it keeps", { fix: "--country BZ" });
  }
  const keys = [...ssh_keys];
  for (const file of ssh_key_files) keys.push(...(await publicKeysIn(machine, file)));
  const password = wish.wifi_password_file === undefined ? "" : await readText(machine, wish.wifi_password_file);
  return {
    hostname: hostnameFor(wish),
    timezone: order.node.timezone,
    login: { user, keys },
    wifi:
      ssid === undefined || country === undefined
        ? undefined
        : { ssid, country, password: password.replace(/\r?\n$/, "") },
  };
}

/** The private half lies beside the public one, and anybody may read what a card carries: nothing of it is quoted. */
async function publicKeysIn(machine: Machine, file: string): Promise<readonly string[]> {
  const lines = (await readText(machine, file)).split("\n").map((line) => line.trim());
  const keys = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (keys.length > 0 && keys.every((line) => SSH_KEY.test(line))) return keys;
  throw new AgentError("ORDER_INVALID", `${file} is not OpenSSH's public keys alone, each on a line without options`, {
    fix: "name the file that ends with .pub",
  });
}

async function secretsOf(machine: Machine, wish: CardWish): Promise<Secrets> {
  const { channel_url_file: url, group_key_file: key } = wish;
  const lines = key === undefined ? [] : (await readText(machine, key)).split("\n").map((line) => line.trim());
  const group_key = lines.filter((line) => line !== "" && !line.startsWith("#")).join("\n");
  const channel_url = url === undefined ? "" : (await readText(machine, url)).trim();
  return parseSecrets(secretsFile({ channel_url, group_key }));
}

type Tables = Record<string, Record<string, unknown>>;

/** The node's whole configuration: the operator's own file, and over it what the order says. @throws "CONFIG_INVALID" */
async function nodeConfig(machine: Machine, wish: CardWish, order: Order, secrets: Secrets): Promise<string> {
  const base = wish.config === undefined ? "" : await readText(machine, wish.config);
  // Says what is wrong with the operator's own file before anything is put over it.
  parseConfig(base, {});
  const tables: Tables = {};
  for (const [name, table] of Object.entries(parseToml(base))) put(tables, name, Object.fromEntries(entriesOf(table)));
  const { radio, trust, node, entropy } = order;
  const tpm = { chip: "tpm:/dev/tpmrm0", software: "swtpm:", any: "auto" }[trust.tpm];
  put(tables, "node", { name: node.name });
  put(tables, "radio", { modem: radio.modem, region: radio.region, preset: radio.preset, channel: radio.channel });
  put(tables, "trust", { tpm, ...(wish.update_key === undefined ? {} : { update_key: wish.update_key }) });
  put(tables, "entropy", { source: entropy.source });
  put(tables, "village", {
    ...(wish.authority === undefined ? {} : { authority: wish.authority }),
    ...(secrets.group_key === "" ? {} : { group_key_file: GROUP_KEY_FILE }),
  });
  const text = `# The configuration of ${node.name}. Written by caye provision card.\n\n${stringify(tables)}\n`;
  parseConfig(text, {});
  return text;
}

function put(tables: Tables, name: string, fields: Readonly<Record<string, unknown>>): void {
  if (Object.keys(fields).length > 0) tables[name] = { ...tables[name], ...fields };
}

/** What was checked before is a table of tables. */
function entriesOf(table: unknown): readonly (readonly [string, unknown])[] {
  return typeof table === "object" && table !== null ? Object.entries(table) : [];
}

async function packageFiles(parts: CardParts, wish: CardWish): Promise<readonly CardFileWanted[]> {
  if (wish.package === undefined) return [];
  const name = wish.package.slice(wish.package.lastIndexOf("/") + 1);
  const { release_keys: keyFiles = [] } = wish;
  if (keyFiles.length === 0) {
    throw new AgentError("PACKAGE_REFUSED", "whose packages this node installs is not said", {
      fix: "--release-key FILE.pub, or release_keys in the fleet file",
    });
  }
  const bytes = await readNamed(parts.machine, wish.package, MAX_PACKAGE_BYTES);
  const manifest = await readNamed(parts.machine, `${wish.package}.manifest`, MAX_SMALL_BYTES);
  const keys: CardFileWanted[] = [];
  for (const file of keyFiles) {
    const path = `caye/release-keys/${file.slice(file.lastIndexOf("/") + 1).replace(/(?:\.pub)?$/, ".pub")}`;
    keys.push({ path, bytes: await readNamed(parts.machine, file, MAX_SMALL_BYTES) });
  }
  const contents = keys.map((key) => key.bytes);
  const verdict = parts.judgePackage(name, bytes, manifest, contents);
  if (!verdict.ok) {
    throw new AgentError("PACKAGE_REFUSED", `${wish.package}: ${verdict.reason}`, {
      fix: "take the package, its manifest and the release key from one place, and copy them anew",
    });
  }
  const { version, arch } = verdict.value;
  const onCard = `caye/caye_${version}_${arch}.deb`;
  if (`caye/${name}` !== onCard) throw new AgentError("PACKAGE_REFUSED", `${name} should be ${onCard.slice(5)}`);
  return [{ path: onCard, bytes }, { path: `${onCard}.manifest`, bytes: manifest }, ...keys];
}

/** Carried as they are: Ansible's folder, and the driver of a radio hat. */
async function extras(machine: Machine, { ansible, meshtasticd }: CardWish): Promise<readonly CardFileWanted[]> {
  const files: CardFileWanted[] = [];
  if (ansible !== undefined) {
    files.push({ path: "caye/ansible.tar.gz", bytes: await readNamed(machine, ansible, MAX_ANSIBLE_BYTES) });
  }
  if (meshtasticd !== undefined) {
    const path = `caye/${meshtasticd.slice(meshtasticd.lastIndexOf("/") + 1)}`;
    files.push({ path, bytes: await readNamed(machine, meshtasticd, MAX_PACKAGE_BYTES) });
  }
  return files;
}

async function readText(machine: Machine, file: string): Promise<string> {
  const text = fromUtf8(await readNamed(machine, file, MAX_SMALL_BYTES));
  if (text !== undefined) return text;
  throw new AgentError("FILE_UNREADABLE", `${file}: it is no text`);
}

/** @throws AgentError "FILE_UNREADABLE" */
async function readNamed(machine: Machine, file: string, most: number): Promise<Bytes> {
  const bytes = await machine.read(file, most + 1).catch((cause: unknown) => {
    throw new AgentError("FILE_UNREADABLE", `${file}: it can't be read`, { cause });
  });
  if (bytes === undefined) throw new AgentError("FILE_UNREADABLE", `${file}: there is no such file`);
  if (bytes.length > most) throw new AgentError("FILE_UNREADABLE", `${file}: it is longer than ${most} bytes`);
  return bytes;
}
