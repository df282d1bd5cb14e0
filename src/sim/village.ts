/**
 * A village for those who have no radio: simulated radios on one air, and behind each but the first a whole agent with a
 * few files. The first radio is for the agent that the user runs; it speaks to it as to any Meshtastic device.
 * @module
 */
import { runAgent } from "../agent.ts";
import type { AgentOptions } from "../compose/options.ts";
import { parseConfig } from "../config/parse.ts";
import type { Config } from "../config/schema.ts";
import { scaledClock, systemClock } from "../drivers/clock.ts";
import { readFolder } from "../drivers/folder.ts";
import { systemRandom } from "../drivers/random.ts";
import { describeError } from "../kernel/errors.ts";
import { LinkedAbort } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import { PRESETS, presetNamed, type PresetName } from "../radio/airtime.ts";
import { openEther, type Ether } from "./ether.ts";
import { openRadioDevice, type RadioDevice } from "./radio-device.ts";
import { nodeNumber, type AirLink } from "./topology.ts";

/** Who lives where: the user's radio is 0. Not everybody hears everybody, so that relays have something to do. */
const NEIGHBOURS = ["clinic", "shelter", "school", "harbour", "farm"] as const;
const ROADS: readonly (readonly [number, number])[] = [
  [0, 1],
  [0, 2],
  [1, 2],
  [2, 3],
  [1, 4],
  [3, 5],
];
/** The village lies in Belize, where Meshtastic's US band plan is used. */
const REGION = "US";
const DEFAULT_PRESET: PresetName = "LongFast";

type RunOptions = Omit<AgentOptions, "modemUri" | "simulated" | "clock" | "clockSpeed">;

/** Runs the agent beside a simulated radio, and its neighbours with it. */
export async function runInVillage(options: RunOptions, signal: AbortSignal): Promise<void> {
  await using village = await openVillage(options.config);
  const [own, ...others] = village.radios;
  if (own === undefined) throw new Error("a village has at least one radio");
  using neighbours = new LinkedAbort(signal);
  const lives: Promise<void>[] = [];
  try {
    await runAgent(
      {
        ...options,
        modemUri: own.uri,
        simulated: true,
        clock: village.clock,
        clockSpeed: options.config.village.speed,
        onUp: async (up) => {
          await options.onUp(up);
          for (const [i, radio] of others.entries()) {
            lives.push(live(options, NEIGHBOURS[i] ?? `neighbour-${i}`, radio, village.clock, neighbours.signal));
          }
        },
      },
      signal,
    );
  } finally {
    neighbours.abort();
    await Promise.all(lives);
  }
}

interface Village extends AsyncDisposable {
  readonly clock: Clock;
  readonly ether: Ether;
  readonly radios: readonly RadioDevice[];
}

async function openVillage({ village, radio }: Config): Promise<Village> {
  const { neighbours, loss, speed } = village;
  const clock = speed === 1 ? systemClock() : scaledClock(speed);
  const random = systemRandom();
  const preset = (radio.preset === "auto" ? undefined : presetNamed(radio.preset)) ?? DEFAULT_PRESET;
  const links: AirLink[] = ROADS.filter(([, b]) => b <= neighbours).map(([a, b]) => ({
    a: nodeNumber(a),
    b: nodeNumber(b),
    loss,
  }));
  await using opened = new AsyncDisposableStack();
  const ether = opened.use(openEther({ clock, random, modulation: PRESETS[preset], links }));
  const radios: RadioDevice[] = [];
  for (let i = 0; i <= neighbours; i++) {
    const device = { ether, nodeNumber: nodeNumber(i), clock, random, region: REGION, preset };
    radios.push(opened.use(await openRadioDevice(device)));
  }
  const all = opened.move();
  return { clock, ether, radios, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** One neighbour: a whole agent, with its own state, its own software TPM and its few files. */
async function live(
  options: RunOptions,
  name: string,
  radio: RadioDevice,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { statePath, root, output } = options;
  const config = neighbourConfig(name, radio.uri, options.config);
  try {
    const files = await readFolder(`${root}/src/sim/village-files/${name}`);
    const onUp: AgentOptions["onUp"] = async ({ view, state, reason }) => {
      if (state === "quarantine") output.write(`village: ${name} is in quarantine: ${reason}\n`);
      else for (const file of files) await view.put(file.name, file.bytes);
    };
    const own = {
      config,
      statePath: `${statePath}/village/${name}`,
      modemUri: radio.uri,
      simulated: true,
      clock,
      onUp,
      // What neighbours log is their own affair; whether they live is said here.
      output: { write: () => undefined },
    };
    await runAgent({ ...options, ...own }, signal);
  } catch (error) {
    // A neighbour that falls is the neighbour's trouble: the user's own agent goes on.
    if (!signal.aborted) output.write(`village: ${name} has stopped: ${describeError(error)}\n`);
  }
}

function neighbourConfig(name: string, modemUri: string, { trust, radio }: Config): Config {
  const own = parseConfig("", {
    CAYE_NODE_NAME: name,
    CAYE_RADIO_MODEM: modemUri,
    CAYE_API_PORT: "0",
    CAYE_METRICS_PORT: "0",
    CAYE_LOG_LEVEL: "error",
  });
  return {
    ...own,
    radio: { ...own.radio, hop_limit: radio.hop_limit },
    trust: { ...own.trust, tpm: neighbourTpm(trust.tpm) },
  };
}

/** Neighbours never share the machine's own TPM: they are other machines. */
function neighbourTpm(own: Config["trust"]["tpm"]): Config["trust"]["tpm"] {
  return own.kind === "none" ? own : { kind: "swtpm", uri: "swtpm:" };
}
