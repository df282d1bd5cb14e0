/** The settings of a Meshtastic radio on a serial line or a TCP port, as the port `RadioSetup`. @module */
import type { RadioSetup } from "../../ports/radio-setup.ts";
import { likelyRadios, type DiscoveryPlaces } from "./discover.ts";
import { parseRadioUri } from "./link.ts";
import { SetupLine, type LinePorts } from "./setup-line.ts";
import { orders, settingsOf } from "./setup-words.ts";

/** Each call opens the line and lets it go again: nobody else may have it meanwhile. */
export function meshtasticSetup(ports: LinePorts, places?: DiscoveryPlaces): RadioSetup {
  return {
    read: async (uri, signal) => {
      await using line = await SetupLine.open(parseRadioUri(uri), ports, signal);
      return settingsOf(await line.introduction());
    },
    write: async (uri, changes, signal) => {
      await using line = await SetupLine.open(parseRadioUri(uri), ports, signal);
      const known = await line.introduction();
      await line.order(known.nodeNumber, orders(known, changes));
    },
    find: () => likelyRadios(places),
  };
}
