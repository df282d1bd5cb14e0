/**
 * Simulated radios for agents of this machine: one air in real time, each radio on a TCP port of its own, as a Meshtastic
 * device with a network has it. Who has no radio tries several nodes with it, and a phone.
 * @module
 */
import { systemClock } from "../drivers/clock.ts";
import { systemRandom } from "../drivers/random.ts";
import { AgentError } from "../kernel/errors.ts";
import { aborted } from "../kernel/service.ts";
import type { RadiosRequest, SimulatedRadio } from "../kernel/simulation.ts";
import { PRESETS, presetNamed, presetNames, type PresetName } from "../radio/airtime.ts";
import { regionNamed, regionNames } from "../radio/region.ts";
import { openEther } from "./ether.ts";
import { openRadioDevice } from "./radio-device.ts";
import { fullMesh, line, nodeNumber } from "./topology.ts";

const DEFAULT_PRESET: PresetName = "LongFast";
/** The simulated village's. */
const DEFAULT_REGION = "US";

/**
 * Keeps them on the air until the signal aborts.
 * @param onUp told once, when all can be reached
 * @throws AgentError "PORT_TAKEN", "USAGE" for an unknown preset or region
 */
export async function serveRadios(
  request: RadiosRequest,
  onUp: (radios: readonly SimulatedRadio[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const { count, port, lossRatio, inLine } = request;
  const preset = presetOf(request.preset);
  const region = regionOf(request.region);
  const [clock, random] = [systemClock(), systemRandom()];
  const links = inLine ? line(count, lossRatio) : fullMesh(count, lossRatio);
  await using ether = openEther({ clock, random, modulation: PRESETS[preset], links });
  await using open = new AsyncDisposableStack();
  const radios: SimulatedRadio[] = [];
  for (let i = 0; i < count; i++) {
    const own = { nodeNumber: nodeNumber(i), ...(port === 0 ? {} : { port: port + i }) };
    const device = open.use(await openRadioDevice({ ether, clock, random, region, preset, ...own }));
    radios.push({ uri: device.uri, nodeNumber: own.nodeNumber });
  }
  onUp(radios);
  await aborted(signal);
}

function presetOf(name: string | undefined): PresetName {
  const preset = name === undefined ? DEFAULT_PRESET : presetNamed(name);
  if (preset !== undefined) return preset;
  throw new AgentError("USAGE", `there is no preset called ${name}; there are: ${presetNames().join(", ")}`);
}

function regionOf(name: string | undefined): string {
  // A radio from the factory has none, and waits to be told.
  if (name === undefined || name === "UNSET" || regionNamed(name).known) return name ?? DEFAULT_REGION;
  throw new AgentError("USAGE", `there is no region called ${name}; there are: ${regionNames().join(", ")}`);
}
