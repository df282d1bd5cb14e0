/**
 * How a radio is brought to what is ordered of it: read, compared, written only when it differs (its flash wears), and read
 * back after its restart. Bounded: after three writes, or two that changed nothing, it says what the radio would not take.
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { equalBytes } from "../kernel/bytes.ts";
import { AgentError, isAgentError } from "../kernel/errors.ts";
import type { Clock } from "../ports/clock.ts";
import {
  RADIO_CHANNELS,
  type RadioChanges,
  type RadioChannel,
  type RadioSettings,
  type RadioSetup,
} from "../ports/radio-setup.ts";
import { fingerprintOf, keyKind, type ChannelSetup } from "./channel-url.ts";

const TRIES = 3;
/** A board restarts 7 s after the edit, and needs as long again until it answers. */
const RETURN_LIMIT_MS = 90_000;
const RETURN_PAUSE_MS = 2_000;
/** From then on packets tell how many relays they took, and direct messages have keys of their own. */
const OLDEST_FIRMWARE = [2, 5] as const;
/** These relay others' packets, which a village lives on; which of them is the operator's choice. */
const RELAYING: ReadonlySet<string> = new Set(["CLIENT", "CLIENT_BASE", "ROUTER", "ROUTER_LATE"]);
const DEFAULT_HOPS = 3;

/** What is ordered; what is left out stays as the radio has it. */
export interface RadioOrder {
  readonly region?: string | undefined;
  readonly preset?: string | undefined;
  /** The owner's name, as others see it: at most 24 bytes. */
  readonly name?: string | undefined;
  readonly channels?: ChannelSetup | undefined;
}

/** One setting that is not as ordered, in words; keys by their fingerprints. */
export interface RadioDifference {
  readonly setting: string;
  readonly from: string;
  readonly to: string;
}

export interface RadioOutcome {
  readonly settings: RadioSettings;
  /** What was written; empty when nothing was. */
  readonly changed: readonly RadioDifference[];
}

export interface RadioSetupPorts {
  readonly radio: RadioSetup;
  readonly clock: Clock;
}

/**
 * @param onStep told what is being done, for people
 * @throws AgentError "CHANNEL_CONFLICT", "RADIO_OLD", "RADIO_MANAGED", "RADIO_REFUSED", "CHANNELS_FULL"; as `RadioSetup`
 */
export async function setRadio(
  { radio, clock }: RadioSetupPorts,
  uri: string,
  order: RadioOrder,
  onStep: (what: string) => void,
  signal: AbortSignal,
): Promise<RadioOutcome> {
  mustAgree(order);
  let changed: readonly RadioDifference[] = [];
  let before: readonly RadioDifference[] | undefined;
  onStep("reading the radio's settings");
  let settings = await radio.read(uri, signal);
  mustBeFit(settings);
  for (let tries = 0; tries < TRIES; tries++) {
    const changes = changesFor(order, settings);
    const left = differences(settings, changes);
    if (left.length === 0) return { settings, changed };
    // A write may get lost; a second one that changes nothing either would only wear the flash once more.
    if (tries > 1 && isDeepStrictEqual(left, before)) break;
    before = left;
    if (changed.length === 0) changed = left;
    onStep(`writing ${left.map(({ setting }) => setting).join(", ")}; the radio then restarts`);
    await radio.write(uri, changes, signal);
    settings = await backAgain({ radio, clock }, uri, signal);
  }
  const left = differences(settings, changesFor(order, settings));
  if (left.length === 0) return { settings, changed };
  throw refusal(left, settings);
}

function refusal(left: readonly RadioDifference[], { region }: RadioSettings): AgentError {
  const what = left.map(({ setting, from, to }) => `${setting} ${from} instead of ${to}`).join(", ");
  return new AgentError("RADIO_REFUSED", `the radio does not take what is ordered, and stays with ${what}`, {
    fix: left.some(({ setting }) => setting === "preset")
      ? `That preset may not be used in ${region}: order another one (LongFast fits everywhere), here and on all other nodes.`
      : "Its firmware may be older than that setting, or be built for another band: bring it up to date (flasher.meshtastic.org), or order what it can.",
  });
}

/** Over its restart, in which its line is gone for a while. */
async function backAgain({ radio, clock }: RadioSetupPorts, uri: string, signal: AbortSignal): Promise<RadioSettings> {
  const startMs = clock.monotonicMs();
  for (;;) {
    await clock.sleep(RETURN_PAUSE_MS, signal);
    try {
      return await radio.read(uri, signal);
    } catch (error) {
      if (!isAgentError(error) || signal.aborted) throw error;
      if (clock.monotonicMs() - startMs >= RETURN_LIMIT_MS) throw gone(error);
    }
  }
}

function gone(cause: AgentError): AgentError {
  return new AgentError("RADIO_LOST", `the radio has not come back after its restart: ${cause.message}`, {
    cause,
    fix: "Unplug it, plug it in again, and do this once more: nothing is lost by it.",
  });
}

function mustBeFit({ firmware, managed }: RadioSettings): void {
  const version = firmware === "" ? "an unknown version" : firmware;
  if (isTooOld(firmware)) {
    throw new AgentError("RADIO_OLD", `the radio's firmware is ${version}, older than ${OLDEST_FIRMWARE.join(".")}`, {
      fix: "Install the current Meshtastic firmware on it: flasher.meshtastic.org, with the board's own cable.",
    });
  }
  if (managed) {
    throw new AgentError("RADIO_MANAGED", "the radio is managed: it takes no orders from its own line", {
      fix: "Switch managed mode off (security.is_managed) with the administrator's key in Meshtastic's app, or reset the radio.",
    });
  }
}

function isTooOld(firmware: string): boolean {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})/.exec(firmware) ?? [];
  if (major === undefined || minor === undefined) return true;
  const [oldMajor, oldMinor] = OLDEST_FIRMWARE;
  return Number(major) < oldMajor || (Number(major) === oldMajor && Number(minor) < oldMinor);
}

/** The address of the channels and the rest of the order speak of one radio. @throws AgentError "CHANNEL_CONFLICT" */
export function mustAgree({ region, preset, channels }: RadioOrder): void {
  const modem = channels?.modem;
  if (modem === undefined) return;
  if (region !== undefined && modem.region !== undefined && modem.region !== region) {
    throw conflict("region", modem.region, region);
  }
  if (modem.preset === "") {
    throw new AgentError("CHANNEL_CONFLICT", "the channel address sets spreading factor and bandwidth by hand", {
      fix: "Caye reckons time on air by a preset: share the channels from a radio that uses one.",
    });
  }
  if (preset !== undefined && modem.preset !== preset) throw conflict("preset", modem.preset, preset);
}

function conflict(what: string, url: string, order: string): AgentError {
  return new AgentError("CHANNEL_CONFLICT", `the channel address says ${what} ${url}, and the order says ${order}`, {
    fix: "A radio under the wrong one is heard by nobody, or breaks the law: find out which is right, and change the other.",
  });
}

/** What the radio is to have, as far as it is ordered; a node needs besides that the radio sends, relays, and keeps the law. */
export function changesFor({ region, preset, name, channels }: RadioOrder, now: RadioSettings): RadioChanges {
  const modem = channels?.modem;
  return {
    ...modemChanges({ region: region ?? modem?.region, preset: preset ?? modem?.preset }),
    ...(now.hopLimit === 0 && { hopLimit: DEFAULT_HOPS }),
    ...(modem?.hopLimit !== undefined && { hopLimit: modem.hopLimit }),
    // A slot of its own is another frequency: nobody there hears us.
    ...(modem !== undefined && { slot: modem.slot }),
    ...(!RELAYING.has(now.role) && { role: "CLIENT" }),
    ...(name !== undefined && { longName: name }),
    ...(channels !== undefined && { channels: channelsFor(channels, now.channels) }),
  };
}

function modemChanges({ region, preset }: Pick<RadioOrder, "region" | "preset">): RadioChanges {
  return {
    ...(region !== undefined && { region, txEnabled: true, overrideDutyCycle: false }),
    ...(preset !== undefined && { preset }),
  };
}

type Channels = RadioSettings["channels"];

function channelsFor({ channels, adds }: ChannelSetup, now: Channels): Channels {
  if (!adds) return Array.from({ length: RADIO_CHANNELS }, (_, index) => channels[index]);
  const wanted = [...now];
  for (const channel of channels) {
    if (wanted.some((one) => one !== undefined && same(one, channel))) continue;
    const free = wanted.findIndex((one, index) => index > 0 && one === undefined);
    if (free === -1) {
      throw new AgentError("CHANNELS_FULL", "the radio has no channel free for the one that is to be added", {
        fix: "Remove one in Meshtastic's app, or use an address that replaces all.",
      });
    }
    wanted[free] = channel;
  }
  return wanted;
}

function same(a: RadioChannel | undefined, b: RadioChannel | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.name === b.name && equalBytes(a.psk, b.psk);
}

export function differences(now: RadioSettings, { channels, ...rest }: RadioChanges): readonly RadioDifference[] {
  const plain: Readonly<Record<keyof typeof rest, string>> = {
    region: "region",
    preset: "preset",
    hopLimit: "hop limit",
    txEnabled: "transmitter",
    overrideDutyCycle: "duty cycle override",
    slot: "frequency slot",
    role: "role",
    longName: "name",
    shortName: "short name",
  };
  const found = Object.entries(plain).flatMap(([key, setting]) => {
    const [from, to] = [valueOf(now, key), valueOf(rest, key)];
    return to === undefined || from === to ? [] : [{ setting, from: shown(from), to: shown(to) }];
  });
  const ofChannels = (channels ?? []).flatMap((to, index) => {
    const from = now.channels[index];
    return same(from, to) ? [] : [{ setting: `channel ${index}`, from: channelText(from), to: channelText(to) }];
  });
  return [...found, ...ofChannels];
}

function valueOf(settings: object, key: string): unknown {
  return Object.entries(settings).find(([name]) => name === key)?.[1];
}

function shown(value: unknown): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  return typeof value === "string" || typeof value === "number" ? String(value) : "set by hand";
}

function channelText(channel: RadioChannel | undefined): string {
  if (channel === undefined) return "none";
  const kind = keyKind(channel);
  const name = channel.name === "" ? "unnamed" : channel.name;
  return kind === "secret"
    ? `${name} (key ${fingerprintOf(channel)})`
    : `${name} (${kind === "none" ? "no" : "the public"} key)`;
}

/** What whoever uses this radio should know. */
export function warningsOn({ channels, region, txEnabled }: RadioSettings, index: number): readonly string[] {
  const channel = channels[index];
  const kind = channel === undefined ? undefined : keyKind(channel);
  return [
    ...(region === "UNSET" ? ["the radio has no region, and keeps silent"] : []),
    ...(txEnabled || region === "UNSET" ? [] : ["the radio's transmitter is switched off"]),
    ...(kind === undefined ? [`the radio has no channel ${index}`] : []),
    ...(kind === "none" ? [`channel ${index} is not encrypted: everybody near reads it`] : []),
    ...(kind === "public"
      ? [`channel ${index} has the key that everybody has: anybody near reads along and speaks`]
      : []),
  ];
}
