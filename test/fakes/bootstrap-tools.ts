/** Radios and a bootstrap that say what the test wrote for them. @module */
import type { BootstrapReport, BootstrapTools, RadioReport, RadioWish } from "../../src/kernel/bootstrap.ts";
import { AgentError } from "../../src/kernel/errors.ts";

export const RADIO: RadioReport = {
  modem: "serial:///dev/serial/by-id/usb-RAK",
  node: "!0ca7e001",
  firmware: "2.7.26.54e0d8d",
  name: "clinic",
  role: "CLIENT",
  region: "US",
  preset: "LongFast",
  hop_limit: 3,
  tx_enabled: true,
  slot: 0,
  channels: [
    { index: 0, name: "", key: "public", fingerprint: "4bf5122f" },
    { index: 1, name: "village", key: "secret", fingerprint: "630dcd29" },
  ],
  warnings: ["channel 0 has the key that everybody has"],
};

export interface FakeBootstrap extends BootstrapTools {
  radios: readonly string[];
  readonly wishes: RadioWish[];
  changed: { readonly setting: string; readonly from: string; readonly to: string }[];
  report: BootstrapReport;
}

export function fakeBootstrap(): FakeBootstrap {
  const fake: FakeBootstrap = {
    radios: [RADIO.modem],
    wishes: [],
    changed: [{ setting: "region", from: "UNSET", to: "US" }],
    report: { result: "done", node: "clinic", steps: [] },
    findRadios: async () => fake.radios,
    showRadio: async (modem) => ({ ...RADIO, modem }),
    setRadio: async (modem, wish, onStep) => {
      fake.wishes.push(wish);
      onStep("reading the radio's settings");
      return { ...RADIO, modem, changed: fake.changed };
    },
    bootstrap: async (request, agent, onStep) => {
      if (request.card === "/none") throw new AgentError("ORDER_MISSING", "there is no order");
      await agent.status();
      for (const step of fake.report.steps) onStep(step);
      return fake.report;
    },
  };
  return fake;
}
