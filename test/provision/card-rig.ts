/** A card in memory, a package with its manifest, and a request to write it. @module */
import { seeded } from "../fakes/seeded.ts";
import { fakeMachine, type FakeMachine } from "../fakes/machine.ts";
import { judgePackage } from "../../src/compose/provision-tools.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import type { CardRequest, CardWishes } from "../../src/kernel/provision.ts";
import type { CardParts } from "../../src/provision/card-files.ts";
import { createReleaseKeys, decodeReleaseSecret } from "../../src/release/keys.ts";
import { fileRow, signManifest } from "../../src/release/manifest.ts";

export const CARD = "/media/bootfs";
export const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq0cX8p0iVw2u5o6o2T8B3f8m2yq1l1l1l1l1l1l1l1 ana@laptop";

export const FLEET = `
[defaults]
region = "US"
timezone = "America/Belize"
language = "es"
country = "BZ"
wifi = "Café: clinic #1"
wifi_password_file = "wifi.txt"
ssh_keys = ["${SSH_KEY}"]
package = "caye_1.0_arm64.deb"
release_keys = ["ours.pub"]
group_key_file = "group.key"

[nodes.clinic-roof]
tpm = "chip"

[nodes.school]
radio = "spi"
hat = "lora-Adafruit-RFM9x.yaml"
tpm = "chip"
`;

export function cardRig(): { readonly machine: FakeMachine; readonly parts: CardParts } {
  const { random } = seeded(31);
  const keys = createReleaseKeys(random);
  const signer = decodeReleaseSecret(keys.secret);
  if (!signer.ok) throw new Error(signer.reason);
  const deb = utf8("a package");
  const files = [fileRow("caye_1.0_arm64.deb", deb)];
  const manifest = signManifest({ version: "1.0", arch: "arm64", sourceTimeS: 0, files }, signer.value);
  const machine = fakeMachine({
    [`${CARD}/config.txt`]: "dtparam=audio=on\n\n[cm5]\ndtoverlay=dwc2\n",
    [`${CARD}/cmdline.txt`]: "console=tty1 root=PARTUUID=1-02 rootwait\n",
    [`${CARD}/overlays/README`]: "",
    "/fleet/fleet.toml": FLEET,
    "/fleet/wifi.txt": "pan dulce\n",
    "/fleet/group.key": `# The group key of a private village\ncaye-group-key 1 ${"5a".repeat(32)}\n`,
    "/fleet/caye_1.0_arm64.deb": "a package",
  });
  machine.files.set("/fleet/caye_1.0_arm64.deb.manifest", manifest);
  machine.files.set("/fleet/ours.pub", keys.publicKey);
  return { machine, parts: { machine, firstBoot: async () => utf8("#!/bin/sh\n"), judgePackage } };
}

export function request(node: string, wishes: CardWishes = {}, more: Partial<CardRequest> = {}): CardRequest {
  return {
    directory: CARD,
    fleet: "/fleet/fleet.toml",
    node,
    wishes,
    dryRun: false,
    replace: false,
    forceDirectory: false,
    ...more,
  };
}

/** What lies on the card, by path. */
export function contents(machine: FakeMachine): Record<string, string> {
  const paths = [...machine.files.keys()].filter((path) => path.startsWith(`${CARD}/`)).toSorted();
  return Object.fromEntries(paths.map((path) => [path.slice(CARD.length + 1), machine.text(path) ?? ""]));
}
