/** The package of the working tree, built once for each content of it, as `npm run package` builds it. @module */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../e2e/agent-process.ts";
import { succeed } from "./command.ts";
import { MACHINES, RUN_ARM64 } from "./trees.ts";

/** All that may get into the package. */
const PARTS = ["src", "systemd", "provisioning", "docs", "ansible", "package.json", "package-lock.json", "README.md"];

/**
 * One that lies in `$CAYE_DEBS` is taken as it is: to test the very packages that are given out.
 *
 * @param options.version of the package, and what it calls itself; else that of package.json. Takes two minutes the first time.
 */
export async function builtDeb(arch: "amd64" | "arm64", options: { version?: string } = {}): Promise<string> {
  const manifest: { version: string } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const version = options.version ?? manifest.version;
  const given = join(process.env["CAYE_DEBS"] || "/nowhere", `caye_${version}_${arch}.deb`);
  if (existsSync(given)) return given;
  const home = join(MACHINES, "debs", await contentHash());
  const deb = join(home, `caye_${version}_${arch}.deb`);
  if (existsSync(deb)) return deb;
  await mkdir(home, { recursive: true });
  const build = [
    process.execPath,
    join(ROOT, "provisioning/package/build.ts"),
    "--arch",
    arch,
    "--version",
    version,
    "--out",
    home,
  ];
  const script = 'deb=$1; shift; test -e "$deb" || "$@"';
  await succeed(["flock", `${deb}.lock`, "sh", "-c", script, "build", deb, ...build], {
    seconds: 1200,
    cwd: ROOT,
    // Packed less tightly than what is given out: that takes a minute.
    env: { DPKG_DEB_COMPRESSOR_LEVEL: "0" },
  });
  return deb;
}

/** Into a tree that is not booted, as who builds an image does it. @param script besides, run in the tree */
export async function installInto(tree: string, deb: string, script = ":"): Promise<string> {
  const emulation = deb.endsWith("_arm64.deb") ? RUN_ARM64 : ":";
  const install = `${emulation}; mount -t proc proc "$1/proc"; cp "$2" "$1/caye.deb"
chroot "$1" apt-get install -y --no-install-recommends /caye.deb; rm "$1/caye.deb"; chroot "$1" bash -euc "$3"`;
  const words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-euc", install, "install"];
  const env = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
  return await succeed([...words, tree, deb, script], { seconds: 600, env });
}

async function contentHash(): Promise<string> {
  const flags = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", ...PARTS];
  const names = (await succeed(["git", ...flags], { seconds: 60, cwd: ROOT })).split("\0").filter(Boolean);
  const hash = createHash("sha256");
  for (const name of names.toSorted()) {
    const path = join(ROOT, name);
    if (existsSync(path)) hash.update(`${name}\0`).update(createHash("sha256").update(readFileSync(path)).digest());
  }
  return hash.digest("hex").slice(0, 16);
}
