/** The image's recipe: its hooks are run over a tree, and the tree is judged by `image-check`; and what `image-check` refuses. @module */
import { spawnSync } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { thisMachine } from "../../src/drivers/machine.ts";
import { checkImage } from "../../src/provision/image-check.ts";

const IMAGE = resolve(import.meta.dirname, "../../provisioning/image");
const LAYER = join(IMAGE, "layer/caye-node.yaml");
const Recipe = z.object({
  mmdebstrap: z.object({ packages: z.array(z.string()), "customize-hooks": z.array(z.string()) }),
});

/** YAML by a reader of its own; undefined where there is none. */
function readYaml(file: string): unknown {
  const program = "import sys, json, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
  const { status, stdout } = spawnSync("/usr/bin/python3", ["-c", program, file], { encoding: "utf8" });
  return status === 0 ? JSON.parse(stdout) : undefined;
}

/** What installing the package leaves in a tree, as far as it matters here. */
const CHROOT = `#!/bin/sh
tree=$1; shift
case "$*" in
  "apt-get install"*)
    mkdir -p "$tree/usr/bin" "$tree/var/lib/dpkg/info" "$tree/etc/caye/release-keys" "$tree/var/lib/caye-update"
    test -s "$tree/var/cache/caye.deb" || exit 1
    echo x > "$tree/usr/bin/caye"; echo /usr/bin/caye > "$tree/var/lib/dpkg/info/caye.list"
    echo '[node]' > "$tree/etc/caye/caye.toml"; echo key > "$tree/etc/caye/release-keys/ours.pub"
    echo ours.pub > "$tree/var/lib/caye-update/keys-offered" ;;
  "systemctl enable"*)
    mkdir -p "$tree/etc/systemd/system/multi-user.target.wants"
    ln -s "/usr/lib/systemd/system/$3" "$tree/etc/systemd/system/multi-user.target.wants/$3" ;;
  *) exit 9 ;;
esac
`;

interface Built extends AsyncDisposable {
  readonly tree: string;
  readonly faults: () => Promise<readonly string[]>;
}

/** As rpi-image-gen does it: the layer's overlay first, then its hooks, each by a shell with the tree as `$1`. */
async function built(hooks: readonly string[]): Promise<Built> {
  const scratch = await mkdtemp(join(tmpdir(), "caye-image-"));
  const [tree, bin] = [join(scratch, "tree"), join(scratch, "bin")];
  await mkdir(join(tree, "boot/firmware"), { recursive: true });
  await mkdir(join(tree, "etc"), { recursive: true });
  await mkdir(bin);
  await writeFile(join(tree, "boot/firmware/config.txt"), "dtparam=audio=on\n");
  await writeFile(join(tree, "etc/shadow"), "root:*:20000:0:99999:7:::\noperator:!:20000::::::\n");
  await writeFile(join(scratch, "caye.deb"), "package");
  await writeFile(join(bin, "chroot"), CHROOT);
  await chmod(join(bin, "chroot"), 0o755);
  await cp(join(IMAGE, "layer/caye-node.rootfs-overlay"), tree, { recursive: true });
  const env = { PATH: `${bin}:/usr/bin:/bin`, IGconf_caye_package: join(scratch, "caye.deb"), IGconf_caye_tpm: "y" };
  for (const hook of hooks) {
    const { status, stderr } = spawnSync("sh", ["-c", hook, "exec", tree], { env, encoding: "utf8" });
    expect([status, stderr], hook).toEqual([0, ""]);
  }
  return {
    tree,
    faults: async () =>
      (await checkImage(thisMachine(), tree)).checks.filter(({ state }) => state === "FAIL").map(({ name }) => name),
    [Symbol.asyncDispose]: () => rm(scratch, { recursive: true, force: true }),
  };
}

function hooksOf(): readonly string[] | undefined {
  const read = readYaml(LAYER);
  return read === undefined ? undefined : Recipe.parse(read).mmdebstrap["customize-hooks"];
}

test("a tree that the layer was put into is one that a node can live in", async (context) => {
  const hooks = hooksOf();
  if (hooks === undefined) {
    context.skip("python3-yaml is not installed here");
    return;
  }
  await using image = await built(hooks);
  expect(await image.faults()).toEqual([]);
  expect(await readFile(join(image.tree, "boot/firmware/config.txt"), "utf8")).toBe(
    "dtparam=audio=on\n\n# caye begin: written by the layer caye-node; changes in here are lost\n[all]\n" +
      "dtparam=spi=on\ndtoverlay=tpm-slb9670\ndtparam=watchdog=on\n# caye end\n",
  );
});

test("without one of its hooks, or with a trap in it, the tree is refused", async (context) => {
  const hooks = hooksOf();
  if (hooks === undefined) {
    context.skip("python3-yaml is not installed here");
    return;
  }
  const [install = "", , ...others] = hooks;
  await using uncleaned = await built([install, ...others]);
  expect(await uncleaned.faults()).toEqual(["nothing baked in"]);
  await using bare = await built([]);
  expect(await bare.faults()).toEqual(["package", "first boot"]);
  await using spoiled = await built(hooks);
  const shared = join(spoiled.tree, "etc/rpi-image-gen/slot-shared.d/caye.conf");
  const says = await readFile(shared, "utf8");
  // rpi-image-gen takes nothing from a file of another version.
  for (const text of ["", says.replace("Version=1", "Version=2"), says.replace("Path=/var/lib/caye\n", "")]) {
    await writeFile(shared, text);
    expect(await spoiled.faults()).toEqual(["data across slots"]);
  }
  await writeFile(shared, says);
  await writeFile(join(spoiled.tree, "etc/shadow"), "operator:$y$j9T$abc:20000::::::\n");
  expect(await spoiled.faults()).toEqual(["passwords"]);
});

test("the layer's head names what its hooks and its configuration use", async (context) => {
  const config = readYaml(join(IMAGE, "config/caye-node.yaml"));
  if (config === undefined) {
    context.skip("python3-yaml is not installed here");
    return;
  }
  const head = (await readFile(LAYER, "utf8")).split("# METAEND")[0] ?? "";
  const field = (name: string): string | undefined => new RegExp(`^# X-Env-${name}: (.*)$`, "m").exec(head)?.[1];
  expect(head.startsWith("# METABEGIN\n")).toBe(true);
  expect(config).toMatchObject({
    include: { file: "trixie-minbase-ab.yaml" },
    layer: { app: field("Layer-Name") },
    [field("VarPrefix") ?? ""]: { package: expect.any(String) },
  });
  const used = [...(hooksOf() ?? []).join("\n").matchAll(/IGconf_caye_(\w+)/g)].map(([, name]) => name ?? "");
  const declared = [...head.matchAll(/^# X-Env-Var-(\w+):/gm)].map(([, name]) => name ?? "");
  expect([...new Set(used)].toSorted()).toEqual(declared.toSorted());
});

test("its unit is one that systemd takes", (context) => {
  const unit = join(IMAGE, "layer/caye-node.rootfs-overlay/usr/lib/systemd/system/caye-first-boot-resume.service");
  const { error, status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", unit], { encoding: "utf8" });
  if (error !== undefined) context.skip("systemd-analyze is not installed here");
  expect([status, stderr.split("\n").filter((line) => line.includes("caye-first-boot"))]).toEqual([0, []]);
});
