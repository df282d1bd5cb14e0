/**
 * Debian trees to boot and to install into: made by mmdebstrap from the mirror that this machine's apt uses, once for each
 * (suite, architecture, packages), and kept below `$CAYE_MACHINES` (else /var/cache/caye-machines). To have fresh ones,
 * remove that directory.
 * @module
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { succeed } from "./command.ts";

export type Suite = "bookworm" | "trixie";

/** What is kept from one run to the next. */
export const MACHINES = process.env["CAYE_MACHINES"] || "/var/cache/caye-machines";

/** What boots, runs the agent with a TPM in software, and lets a script look at it. */
export const NODE_PACKAGES: readonly string[] = [
  "systemd",
  "systemd-sysv",
  "udev",
  "dbus",
  "kmod",
  "ca-certificates",
  "swtpm",
  "swtpm-tools",
  "tpm2-tools",
  "libtss2-tcti-swtpm0",
  "gpiod",
  "libgpiod",
  "openssl",
  "iproute2",
  "procps",
  "jq",
  "libstdc++6",
];

/** What a node in the field has: besides, what a first boot works with. */
export const FIELD_PACKAGES: readonly string[] = [
  ...NODE_PACKAGES,
  "python3",
  "python3-apt",
  "cloud-init",
  "ansible",
  "socat",
];

/** Packages that go by another name in a suite. */
const NAMES: Readonly<Record<Suite, Readonly<Record<string, string>>>> = {
  bookworm: { libgpiod: "libgpiod2" },
  trixie: { libgpiod: "libgpiod3", ansible: "ansible-core" },
};
const BUILD_SECONDS = { amd64: 900, arm64: 3600 } as const;
const DEBIAN_MIRROR = "http://deb.debian.org/debian";
const SECURITY_MIRROR = "http://deb.debian.org/debian-security";
/**
 * Lets arm64 programs run, emulated; the shell's words, for a script in mounts of its own: the kernel forgets it with the last
 * mount of this kind.
 */
export const RUN_ARM64 =
  "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; update-binfmts --enable qemu-aarch64";

/** The path of the cached tree: to be read, never to be changed. The first call takes one minute, for arm64 five. */
export async function baseTree(suite: Suite, arch: "amd64" | "arm64", packages: readonly string[]): Promise<string> {
  const names = packages.map((name) => NAMES[suite][name] ?? name).toSorted();
  const key = createHash("sha256").update(names.join(" ")).digest("hex").slice(0, 12);
  const tree = join(MACHINES, "trees", `${suite}-${arch}-${key}`);
  if (existsSync(tree)) return tree;
  mkdirSync(join(MACHINES, "trees"), { recursive: true });
  const script = [
    `set -eu; test ! -e '${tree}' || exit 0; rm -rf --one-file-system '${tree}.part'`,
    ...(arch === "arm64" ? [RUN_ARM64] : []),
    'TMPDIR=/tmp mmdebstrap --quiet --variant=minbase "$@" || exit 1',
    // mmdebstrap gives a tree this machine's own name.
    `echo debian > '${tree}.part/etc/hostname'; rm -f '${tree}.part/etc/resolv.conf'`,
    `mv '${tree}.part' '${tree}'`,
  ].join("\n");
  const options = [`--arch=${arch}`, `--include=${names.join(",")}`, suite, `${tree}.part`, ...sources(suite)];
  const locked = ["flock", `${tree}.lock`, "unshare", "-m", "bash", "-c", script, "tree", ...options];
  // Whoever waits for the lock waits for another's whole build, too.
  await succeed(locked, { seconds: 2 * BUILD_SECONDS[arch] });
  return tree;
}

/** A copy that may be changed; removed at the end. */
export async function copyOfTree(base: string): Promise<AsyncDisposable & { readonly path: string }> {
  // Next to the tree lies what systemd-nspawn locks it with.
  const home = await mkdtemp(join(tmpdir(), "caye-tree-"));
  const path = join(home, "tree");
  const remove = (): Promise<void> => rm(home, { recursive: true, force: true });
  try {
    await succeed(["cp", "-a", base, path], { seconds: 300 });
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: remove };
}

/** One line for each source, of the mirrors that this machine's apt knows for Debian, whatever its own suite. */
function sources(suite: Suite): readonly string[] {
  const format = ["--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"];
  const listed = spawnSync("apt-get", ["indextargets", ...format], { encoding: "utf8" }).stdout ?? "";
  const known = [
    ...new Set(
      [...listed.matchAll(/^(\S+) (?:bullseye|bookworm|trixie|forky|sid)(-updates|-security)?$/gm)].map(
        ([, uri = "", pocket = ""]) => `deb ${uri} ${suite}${pocket} main`,
      ),
    ),
  ];
  if (known.length > 0) return known;
  return [`deb ${DEBIAN_MIRROR} ${suite} main`, `deb ${SECURITY_MIRROR} ${suite}-security main`];
}

/** For `context.skip()`: why no tree can be made or booted here; undefined when it can. */
export function reasonNotToRun(): string | undefined {
  if (process.getuid?.() !== 0) return "machines are made and booted by root alone";
  const missing = ["mmdebstrap", "systemd-nspawn", "unshare", "flock"].find((name) => !isInstalled(name));
  if (missing !== undefined) return `${missing} is not installed`;
  const namespace = 'mount --make-rprivate / && mount -t cgroup2 cgroup2 "$(mktemp -d -p /dev/shm)"';
  if (spawnSync("unshare", ["-m", "bash", "-c", namespace]).status !== 0)
    return "this machine grants no namespaces, or no cgroups of version 2";
  return existsSync(join(MACHINES, "trees")) || reachesMirror() ? undefined : "Debian's packages can't be reached";
}

/** The same for what takes minutes, and is tried by a command of its own. */
export function reasonNotToRunLong(): string | undefined {
  return process.env["CAYE_TEST_MACHINES"] === "1"
    ? reasonNotToRun()
    : "it takes minutes: npm run test:machines does it";
}

function isInstalled(name: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function reachesMirror(): boolean {
  const [, uri = DEBIAN_MIRROR] = sources("trixie")[0]?.split(" ") ?? [];
  const ask = `fetch(process.argv[1], { method: "HEAD", signal: AbortSignal.timeout(10_000) }).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))`;
  return spawnSync(process.execPath, ["-e", ask, `${uri.replace(/\/$/, "")}/dists/trixie/InRelease`]).status === 0;
}
