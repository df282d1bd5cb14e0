/** What `caye radio` and `caye bootstrap` do, over this machine's drivers. @module */
import { PRESET_NAMES, REGION_NAMES } from "../config/radio-table.ts";
import { systemClock } from "../drivers/clock.ts";
import { thisMachine } from "../drivers/machine.ts";
import { meshtasticSetup } from "../drivers/meshtastic/setup.ts";
import { systemRandom } from "../drivers/random.ts";
import type { BootstrapTools, RadioReport, RadioWish } from "../kernel/bootstrap.ts";
import { utf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { nearest } from "../kernel/nearest.ts";
import type { Machine } from "../ports/machine.ts";
import type { RadioSettings } from "../ports/radio-setup.ts";
import { bootstrap, type NodePlaces } from "../provision/bootstrap.ts";
import { channelsIn, fingerprintOf, keyKind } from "../provision/channel-url.ts";
import { setRadio, warningsOn, type RadioOrder } from "../provision/radio-setup.ts";

const NODE: NodePlaces = { config: "/etc/caye/caye.toml", state: "/var/lib/caye-provision" };
const MAX_NAME_BYTES = 24;

export interface BootstrapSurroundings {
  readonly machine?: Machine;
  readonly places?: NodePlaces;
}

/** @param surroundings of a test; this machine and a node's own places when left out */
export function bootstrapTools({ machine = thisMachine(), places = NODE }: BootstrapSurroundings = {}): BootstrapTools {
  const clock = systemClock();
  const radio = meshtasticSetup({ clock, random: systemRandom() });
  return {
    findRadios: () => radio.find(),
    showRadio: async (uri, signal) => reportOf(uri, await radio.read(uri, signal)),
    setRadio: async (uri, wish, onStep, signal) => {
      const { settings, changed } = await setRadio({ radio, clock }, uri, orderOf(wish), onStep, signal);
      return { ...reportOf(uri, settings), changed };
    },
    bootstrap: (request, agent, onStep, signal) =>
      bootstrap({ machine, clock, radio }, places, request, agent, onStep, signal),
  };
}

/** @throws AgentError "USAGE", "CHANNEL_URL" */
function orderOf({ region, preset, name, channelUrl }: RadioWish): RadioOrder {
  if (name !== undefined && (utf8(name).length > MAX_NAME_BYTES || name.trim() === "")) {
    throw new AgentError("USAGE", `a node's name is a text of 1 to ${MAX_NAME_BYTES} bytes`);
  }
  return {
    region: region === undefined ? undefined : oneOf("region", region, REGION_NAMES),
    preset: preset === undefined ? undefined : oneOf("preset", preset, PRESET_NAMES),
    name,
    channels: channelsIn(channelUrl ?? ""),
  };
}

function oneOf(what: string, name: string, names: readonly string[]): string {
  if (names.includes(name)) return name;
  const guess = nearest(name.slice(0, 60), names);
  const fix = guess === undefined ? `There are: ${names.join(", ")}` : `Did you mean ${guess}?`;
  throw new AgentError("USAGE", `there is no ${what} called ${name}`, { fix });
}

function reportOf(modem: string, settings: RadioSettings): RadioReport {
  const { nodeNumber, firmware, longName, role, region, preset = "", hopLimit, txEnabled, slot, channels } = settings;
  return {
    modem,
    node: `!${nodeNumber.toString(16).padStart(8, "0")}`,
    firmware,
    name: longName,
    role,
    region,
    preset,
    hop_limit: hopLimit,
    tx_enabled: txEnabled,
    slot,
    channels: channels.flatMap((channel, index) =>
      channel === undefined
        ? []
        : [{ index, name: channel.name, key: keyKind(channel), fingerprint: fingerprintOf(channel) }],
    ),
    warnings: warningsOn(settings, 0),
  };
}
