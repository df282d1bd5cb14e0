/**
 * What an operator wants of a node: fields of a fleet file, or flags of the same names.
 *
 * A fleet file is TOML: `[defaults]`, and a table `[nodes.NAME]` for each node, both with these fields. Files are named from
 * where the fleet file lies.
 * @module
 */
import { z } from "zod";
import { AgentError } from "../kernel/errors.ts";
import { nearest } from "../kernel/nearest.ts";
import type { CardWishes } from "../kernel/provision.ts";
import { checkedAgainst, readAgainst } from "./order-reading.ts";
import { orderOf, type Order } from "./order.ts";

const MAX_FLEET_CHARACTERS = 1_000_000;
/** Of a file `.pub`: type, key and comment, without options. */
export const SSH_KEY =
  /^(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9@.-]{1,60}) [A-Za-z0-9+/=]{40,2000}(?: [^\n"\\]{0,200})?$/;

const line = z.string("must be a text").max(2_000, "must be at most 2000 characters");
const path = line.min(1, "must be the path of a file");

const WISH = z.strictObject({
  name: line.optional(),
  hostname: z
    .string("must be a text")
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "must be small letters, digits and hyphens, 1 to 63")
    .optional(),
  region: line.optional(),
  preset: line.optional(),
  channel: z.int("must be a whole number from 0 to 7").optional(),
  radio: line.optional(),
  modem: line.optional(),
  hat: line.optional(),
  tpm: line.optional(),
  entropy: line.optional(),
  timezone: line.optional(),
  language: line.optional(),
  hotspot: line.optional(),
  country: z
    .string("must be a text")
    .regex(/^[A-Z]{2}$/, "must be two capital letters, for example BZ")
    .optional(),
  wifi: z
    .string("must be a text")
    // Renderers of network configurations do not agree on how a quote in a name is written.
    .regex(/^[^\p{Cc}\p{Cf}"\\]{1,32}$/u, 'must be a name of 1 to 32 bytes, without " and \\')
    .refine((ssid) => new TextEncoder().encode(ssid).length <= 32, "must be a name of 1 to 32 bytes")
    .optional(),
  wifi_password_file: path.optional(),
  user: z
    .string("must be a text")
    .regex(/^[a-z_][a-z0-9_-]{0,30}$/, "must be the name of a user: small letters, digits, - and _")
    .optional(),
  ssh_keys: z
    .array(z.string("must be a text").regex(SSH_KEY, "must be a line of an OpenSSH public key, without options"))
    .max(50, "must be at most 50 keys")
    .optional(),
  ssh_key_files: z.array(path).max(50, "must be at most 50 files").optional(),
  authority: z
    .string("must be a text")
    .regex(/^[0-9a-f]{128}$/, "must be 128 hex digits, as caye village show prints them")
    .optional(),
  update_key: z
    .string("must be a text")
    .regex(/^[0-9a-f]{66}$/, "must be 66 hex digits, as caye village show prints them")
    .optional(),
  channel_url_file: path.optional(),
  group_key_file: path.optional(),
  config: path.optional(),
  rtc_battery: z.enum(["none", "rechargeable"], "must be none or rechargeable").optional(),
  package: path.optional(),
  release_keys: z.array(path).max(8, "must be at most 8 files").optional(),
  ansible: path.optional(),
  /** Of a radio hat's driver, for a node without internet. */
  meshtasticd: path.regex(/(?:^|\/)meshtasticd_[A-Za-z0-9.+~_-]{1,80}\.deb$/, "must be a meshtasticd_….deb").optional(),
});

export type CardWish = z.output<typeof WISH>;

export interface Wished {
  readonly wish: CardWish;
  /** Where it stands, for messages: a fleet file, or what was typed. */
  readonly asked: string;
}

/** What the order's fields are called in a fleet file; the flags have the same names. */
const ASKED_AS: Readonly<Record<string, string>> = {
  "node.name": "name",
  "node.timezone": "timezone",
  "node.language": "language",
  "radio.kind": "radio",
  "radio.modem": "modem",
  "radio.region": "region",
  "radio.preset": "preset",
  "radio.channel": "channel",
  "radio.hat": "hat",
  "trust.tpm": "tpm",
  "entropy.source": "entropy",
  "hotspot.ssid": "hotspot",
  "hotspot.country": "country",
};

/** Fields that name files, in a fleet file from where that lies. */
const FILES = [
  "wifi_password_file",
  "channel_url_file",
  "group_key_file",
  "config",
  "package",
  "ansible",
  "meshtasticd",
] as const;
const FILE_LISTS = ["ssh_key_files", "release_keys"] as const;

const FLEET = z.strictObject({
  defaults: WISH.omit({ name: true, hostname: true }).prefault({}),
  nodes: z.record(z.string().regex(/^[^\p{Cc}\p{Cf}]{1,24}$/u, "must be the name of a node"), WISH),
});

export interface FleetText {
  readonly file: string;
  readonly text: string;
  readonly node: string;
}

/**
 * @param flags win over what the fleet file says of the node; their paths are taken as they are
 * @throws AgentError "ORDER_INVALID", "NODE_UNKNOWN"
 */
export function wishFor(fleet: FleetText | undefined, flags: CardWishes): Wished {
  const asked = "what was typed";
  const typed = checkedAgainst(WISH, flags, { file: asked, maxCharacters: 0, quotes: true });
  if (fleet === undefined) return { wish: typed, asked };
  const { defaults, nodes } = readAgainst(FLEET, fleet.text, {
    file: fleet.file,
    maxCharacters: MAX_FLEET_CHARACTERS,
    quotes: true,
  });
  const own = Object.entries(nodes).find(([name]) => name === fleet.node)?.[1];
  if (own === undefined) {
    const guess = nearest(fleet.node, Object.keys(nodes));
    throw new AgentError("NODE_UNKNOWN", `${fleet.file} has no node ${fleet.node}`, {
      fix: guess === undefined ? `add a table [nodes.${fleet.node}]` : `did you mean ${guess}?`,
    });
  }
  const base = fleet.file.includes("/") ? fleet.file.slice(0, fleet.file.lastIndexOf("/")) : ".";
  const wish = { ...located({ ...defaults, name: fleet.node, ...own }, base), ...typed };
  return { wish, asked: `${fleet.file}, node ${fleet.node}` };
}

function located(wish: CardWish, base: string): CardWish {
  const at = (file: string): string => (file.startsWith("/") ? file : `${base}/${file}`);
  const files = FILES.flatMap((key) => (wish[key] === undefined ? [] : [[key, at(wish[key])] as const]));
  const lists = FILE_LISTS.flatMap((key) => (wish[key] === undefined ? [] : [[key, wish[key].map(at)] as const]));
  return { ...wish, ...Object.fromEntries([...files, ...lists]) };
}

/** @throws AgentError "ORDER_INVALID" */
export function orderFor({ wish, asked }: Wished): Order {
  const kind = wish.radio ?? "usb";
  const modems: Readonly<Record<string, string>> = {
    usb: "serial:///dev/meshtastic",
    spi: "tcp://127.0.0.1:4403",
    sim: "sim:",
  };
  const tables = {
    node: { name: wish.name, timezone: wish.timezone ?? "UTC", language: wish.language ?? "en" },
    radio: {
      kind,
      modem: wish.modem ?? modems[kind],
      region: wish.region,
      preset: wish.preset ?? "LongFast",
      channel: wish.channel ?? 0,
      hat: wish.hat ?? "auto",
    },
    trust: { tpm: wish.tpm ?? "any" },
    entropy: { source: wish.entropy ?? "kernel" },
    ...(wish.hotspot === undefined ? {} : { hotspot: { ssid: wish.hotspot, country: wish.country } }),
  };
  return orderOf(tables, { file: asked, named: (field) => ASKED_AS[field] ?? field });
}

/** A name of the machine in a network, from the node's name: `Clínica norte` gives `clinica-norte`. */
export function hostnameFor({ hostname, name = "" }: CardWish): string {
  if (hostname !== undefined) return hostname;
  const plain = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return plain === "" ? "caye" : plain;
}
