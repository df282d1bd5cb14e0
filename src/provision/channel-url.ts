/**
 * The address by which Meshtastic's apps share channels, also as a QR code: `https://meshtastic.org/e/#` and then a
 * `ChannelSet` in base64url. `?add=true`, before or behind the `#` part, adds channels instead of replacing all.
 *
 * It holds the keys: whoever reads it can read and speak on the channels. One form is written; read are all forms that
 * the apps write (with padding, with `+` and `/`, with `www.`), and nothing else.
 * @module
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AppOnly, type ChannelSet } from "@meshtastic/protobufs";
import { createHash } from "node:crypto";
import { copyBytes, equalBytes, fromHex, toHex, utf8 } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { AgentError } from "../kernel/errors.ts";
import { presetName, regionName } from "../kernel/radio-names.ts";
import { RADIO_CHANNELS, type RadioChannel } from "../ports/radio-setup.ts";

const MAX_URL_CHARACTERS = 2_000;
const MAX_NAME_BYTES = 11;
const MAX_HOPS = 7;
const MAX_SLOT = 1_000;
const CONTROL = /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u;
const FORM =
  /^https:\/\/(?:www\.)?meshtastic\.org\/e\/?(\?[A-Za-z=&]{1,40})?#([A-Za-z0-9_+/-]{1,1500})={0,2}(\?[A-Za-z=&]{1,40})?$/i;
const KEY_BYTES: ReadonlySet<number> = new Set([0, 1, 16, 32]);
/** The key that every radio has from the factory; a key of one byte stands for it, or for it with another last byte. */
const PUBLIC_KEY = fromHex("d4f1bb3a20290759f0bcffabcf4e6901") ?? new Uint8Array();
const FINGERPRINT_BYTES = 4;

/** What of the radio's modem the address says; undefined where it leaves it open. */
export interface UrlModem {
  readonly region: string | undefined;
  /** "" when it sets spreading factor and bandwidth by hand. */
  readonly preset: string;
  readonly hopLimit: number | undefined;
  /** Counted from 1; 0: it follows from the first channel's name. */
  readonly slot: number;
}

export interface ChannelSetup {
  /** 1 to 8, the primary one first. */
  readonly channels: readonly RadioChannel[];
  /** True: they come beside the radio's own; false: in their place. */
  readonly adds: boolean;
  readonly modem: UrlModem | undefined;
}

/** Any text; a reason tells nothing of the keys in it. */
export function parseChannelUrl(text: string): Decoded<ChannelSetup> {
  if (text.length > MAX_URL_CHARACTERS) return refused("it is too long for a channel's address");
  const [, before = "", payload, behind = ""] = FORM.exec(text.trim()) ?? [];
  if (payload === undefined)
    return refused("it does not begin with https://meshtastic.org/e/#, or something follows it");
  const bytes = base64(payload);
  if (bytes === undefined) return refused("what follows the # is no base64");
  const adds = /[?&]add=true\b/i.test(before + behind);
  const set = channelSet(bytes);
  if (set === undefined) return refused("what follows the # is no set of channels");
  return setupOf(set, adds);
}

/** Undefined for an empty text. @throws AgentError "CHANNEL_URL" */
export function channelsIn(url: string): ChannelSetup | undefined {
  if (url === "") return undefined;
  const parsed = parseChannelUrl(url);
  if (parsed.ok) return parsed.value;
  throw new AgentError("CHANNEL_URL", `the channel address can't be read: ${parsed.reason}`, {
    fix: "Copy it from Meshtastic's app, where channels are shared: https://meshtastic.org/e/#…",
  });
}

function base64(text: string): Uint8Array | undefined {
  const plain = text.replaceAll("+", "-").replaceAll("/", "_");
  const bytes = new Uint8Array(Buffer.from(plain, "base64url"));
  // Else several texts would say the same: a letter too many, or bits beyond the last byte.
  return Buffer.from(bytes).toString("base64url") === plain ? bytes : undefined;
}

function channelSet(bytes: Uint8Array): ChannelSet | undefined {
  try {
    return fromBinary(AppOnly.ChannelSetSchema, bytes, { readUnknownFields: false });
  } catch {
    return undefined;
  }
}

function setupOf({ settings, loraConfig }: ChannelSet, adds: boolean): Decoded<ChannelSetup> {
  if (settings.length < 1 || settings.length > RADIO_CHANNELS) return refused("it holds no channels, or more than 8");
  const channels = settings.map(({ name, psk }): RadioChannel => ({ name, psk: copyBytes(psk) }));
  for (const { name, psk } of channels) {
    if (!KEY_BYTES.has(psk.length)) return refused("a key in it has a length that no radio takes");
    if (utf8(name).length > MAX_NAME_BYTES || CONTROL.test(name)) return refused("a channel's name in it is none");
  }
  if (loraConfig === undefined) return decoded({ channels, adds, modem: undefined });
  const { usePreset, modemPreset, region, hopLimit, channelNum } = loraConfig;
  if (hopLimit > MAX_HOPS || channelNum > MAX_SLOT) return refused("its settings of the modem are out of range");
  const preset = usePreset ? presetName(modemPreset) : "";
  if (preset === undefined) return refused("it names a preset that this version does not know");
  const modem = {
    preset,
    region: region === 0 ? undefined : regionName(region),
    hopLimit: hopLimit === 0 ? undefined : hopLimit,
    slot: channelNum,
  };
  return decoded({ channels, adds, modem });
}

/** The address that adds these channels, in its one form. @param channels 1 to 8 */
export function channelUrl(channels: readonly RadioChannel[], adds: boolean): string {
  const settings = channels.map(({ name, psk }) => ({ name, psk: copyBytes(psk) }));
  const bytes = toBinary(AppOnly.ChannelSetSchema, create(AppOnly.ChannelSetSchema, { settings }));
  return `https://meshtastic.org/e/${adds ? "?add=true" : ""}#${Buffer.from(bytes).toString("base64url")}`;
}

/** `none`: not encrypted; `public`: with a key that everybody has; `secret`: as far as anybody can tell. */
export type KeyKind = "none" | "public" | "secret";

export function keyKind({ psk }: RadioChannel): KeyKind {
  if (psk.length === 0 || (psk.length === 1 && psk[0] === 0)) return "none";
  const family = psk.length === PUBLIC_KEY.length && equalBytes(psk.subarray(0, -1), PUBLIC_KEY.subarray(0, -1));
  return psk.length === 1 || family || psk.every((byte) => byte === psk[0]) ? "public" : "secret";
}

/** What tells two keys apart without telling them: 8 hex digits of SHA-256. */
export function fingerprintOf({ psk }: RadioChannel): string {
  return toHex(new Uint8Array(createHash("sha256").update(psk).digest()).subarray(0, FINGERPRINT_BYTES));
}
