/**
 * The three files that cloud-init reads on a node's first boot: `user-data`, `meta-data`, `network-config`.
 *
 * The same for Raspberry Pi OS (Trixie) and for Debian: nothing here needs the module `rpi:`, which only the former has. What
 * it would do to `config.txt` on the node is done on the card, before the node starts.
 * @module
 */
import { createHash, pbkdf2Sync } from "node:crypto";
import { AgentError } from "../kernel/errors.ts";

type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml };

/** Rounds and length by IEEE 802.11i, annex H.4. */
const PSK_ROUNDS = 4_096;
const PSK_BYTES = 32;
const MAX_INLINE = 140;
const PLAIN_KEY = /^[a-z][a-z0-9_-]*$/;
const WORD = /^(?:y|n|yes|no|on|off|true|false|null)$/;

export interface Wifi {
  readonly ssid: string;
  /** The passphrase, or 64 hex digits; empty: an open network. */
  readonly password: string;
  readonly country: string;
}

export interface NodeLogin {
  readonly user: string;
  /** Lines of OpenSSH public keys; none: nobody can log in. */
  readonly keys: readonly string[];
}

export interface CloudInit {
  readonly hostname: string;
  readonly timezone: string;
  readonly login: NodeLogin;
  readonly wifi: Wifi | undefined;
}

export function userData({ hostname, timezone, login }: CloudInit): string {
  const user = {
    name: login.user,
    // Debian has groups named operator, staff and the like from the start; useradd makes nobody whose own group exists already.
    primary_group: "users",
    groups: ["adm", "sudo"],
    shell: "/bin/bash",
    lock_passwd: true,
    sudo: "ALL=(ALL) NOPASSWD:ALL",
    ssh_authorized_keys: login.keys,
  };
  const hasLogin = login.keys.length > 0;
  return `#cloud-config
# Written by caye provision card. What is changed here by hand is not noticed by a node that has started from it:
# change it with caye provision card, which gives the card a new instance-id.
${yaml({
  hostname,
  manage_etc_hosts: true,
  timezone,
  ssh_pwauth: false,
  disable_root: true,
  ...(hasLogin ? { users: [user] } : {}),
  runcmd: [
    ...(hasLogin ? [["systemctl", "enable", "--now", "--no-block", "ssh"]] : []),
    // In a unit of its own: cloud-init's last stage must not wait for it, nor end it.
    ["systemd-run", "--no-block", "--unit=caye-first-boot", ON_CONSOLE, "/bin/sh", FIRST_BOOT, "/boot/firmware"],
  ],
})}`;
}

/** Why a first boot failed, for whoever stands before the machine; all else goes to its log. */
const ON_CONSOLE = "--property=StandardError=journal+console";
const FIRST_BOOT = "/boot/firmware/caye/first-boot.sh";

export function metaData(instanceId: string, hostname: string): string {
  return yaml({ "instance-id": instanceId, "local-hostname": hostname });
}

/** Version 2, netplan's form. @param withWifi false: what stays on the card once the node knows the network */
export function networkConfig(wifi: Wifi | undefined, withWifi = true): string {
  const wired = { "all-wired": { match: { name: "e*" }, dhcp4: true, optional: true } };
  return `# Written by caye provision card.\n${yaml({
    version: 2,
    ethernets: wired,
    ...(wifi === undefined || !withWifi ? {} : { wifis: { wlan0: wireless(wifi) } }),
  })}`;
}

function wireless({ ssid, password, country }: Wifi): Yaml {
  return {
    dhcp4: true,
    optional: true,
    "regulatory-domain": country,
    "access-points": { [ssid]: password === "" ? {} : { password: wifiKey(ssid, password) } },
  };
}

/** What a passphrase comes to for that network: it opens the network as well, but does not tell the passphrase. */
function wifiKey(ssid: string, password: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(password)) return password.toLowerCase();
  if (!/^[\x20-\x7e]{8,63}$/.test(password)) {
    throw new AgentError("ORDER_INVALID", "a Wi-Fi passphrase has 8 to 63 characters of ASCII", {
      fix: "look at the file that wifi_password_file names; for an open network leave it out",
    });
  }
  return pbkdf2Sync(password, ssid, PSK_ROUNDS, PSK_BYTES, "sha1").toString("hex");
}

/** `caye-HOSTNAME-COUNTER-DIGEST`. */
const INSTANCE = /^instance-id: "caye-[a-z0-9-]{1,63}-(\d{1,9})-([0-9a-f]{16})"$/m;

/**
 * cloud-init does a card's work once for each instance-id: another one whenever anything on the card is another.
 * @param before the card's `meta-data`, empty when it has none
 * @param contents of all other files
 */
export function instanceIdFor(hostname: string, before: string, contents: readonly (readonly [string, Uint8Array])[]) {
  const digest = createHash("sha256");
  for (const [path, bytes] of contents) digest.update(`${path}\0${bytes.length}\0`).update(bytes);
  const hash = digest.digest("hex").slice(0, 16);
  const [, counter = "0", known] = INSTANCE.exec(before) ?? [];
  const number = known === hash ? Number(counter) : Number(counter) + 1;
  return `caye-${hostname}-${number}-${hash}`;
}

/** Block style; every text in double quotes, with the escapes that JSON and YAML have in common. */
function yaml(value: { readonly [key: string]: Yaml }, indent = ""): string {
  return Object.entries(value)
    .map(
      ([key, item]) =>
        `${indent}${PLAIN_KEY.test(key) && !WORD.test(key) ? key : quotedText(key)}:${after(item, indent)}`,
    )
    .join("");
}

function after(value: Yaml, indent: string): string {
  if (typeof value === "string") return ` ${quotedText(value)}\n`;
  if (typeof value !== "object") return ` ${value}\n`;
  if (isList(value)) {
    const inline = value.every(isText) ? `[${value.map(quotedText).join(", ")}]` : undefined;
    if (inline !== undefined && inline.length <= MAX_INLINE) return ` ${inline}\n`;
    return `\n${value.map((item) => `${indent}  -${listed(item, `${indent}    `)}`).join("")}`;
  }
  return Object.keys(value).length === 0 ? " {}\n" : `\n${yaml(value, `${indent}  `)}`;
}

function listed(item: Yaml, indent: string): string {
  if (typeof item === "object" && !isList(item)) return yaml(item, indent).replace(/^ +/, " ");
  return after(item, indent);
}

function isList(value: Yaml): value is readonly Yaml[] {
  return Array.isArray(value);
}

function isText(value: Yaml): value is string {
  return typeof value === "string";
}

function quotedText(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, (letter) => {
    return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
