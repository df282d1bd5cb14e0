/**
 * What somebody needs who helps from afar, in one file without secrets: an index, then texts, each bounded. Works without a
 * running agent; what could not be had stands in the index with its reason.
 * @module
 */
import { gzipSync } from "node:zlib";
import { fromUtf8, utf8 } from "../kernel/bytes.ts";
import type { BundleReport, BundleWish } from "../kernel/upkeep.ts";
import type { Machine } from "../ports/machine.ts";
import { formsOf, redacted, valuesIn } from "./redact.ts";
import { type TarFile, tarOf } from "./tar.ts";

const MAX_ENTRY_BYTES = 262_144;
const MAX_ALL_BYTES = 4 * 1_048_576;
const COMMAND_MS = 20_000;
const FOLDER = "caye-support";

type Source = { readonly name: string } & (
  | { readonly command: string; readonly args: readonly string[] }
  | { readonly path: string }
);

const SOURCES: readonly Source[] = [
  { name: "system.txt", command: "uname", args: ["-a"] },
  { name: "os-release.txt", path: "/etc/os-release" },
  { name: "board.txt", path: "/proc/device-tree/model" },
  { name: "config-txt.txt", path: "/boot/firmware/config.txt" },
  { name: "cmdline.txt", path: "/proc/cmdline" },
  { name: "units.txt", command: "systemctl", args: ["status", "caye*", "--all", "--no-pager", "--full", "--lines=0"] },
  { name: "timers.txt", command: "systemctl", args: ["list-timers", "--all", "--no-pager"] },
  { name: "failed.txt", command: "systemctl", args: ["--failed", "--no-pager"] },
  { name: "network.txt", command: "ip", args: ["-brief", "address"] },
  { name: "routes.txt", command: "ip", args: ["route"] },
  { name: "disk.txt", command: "df", args: ["-h"] },
  { name: "inodes.txt", command: "df", args: ["-i"] },
  { name: "memory.txt", path: "/proc/meminfo" },
  { name: "mounts.txt", path: "/proc/self/mounts" },
  { name: "usb.txt", command: "lsusb", args: [] },
  { name: "dmesg.txt", command: "dmesg", args: ["--ctime"] },
  { name: "boot.txt", command: "journalctl", args: ["--boot", "--priority=warning", "--lines=500", "--no-pager"] },
  { name: "provision-ok.txt", path: "/boot/firmware/PROVISION-OK.txt" },
  { name: "provision-failed.txt", path: "/boot/firmware/PROVISION-FAILED.txt" },
];

/** Files that hold nothing but a secret; `STATE` stands for the state directory. */
const SECRET_FILES = ["STATE/token", "STATE/store.key"];
/** Files where secrets stand among other settings. */
const SETTINGS_FILES = [
  "/boot/firmware/caye/secrets.toml",
  "/boot/firmware/user-data",
  "/boot/firmware/network-config",
];
const SETTINGS_FOLDERS = [
  "/etc/NetworkManager/system-connections",
  "/etc/wpa_supplicant",
  "/etc/hostapd",
  "/etc/netplan",
];

export async function makeBundle(machine: Machine, wish: BundleWish, atS: number): Promise<BundleReport> {
  const known = await knownSecrets(machine, wish);
  const files: TarFile[] = [];
  const entries: { name: string; bytes: number; source: string }[] = [];
  const missing: { name: string; reason: string }[] = [];
  let room = MAX_ALL_BYTES;
  const add = (name: string, source: string, text: string): void => {
    const bytes = ending(utf8(redacted(text, known)), Math.min(MAX_ENTRY_BYTES, room));
    room -= bytes.length;
    files.push({ name: `${FOLDER}/${name}`, bytes });
    entries.push({ name, bytes: bytes.length, source });
  };
  for (const [name, text] of Object.entries(wish.reports)) add(name, "the agent, or caye itself", text);
  for (const source of sourcesFor(wish)) {
    const found = await textOf(machine, source);
    if (found.text === undefined) missing.push({ name: source.name, reason: found.reason });
    else add(source.name, nameOf(source), found.text);
  }
  const index = indexOf(wish, entries, missing);
  const archive = tarOf([{ name: `${FOLDER}/index.txt`, bytes: utf8(redacted(index, known)) }, ...files], atS);
  const packed = gzipSync(archive);
  await machine.write(wish.out, packed, 0o600);
  return { file: wish.out, bytes: packed.length, entries, missing };
}

function sourcesFor({ configPath, journalLines }: BundleWish): readonly Source[] {
  const journal = ["--unit=caye*", `--lines=${journalLines}`, "--no-pager", "--output=short-iso"];
  return [
    ...(configPath === undefined ? [] : [{ name: "caye.toml", path: configPath }]),
    { name: "journal.txt", command: "journalctl", args: journal },
    ...SOURCES,
  ];
}

async function textOf(machine: Machine, source: Source): Promise<{ text?: string; reason: string }> {
  if ("path" in source) {
    const bytes = await machine.read(source.path, 4 * MAX_ENTRY_BYTES).catch(() => undefined);
    const text = bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8");
    return text === undefined ? { reason: `${source.path}: not there, or not for this user` } : { text, reason: "" };
  }
  const { status, stdout, stderr, missing } = await machine.run(source.command, source.args, { timeoutMs: COMMAND_MS });
  if (missing) return { reason: `${source.command} is not installed` };
  // systemctl status ends with 3 where a unit does not run, and tells all the same.
  if (stdout !== "") return { text: stdout, reason: "" };
  return { reason: status === 0 ? "it said nothing" : `${source.command}: ${stderr.split("\n")[0] ?? ""}` };
}

/** In every form; the longest first, so that no part of one stays. */
async function knownSecrets(machine: Machine, { statePath, configPath }: BundleWish): Promise<readonly string[]> {
  const secrets: string[] = [];
  const read = (path: string) => machine.read(path, 65_536).catch(() => undefined);
  const config = configPath === undefined ? undefined : fromUtf8((await read(configPath)) ?? new Uint8Array());
  const groupKeyFile = /^\s*group_key_file\s*=\s*"([^"]+)"/m.exec(config ?? "")?.[1];
  const own = SECRET_FILES.map((path) => path.replace("STATE", statePath));
  for (const path of groupKeyFile === undefined ? own : [...own, groupKeyFile]) {
    const bytes = await read(path);
    if (bytes !== undefined) secrets.push(...formsOf(bytes), ...hexWordsIn(fromUtf8(bytes) ?? ""));
  }
  const settings = [...SETTINGS_FILES];
  for (const folder of SETTINGS_FOLDERS)
    settings.push(...(await machine.list(folder)).map((name) => `${folder}/${name}`));
  for (const path of settings) {
    const text = fromUtf8((await read(path)) ?? new Uint8Array());
    if (text !== undefined) secrets.push(...valuesIn(text), ...hexWordsIn(text));
  }
  return [...new Set(secrets)].filter((value) => value !== "").toSorted((a, b) => b.length - a.length);
}

/** `caye-group-key 1 HEX`: the key alone, in either case and in base64. */
function hexWordsIn(text: string): readonly string[] {
  return [...text.matchAll(/\b[0-9a-f]{32,}\b/gi)].flatMap(([hex]) => [hex, ...formsOf(Buffer.from(hex, "hex"))]);
}

/** The end is what tells: the beginning goes where there is too much. */
function ending(bytes: Uint8Array, most: number): Uint8Array {
  if (bytes.length <= most) return bytes;
  return bytes.subarray(bytes.length - Math.max(0, most));
}

function nameOf(source: Source): string {
  return "path" in source ? source.path : [source.command, ...source.args].join(" ");
}

function indexOf({ version }: BundleWish, entries: BundleReport["entries"], missing: BundleReport["missing"]): string {
  const lines = [
    `Caye ${version}: what helps to find a fault. Secrets were removed; look through it before you give it away.`,
    "",
    ...entries.map(({ name, bytes, source }) => `${name.padEnd(24)}${String(bytes).padStart(9)}  ${source}`),
    "",
    ...missing.map(({ name, reason }) => `${name.padEnd(24)}  missing  ${reason}`),
  ];
  return `${lines.join("\n")}\n`;
}
