/** The step of a bootstrap that brings the radio to what is ordered, with the agent out of the way meanwhile. @module */
import { createHash } from "node:crypto";
import { toHex } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import type { StatusReport } from "../kernel/reports.ts";
import { mayBeIn, regionsIn } from "./bootstrap-country.ts";
import {
  agentStatus,
  done,
  type Ending,
  failed,
  type Scene,
  SERVICE,
  startAgent,
  unchanged,
  waiting,
} from "./bootstrap-scene.ts";
import { fingerprintOf, type ChannelSetup } from "./channel-url.ts";
import { mustAgree, type RadioOrder, setRadio, warningsOn } from "./radio-setup.ts";

const PLUG_IN = "Plug the radio in, by a cable that carries data. The next start goes on by itself.";
/** These names stay with one radio, whatever else is plugged in. */
const STEADY = /^serial:\/\/\/dev\/serial\/by-(?:id|path)\//;

export async function radioStep(scene: Scene): Promise<Ending> {
  const { order, channels } = scene;
  const { kind, region, preset, modem: uri } = order.radio;
  if (kind === "sim") return unchanged("simulated");
  const wanted: RadioOrder = { region, preset, name: order.node.name, channels };
  mustAgree(wanted);
  const country = order.hotspot?.country;
  if (country !== undefined && !mayBeIn(country, region)) return wrongRegion(country, region);
  const status = await agentStatus(scene);
  if (isAsOrdered(scene, status)) return unchanged(`${status.radio.region}, ${status.radio.preset}`);
  if (wasAnother(scene, status)) return noChannels(status);
  const unclear = (await ambiguous(scene, uri)) ?? (await absent(scene, uri));
  if (unclear !== undefined) return unclear;
  return await withoutAgent(scene, () => set(scene, uri, wanted));
}

function wrongRegion(country: string, region: string): Ending {
  const detail = `the order's country is ${country}, where the radio region ${region} is not allowed`;
  return failed(
    "RADIO_COUNTRY",
    detail,
    `Order ${regionsIn(country).join(" or ")}, or correct the country of the hotspot.`,
  );
}

/** Told by the agent, so that a start of the machine costs the radio nothing. */
function isAsOrdered({ order, memory, channels }: Scene, { radio }: StatusReport): boolean {
  const { region, preset } = order.radio;
  const known = memory.radio;
  return (
    known !== null &&
    radio.link === "ready" &&
    // What was read back from it: the agent tells the configuration's word, whatever the radio is set to.
    known.region === region &&
    known.preset === preset &&
    known.node === radio.node_number &&
    known.name === order.node.name &&
    (channels === undefined || known.channels === digestOf(channels))
  );
}

/** Keys were ordered once, for another radio; they were wiped since, and this one can't have them. */
function wasAnother({ memory, channels }: Scene, { radio }: StatusReport): boolean {
  const known = memory.radio;
  return (
    known !== null &&
    known.channels !== "" &&
    channels === undefined &&
    radio.link === "ready" &&
    known.node !== radio.node_number
  );
}

function noChannels({ radio }: StatusReport): Ending {
  const detail = `this is another radio (${radio.node_number ?? "?"}) than the one that was set up, and the village's channel is not known any more`;
  const fix =
    "Put caye/secrets.toml with channel_url on the card again, or: systemctl stop caye.service; caye radio set --channel-url URL; systemctl start caye.service";
  return failed("RADIO_OTHER", detail, fix);
}

async function ambiguous({ radio }: Scene, uri: string): Promise<Ending | undefined> {
  if (!uri.startsWith("serial:") || STEADY.test(uri)) return undefined;
  const found = await radio.find();
  if (found.length < 2) return undefined;
  const detail = `there are ${found.length} devices that may be the radio: ${found.join(", ")}`;
  return failed(
    "RADIO_AMBIGUOUS",
    detail,
    "Unplug the others, or name the right one as radio.modem in order.toml and caye.toml.",
  );
}

/** Seen without disturbing the agent. */
async function absent(scene: Scene, uri: string): Promise<Ending | undefined> {
  const [, path] = /^serial:\/\/([^?]+)/.exec(uri) ?? [];
  if (path === undefined || (await scene.machine.status(path)) !== undefined) return undefined;
  scene.withoutRadio = true;
  return waiting("RADIO_ABSENT", `no radio is plugged in: there is no ${path}`, PLUG_IN);
}

async function withoutAgent(scene: Scene, work: () => Promise<Ending>): Promise<Ending> {
  const { machine } = scene;
  const stopped = await machine.run("systemctl", ["stop", SERVICE]);
  if (stopped.status !== 0) {
    const fix = `systemctl status ${SERVICE} tells why it does not stop.`;
    return failed("AGENT_STOP", `${SERVICE} can't be stopped: ${stopped.stderr.trim()}`, fix);
  }
  try {
    return await work();
  } finally {
    await startAgent(machine);
  }
}

async function set(scene: Scene, uri: string, wanted: RadioOrder): Promise<Ending> {
  const { radio, clock, memory, order, channels, signal } = scene;
  try {
    const { settings, changed } = await setRadio({ radio, clock }, uri, wanted, () => undefined, signal);
    const kept = channels === undefined ? (memory.radio?.channels ?? "") : digestOf(channels);
    const channelName = settings.channels[order.radio.channel]?.name ?? "";
    const { region, preset } = order.radio;
    const own = { node: settings.nodeNumber, name: order.node.name, region, preset };
    await memory.keepRadio({ ...own, channels: kept, channel_name: channelName });
    const warnings = warningsOn(settings, order.radio.channel).map((warning) => `; ${warning}`);
    const what =
      changed.length === 0 ? "was as ordered" : changed.map(({ setting, to }) => `${setting} ${to}`).join(", ");
    const ending = changed.length === 0 ? unchanged : done;
    return ending(what + warnings.join(""));
  } catch (error) {
    if (!isAgentError(error, "RADIO_ABSENT")) throw error;
    scene.withoutRadio = true;
    return waiting(error.code, error.message, PLUG_IN);
  }
}

/** Of all channels and their keys, in their order. */
function digestOf({ channels, adds }: ChannelSetup): string {
  const text = JSON.stringify([adds, ...channels.map((channel) => [channel.name, fingerprintOf(channel)])]);
  return toHex(new Uint8Array(createHash("sha256").update(text).digest())).slice(0, 16);
}
