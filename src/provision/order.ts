/**
 * What a card orders of the node that starts from it: `caye/order.toml`, which anybody may read, and `caye/secrets.toml`,
 * which the first boot takes in and wipes.
 *
 * Written by the operator's laptop, read by the node's bootstrap; an operator may edit both. One form is written
 * ({@link orderFile}, {@link secretsFile}); reading never throws anything but the errors named here.
 * @module
 */
import { z } from "zod";
import { parseEntropy, parseModem } from "../config/devices.ts";
import { PRESET_NAMES, REGION_NAMES } from "../config/radio-table.ts";
import type { Decoded } from "../kernel/decoded.ts";
import { nearest } from "../kernel/nearest.ts";
import { parseChannelUrl } from "./channel-url.ts";
import { checkedAgainst, readAgainst, type Reading } from "./order-reading.ts";

const ORDER_READING: Reading = { file: "order.toml", maxCharacters: 20_000, quotes: true };
const CONTROL = /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u;
const GROUP_KEYS = /^caye-group-key [1-9]\d{0,6} [0-9a-f]{64}(?:\ncaye-group-key [1-9]\d{0,6} [0-9a-f]{64})?$/;

/** `usb`: a radio on a cable; `spi`: a hat that meshtasticd drives; `tcp`: a radio in the network; `sim`: none. */
export const RADIO_KINDS = ["usb", "spi", "tcp", "sim"] as const;

function text(expects: string, isRight: (value: string) => boolean) {
  return z.string(`must be ${expects}`).refine(isRight, `must be ${expects}`);
}

function choice<const T extends readonly string[]>(values: T) {
  const [last, ...others] = values.toReversed();
  const expects = values.length > 12 ? "one of Meshtastic's names" : `${others.toReversed().join(", ")} or ${last}`;
  return z.enum(values, {
    error: ({ input }) => `must be ${expects}${didYouMean(typeof input === "string" ? input : "", values)}`,
  });
}

function visible(most: number) {
  return (value: string): boolean => {
    const { length } = new TextEncoder().encode(value);
    return length >= 1 && length <= most && !CONTROL.test(value) && value.trim() === value;
  };
}

function uri(expects: string, parse: (value: string) => Decoded<unknown>) {
  return text(expects, (value) => value.length <= 300 && parse(value).ok);
}

const NODE = z.strictObject({
  name: text("a text of 1 to 24 bytes, without control characters and without a space at either end", visible(24)),
  /** As the system's own database names it; no time zone is spelt in two ways. */
  timezone: text("a time zone, for example America/Belize", isTimeZone),
  /** Of what is written for people on the node. */
  language: choice(["en", "es"]),
});

const RADIO = z.strictObject({
  kind: choice(RADIO_KINDS),
  /** As the configuration's `radio.modem`. */
  modem: uri("serial:///dev/…, tcp://host:port or sim:", parseModem),
  region: choice(REGION_NAMES),
  preset: choice(PRESET_NAMES),
  channel: z.int("must be a whole number from 0 to 7").min(0, "must be 0 or more").max(7, "must be 7 or less"),
  /** Of `spi`: the name of meshtasticd's own file in `/etc/meshtasticd/available.d`; `auto`: by the hat's EEPROM. */
  hat: text("auto, or the name of a file such as lora-RAK6421-13300-slot1.yaml", (value) =>
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value),
  ).default("auto"),
});

const ORDER = z
  .strictObject({
    node: NODE,
    radio: RADIO,
    trust: z.strictObject({
      /** `chip`: nothing goes on without one; `software`: none is looked for; `any`: a chip when there is one. */
      tpm: choice(["chip", "software", "any"]),
    }),
    entropy: z.strictObject({
      /** As in the configuration's `entropy.sources`: the source that must be there. */
      source: uri("kernel, tpm, hwrng:/dev/… or qrng:DEVICE:/dev/…", parseEntropy),
    }),
    hotspot: z
      .strictObject({
        ssid: text("a name of 1 to 32 bytes", visible(32)),
        /** Whose law the transmitter keeps: ISO 3166. */
        country: text("two capital letters, for example BZ", (value) => /^[A-Z]{2}$/.test(value)),
      })
      .optional(),
  })
  .refine(({ radio }) => modemFits(radio), {
    message: "must fit the kind of radio: usb takes serial://, spi and tcp take tcp://, sim takes sim:",
    path: ["radio", "modem"],
  });

const SECRETS = z.strictObject({
  /** The radio's channels, as Meshtastic's apps share them: it holds their keys. Empty: the radio keeps its own. */
  channel_url: text(
    "empty, or https://meshtastic.org/e/#…",
    (value) => value === "" || parseChannelUrl(value).ok,
  ).default(""),
  /** One or two lines of the file that `caye village key` makes; empty: nothing is sealed. */
  group_key: text(
    "empty, or one or two lines that caye village key made, without its comment",
    (value) => value === "" || GROUP_KEYS.test(value),
  ).default(""),
});

export type Order = z.output<typeof ORDER>;

/** Their fields are empty texts where nothing was given. */
export type Secrets = z.output<typeof SECRETS>;

/** @throws AgentError "ORDER_INVALID", whose message lists every problem, one a line, each with the field's path */
export function parseOrder(toml: string): Order {
  return readAgainst(ORDER, toml, ORDER_READING);
}

/** As {@link parseOrder}, of tables that a program made. @param from what they were made of, for the messages */
export function orderOf(tables: unknown, from: Pick<Reading, "file" | "named"> = ORDER_READING): Order {
  return checkedAgainst(ORDER, tables, { ...ORDER_READING, ...from });
}

/** @throws AgentError "ORDER_INVALID": what is wrong, without a word of the secrets */
export function parseSecrets(toml: string): Secrets {
  return readAgainst(SECRETS, toml, {
    file: "secrets.toml",
    maxCharacters: ORDER_READING.maxCharacters,
    quotes: false,
  });
}

/** As a card carries it. */
export function orderFile({ node, radio, trust, entropy, hotspot }: Order): string {
  const tables: Readonly<Record<string, Readonly<Record<string, string | number>> | undefined>> = {
    node: { name: node.name, timezone: node.timezone, language: node.language },
    radio: {
      kind: radio.kind,
      modem: radio.modem,
      region: radio.region,
      preset: radio.preset,
      channel: radio.channel,
      hat: radio.hat,
    },
    trust: { tpm: trust.tpm },
    entropy: { source: entropy.source },
    hotspot: hotspot && { ssid: hotspot.ssid, country: hotspot.country },
  };
  const parts = Object.entries(tables).flatMap(([name, fields]) =>
    fields === undefined ? [] : [`[${name}]\n${linesOf(fields)}`],
  );
  return `# What this card makes of its node. Written by caye provision card.\n\n${parts.join("\n")}`;
}

/** As a card carries it until the first boot has taken it in. */
export function secretsFile({ channel_url, group_key }: Secrets): string {
  return `# Keys of the village. The first boot takes them in, and wipes this file.\n${linesOf({ channel_url, group_key })}`;
}

function linesOf(fields: Readonly<Record<string, string | number>>): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key} = ${typeof value === "number" ? value : tomlText(value)}\n`)
    .join("");
}

/** A basic string. TOML takes JSON's escapes; DEL must be escaped besides, and is never in what a schema lets through. */
export function tomlText(value: string): string {
  return JSON.stringify(value);
}

function modemFits({ kind, modem }: z.output<typeof RADIO>): boolean {
  const address = parseModem(modem);
  if (!address.ok) return true;
  if (kind === "usb") return address.value.kind === "serial";
  return address.value.kind === (kind === "spi" ? "tcp" : kind);
}

/** Names only, in the one spelling that the file system has. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Z][A-Za-z0-9_+-]{0,30}(?:\/[A-Z][A-Za-z0-9_+-]{0,30}){0,2}$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
}

function didYouMean(input: string, values: readonly string[]): string {
  const guess = input.length > 60 ? undefined : nearest(input, values);
  return guess === undefined ? "" : `; did you mean ${guess}?`;
}
