/**
 * Virtual machines by QEMU, emulated (no KVM is needed): an image of a tree, started with the tree's own kernel, its serial
 * console read and its power cut at will.
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, readdirSync } from "node:fs";
import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { succeed } from "./command.ts";

export interface Vm extends AsyncDisposable {
  /** All that its serial console said so far. */
  console(): string;
  /** Resolves with the first match after the given place of the console; rejects after so many seconds, or when it ends before. */
  until(pattern: RegExp, seconds: number, from?: number): Promise<RegExpExecArray>;
  /** Cuts its power. */
  kill(): Promise<void>;
}

export type Arch = "amd64" | "arm64";

/** Whatever a test needs besides: `install` is the line that installs it. */
export function qemuMissing(arch: Arch): string | undefined {
  const { program, packages } = SYSTEMS[arch];
  if (spawnSync(program, ["--version"]).error === undefined) return undefined;
  return `${program} is not installed: sudo apt-get install ${packages}`;
}

const SYSTEMS = {
  amd64: {
    program: "qemu-system-x86_64",
    packages: "qemu-system-x86",
    machine: ["-machine", "q35", "-cpu", "max", "-device", "i6300esb", "-watchdog-action", "reset"],
    console: "ttyS0",
  },
  arm64: {
    program: "qemu-system-aarch64",
    packages: "qemu-system-arm qemu-user-static binfmt-support arch-test",
    machine: ["-machine", "virt", "-cpu", "cortex-a76"],
    console: "ttyAMA0",
  },
} as const;

export interface VmOptions {
  readonly arch: Arch;
  /** Where kernel and initrd lie: below its `boot`. */
  readonly tree: string;
  /** What QEMU's `file=` takes: the path of a raw image, or the URI of a disk that is served. */
  readonly disk: string;
  readonly megabytes?: number;
  /** Added to the kernel's command line. */
  readonly words?: string;
  readonly args?: readonly string[];
  /** A file that the console is also written to, while the machine runs. */
  readonly log?: string;
}

/** A raw ext4 image of a tree, without any partition table. */
export async function imageOf(tree: string, image: string, megabytes: number): Promise<void> {
  await succeed(["mke2fs", "-q", "-t", "ext4", "-d", tree, image, `${megabytes}M`], { seconds: 600 });
  await truncate(image, megabytes * 2 ** 20);
}

/** Starts at once; what becomes of it stands on its console. */
export function startVm(options: VmOptions): Vm {
  const { program, machine, console } = SYSTEMS[options.arch];
  const words = `root=/dev/vda rw console=${console} quiet systemd.show_status=0 ${options.words ?? ""}`;
  const boot = readdirSync(join(options.tree, "boot"));
  const [kernel = "", initrd = ""] = ["vmlinuz-", "initrd.img-"].map(
    (name) => boot.find((file) => file.startsWith(name)) ?? "",
  );
  const child = spawn(
    "setpriv",
    [
      // It ends with whoever started it.
      ..."--pdeathsig KILL".split(" "),
      program,
      ...machine,
      ..."-accel tcg,thread=multi -smp 2 -nographic -no-reboot -net none -monitor none -serial stdio -m".split(" "),
      `${options.megabytes ?? 1024}`,
      "-kernel",
      join(options.tree, "boot", kernel),
      "-initrd",
      join(options.tree, "boot", initrd),
      "-append",
      words,
      "-drive",
      `file=${options.disk},format=raw,if=virtio,cache=writeback`,
      ...(options.args ?? []),
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let text = "";
  const listeners = new Set<() => void>();
  const collect = (chunk: Buffer): void => {
    text += chunk.toString();
    if (options.log !== undefined) appendFileSync(options.log, chunk);
    for (const listener of listeners) listener();
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  let ended = false;
  const exited = new Promise<void>((done) => {
    const end = (): void => {
      ended = true;
      for (const listener of listeners) listener();
      done();
    };
    child.once("close", end).once("error", end);
  });
  const kill = (): Promise<void> => {
    child.kill("SIGKILL");
    return exited;
  };
  return {
    console: () => text,
    kill,
    [Symbol.asyncDispose]: kill,
    until: (pattern, seconds, from = 0) =>
      new Promise((done, fail) => {
        const finish = (result: RegExpExecArray | Error): void => {
          clearTimeout(limit);
          listeners.delete(look);
          if (result instanceof Error) fail(result);
          else done(result);
        };
        const last = (): string => text.slice(-3000);
        const limit = setTimeout(
          () => finish(new Error(`${pattern} did not come in ${seconds} s:\n${last()}`)),
          seconds * 1000,
        );
        const look = (): void => {
          const match = pattern.exec(text.slice(from));
          if (match !== null) finish(match);
          else if (ended) finish(new Error(`the machine ended before ${pattern} came:\n${last()}`));
        };
        listeners.add(look);
        look();
      }),
  };
}
