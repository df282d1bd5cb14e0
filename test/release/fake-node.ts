/** A node that packages are installed on, in memory: dpkg, systemd and the agent answer as far as an update asks them. @module */
import { utf8 } from "../../src/kernel/bytes.ts";
import type { Ran } from "../../src/ports/machine.ts";
import { createReleaseKeys, decodeReleaseSecret, type ReleaseSigner } from "../../src/release/keys.ts";
import { fileRow, signManifest } from "../../src/release/manifest.ts";
import { type FakeMachine, fakeMachine } from "../fakes/machine.ts";
import { seeded } from "../fakes/seeded.ts";

export const KEYS = createReleaseKeys(seeded(1).random);
export const SIGNER = signerOf(KEYS.secret);
export const STRANGER = signerOf(createReleaseKeys(seeded(2).random).secret);

function signerOf(secret: Uint8Array): ReleaseSigner {
  const signer = decodeReleaseSecret(secret);
  if (!signer.ok) throw new Error(signer.reason);
  return signer.value;
}

export class PowerCut extends Error {}

/** A package in this world is its version, its architecture and the format of its state, in words. */
function debText(version: string, arch = "arm64", format = 1): string {
  return `deb ${version} ${arch} ${format}`;
}

export interface FakeNode {
  readonly machine: FakeMachine;
  installed: string;
  /** What runs; undefined: no agent. */
  running: string | undefined;
  /** Versions whose agent never becomes healthy. */
  readonly sick: Set<string>;
  /** Versions that dpkg can't install. */
  readonly unfit: Set<string>;
  mode: "enforce" | "warn";
  tpm: string;
  radio: string;
  /** What `caye allow-update` ends with. */
  allows: boolean;
  /** How often dpkg finds another one at work. */
  busy: number;
  /** Commands and changes of files until the power fails. */
  left: number;
  /** Restarts of the machine that were asked for. */
  reboots: number;
  /** Puts a package there, with its manifest unless nobody signs. @returns its path */
  bring(version: string, options?: { signer?: ReleaseSigner | undefined; arch?: string; format?: number }): string;
}

export function fakeNode(): FakeNode {
  const machine = fakeMachine({ "/var/lib/caye/sealed-before.bin": "", "/usr/lib/caye/SHA256SUMS": "" });
  machine.files.set(`/etc/caye/release-keys/${KEYS.id}.pub`, KEYS.publicKey);
  const node: FakeNode = {
    machine,
    installed: "1.0.0",
    running: "1.0.0",
    sick: new Set(),
    unfit: new Set(),
    mode: "enforce",
    tpm: "swtpm:",
    radio: "ready",
    allows: true,
    busy: 0,
    left: Number.POSITIVE_INFINITY,
    reboots: 0,
    bring: (version, { signer = SIGNER, arch = "arm64", format = 1 } = {}) => {
      const path = `/media/stick/caye_${version}_${arch}.deb`;
      const bytes = utf8(debText(version, arch, format));
      machine.files.set(path, bytes);
      const files = [fileRow(`caye_${version}_${arch}.deb`, bytes)];
      const release = {
        version,
        arch: arch === "amd64" ? ("amd64" as const) : ("arm64" as const),
        sourceTimeS: 1,
        files,
      };
      machine.files.set(`${path}.manifest`, signManifest(release, signer));
      return path;
    },
  };
  machine.answer = (command, args) => answer(node, command, args);
  return withPower(node);
}

/** Each command and each change of a file takes power. */
function withPower(node: FakeNode): FakeNode {
  const { machine } = node;
  const unlimited = { ...machine };
  const spend = (): void => {
    if (node.left <= 0) throw new PowerCut();
    node.left--;
  };
  const powered: Pick<FakeMachine, "run" | "write" | "remove"> = {
    run: async (...call) => (spend(), await unlimited.run(...call)),
    write: async (...call) => (spend(), await unlimited.write(...call)),
    remove: async (...call) => (spend(), await unlimited.remove(...call)),
  };
  Object.assign(machine, powered);
  return node;
}

function answer(node: FakeNode, command: string, args: readonly string[]): Partial<Ran> {
  const commands: Readonly<Record<string, () => Partial<Ran> | undefined>> = {
    "dpkg-deb": () => dpkgDeb(node, args),
    mv: () => move(node, args),
    "dpkg-query": () => query(node, args[0] ?? ""),
    dpkg: () => dpkg(node, args, args.at(-1) ?? ""),
    systemctl: () => systemctl(node, args),
    "/usr/bin/caye": () => caye(node, args),
  };
  return commands[command]?.() ?? {};
}

function dpkgDeb(node: FakeNode, args: readonly string[]): Partial<Ran> {
  if (args[0] === "--field") return field(node, args[1] ?? "");
  if (args.includes("--build")) node.machine.files.set(args.at(-1) ?? "", utf8(debText(node.installed)));
  return {};
}

function caye(node: FakeNode, args: readonly string[]): Partial<Ran> {
  if (args[0] === "health") return health(node, args.includes("--radio"));
  return node.allows ? {} : { status: 1, stderr: "caye: the TPM is away\n" };
}

function move({ machine }: FakeNode, [from = "", to = ""]: readonly string[]): undefined {
  machine.files.set(to, machine.files.get(from) ?? utf8("nothing"));
  machine.files.delete(from);
  return undefined;
}

function field({ machine }: FakeNode, path: string): Partial<Ran> {
  const [kind, version, arch, format] = (machine.text(path) ?? "").split(" ");
  if (kind !== "deb") return { status: 2, stderr: "not a Debian format archive" };
  const lines = ["Package: caye", `Version: ${version}`, `Architecture: ${arch}`, "Installed-Size: 1000"];
  return { stdout: `${[...lines, `Caye-State-Format: ${format}`].join("\n")}\n` };
}

function query({ installed }: FakeNode, what: string): Partial<Ran> {
  if (what === "--show") return { stdout: `installed\n${installed}\narm64\n1000\n1\n` };
  if (what === "--listfiles") return { stdout: "/.\n/usr\n/usr/lib/caye\n" };
  if (what === "--status") return { stdout: `Package: caye\nStatus: install ok installed\nVersion: ${installed}\n` };
  return { stdout: "/var/lib/dpkg/info/caye.postinst\n" };
}

function dpkg(node: FakeNode, args: readonly string[], last: string): Partial<Ran> {
  if (args[0] === "--print-architecture") return { stdout: "arm64\n" };
  if (args[0] === "--compare-versions") return { status: (args[1] ?? "") > (args[3] ?? "") ? 0 : 1 };
  if (!args.includes("--install")) return {};
  if (node.busy-- > 0) return { status: 2, stderr: "dpkg: error: dpkg frontend lock was locked by another process\n" };
  const [, version = ""] = (node.machine.text(last) ?? "").split(" ");
  if (version === "" || node.unfit.has(version)) return { status: 1, stderr: "dpkg: error processing archive\n" };
  node.installed = version;
  return {};
}

function systemctl(node: FakeNode, args: readonly string[]): undefined {
  if (args[0] === "reboot") node.reboots++;
  if (args.at(-1) !== "caye.service") return undefined;
  if (args[0] === "stop") node.running = undefined;
  if (args[0] === "start") node.running = node.installed;
  return undefined;
}

function health({ running, sick, radio, tpm, mode }: FakeNode, demanded: boolean): Partial<Ran> {
  const up = running !== undefined && !sick.has(running);
  const deaf = demanded && radio !== "ready";
  const reasons = up ? (deaf ? ["the radio's link is down, not ready"] : []) : ["no agent is running here"];
  const about = up
    ? { version: running, pid: 7, radio, tpm, mode }
    : { version: "", pid: 0, radio: "", tpm: "", mode: "" };
  const healthy = reasons.length === 0;
  return {
    status: healthy ? 0 : 1,
    stdout: JSON.stringify({ healthy, reasons, state: "running", uptime_s: 1, ...about }),
  };
}
