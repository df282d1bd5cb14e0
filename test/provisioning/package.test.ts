/** The package as it is built: the same bytes twice, nothing that dpkg would ask about, and scripts that a shell can read. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { STATE_FORMAT } from "../../src/drivers/state-directory.ts";
import { createReleaseKeys, decodeReleaseKey } from "../../src/release/keys.ts";
import { isOfRelease, verifyManifest } from "../../src/release/manifest.ts";
import { seeded } from "../fakes/seeded.ts";
import { builtDeb } from "../machines/deb.ts";
import { reasonNotToRunLong } from "../machines/trees.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PACKAGE = join(ROOT, "provisioning/package");
const SCRIPTS = [
  ...["preinst", "postinst", "prerm", "postrm"].map((name) => join(PACKAGE, "debian", name)),
  ...readdirSync(PACKAGE).flatMap((name) => (name.endsWith(".sh") ? [join(PACKAGE, name)] : [])),
];
/** Two builds, each with its own `npm ci`. */
const BUILD_MS = 1_200_000;
const VERSION = "77.0.1";
type Arch = "amd64" | "arm64";
const nameOf = (arch: Arch): string => `caye_${VERSION}_${arch}`;
/** Of the first member of an `ar` archive, in decimal: the time that the package was built for. */
const TIME = [24, 36] as const;

let directory: string;
let first: string;
let problem: string | undefined;

function run(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${error?.message ?? stderr}`);
  return stdout;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "caye-package-test-"));
  const cannot = spawnSync("dpkg-deb", ["--version"]).error;
  if (cannot !== undefined) {
    problem = "dpkg-deb is not installed";
    return;
  }
  try {
    first = await builtDeb("amd64", { version: VERSION });
  } catch (error) {
    if (!/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/.test(String(error))) throw error;
    problem = "npm's registry can't be reached";
  }
}, BUILD_MS);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function build(arch: Arch, out: string, ...more: readonly string[]): Buffer {
  const args = [join(PACKAGE, "build.ts"), "--arch", arch, "--version", VERSION, "--out", out, ...more];
  const env = {
    ...process.env,
    DPKG_DEB_COMPRESSOR_LEVEL: "0",
    SOURCE_DATE_EPOCH: readFileSync(first)
      .subarray(...TIME)
      .toString()
      .trim(),
  };
  const { status, stderr } = spawnSync(process.execPath, args, { env, cwd: ROOT, encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return readFileSync(join(out, `${nameOf(arch)}.deb`));
}

/** The same ones each time. */
function releaseKeys() {
  const keys = createReleaseKeys(seeded(5).random);
  const file = join(directory, "release.key");
  writeFileSync(file, keys.secret, { mode: 0o600 });
  return { keys, file };
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

test(
  "built again from the same tree it is the same bytes",
  (context) => {
    if (problem !== undefined) context.skip(problem);
    expect(hash(build("amd64", join(directory, "again")))).toBe(hash(readFileSync(first)));
  },
  BUILD_MS,
);

test(
  "with a release key it is signed, and brings the key",
  (context) => {
    if (problem !== undefined) context.skip(problem);
    const { keys, file } = releaseKeys();
    const signed = build("arm64", join(directory, "signed"), "--release-key", file);
    const name = nameOf("arm64");
    const key = decodeReleaseKey(keys.publicKey);
    const manifest = readFileSync(join(directory, "signed", `${name}.deb.manifest`));
    const release = verifyManifest(manifest, key.ok ? [key.value] : []);
    if (!release.ok) throw new Error(release.reason);
    expect(release.value.files.map((file) => file.name)).toEqual([
      `${name}.deb`,
      `${name}.cdx.json`,
      `${name}.sha256sums`,
    ]);
    expect(isOfRelease(release.value, `${name}.deb`, signed).ok).toBe(true);
    const listed = run("dpkg-deb", "--contents", join(directory, "signed", `${name}.deb`));
    expect(listed).toContain(`./usr/share/caye/release-keys/${keys.id}.pub`);
  },
  BUILD_MS,
);

test(
  "for arm64, signed, it is the same bytes again, too",
  (context) => {
    const reason = reasonNotToRunLong() ?? problem;
    if (reason !== undefined) context.skip(reason);
    const { file } = releaseKeys();
    const [once, again] = ["once", "once-more"].map((out) =>
      hash(build("arm64", join(directory, out), "--release-key", file)),
    );
    expect(again).toBe(once);
  },
  BUILD_MS,
);

test("dpkg has nothing to ask about, and knows the form of the state", (context) => {
  if (problem !== undefined) context.skip(problem);
  const control = run("dpkg-deb", "--info", first);
  expect(control).not.toContain("conffiles");
  expect(run("dpkg-deb", "--field", first, "Caye-State-Format").trim()).toBe(`${STATE_FORMAT}`);
  const listed = run("dpkg-deb", "--contents", first);
  for (const path of ["usr/share/caye/caye.toml", "usr/bin/caye", "usr/lib/caye/update", "usr/lib/caye/apt-hook"])
    expect(listed).toContain(` ./${path}\n`);
  expect(listed).not.toContain("./etc/caye/");
  expect(listed).toMatch(/^-rwxr-xr-x root\/root .* \.\/usr\/bin\/caye$/m);
  expect(run("dpkg-deb", "--info", first, "postinst")).toMatch(/^UNITS="[^"@]*\bcaye\.service"$/m);
});

describe("each script of the package", () => {
  const hasShellcheck = spawnSync("shellcheck", ["--version"]).error === undefined;

  test.for(SCRIPTS)("%s: a shell can read it, and shellcheck has nothing to say", (path, context) => {
    expect(run("sh", "-n", path)).toBe("");
    if (!hasShellcheck) context.skip("shellcheck is not installed");
    expect(run("shellcheck", "--shell=sh", path)).toBe("");
  });
});
