/** The set-up step, in a copy of its own, with npm, apt-get, dpkg-query, id and sudo that only take notes. @module */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const SETUP = fileURLToPath(new URL("../../provisioning/setup.mjs", import.meta.url));
const PACKAGES = ["swtpm", "swtpm-tools", "tpm2-tools", "libtss2-tcti-swtpm0", "socat"];
const BY_HAND = "sudo apt-get update && sudo apt-get install -y --no-install-recommends";

let root: string;
let bin: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "caye-setup-"));
  bin = join(root, "fake bin");
  mkdirSync(bin);
  mkdirSync(join(root, "provisioning"));
  copyFileSync(SETUP, join(root, "provisioning/setup.mjs"));
  const list = PACKAGES.map((name) => `${name} ${name.startsWith("lib") ? "-" : name} # why\n`).join("");
  writeFileSync(join(root, "provisioning/debian-packages.txt"), `# a comment\n\n${list}`);
  writeFileSync(join(root, "package.json"), '{"dependencies":{"zod":"4.0.0"}}');
  writeFileSync(join(root, "package-lock.json"), '{"v":1}');
  writeFileSync(join(root, "installed"), "");
  // Installs what an `npm ci` would: the packages and the pinned Node.
  fake(
    "npm",
    'mkdir -p node_modules/.bin node_modules/zod; echo {} > node_modules/zod/package.json; printf "#!/bin/sh\\n# $$\\n" > node_modules/.bin/node; chmod +x node_modules/.bin/node',
  );
  fake("dpkg-query", `echo "installed,base-files,base (= 13)"; sed 's/^/installed,/; s/$/,/' ${root}/installed`);
  fake(
    "apt-get",
    `for a in "$@"; do case "$a" in swtpm*|tpm2*|lib*|socat) echo "$a" >> ${root}/installed;; esac; done`,
  );
  fake("id", "echo 0");
  fake("sudo", "exit 1");
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A program that notes its arguments, then does what the script says. */
function fake(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >> "${root}/calls"\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

function setup(...args: string[]): { readonly code: number | null; readonly out: string } {
  const env = { PATH: `${bin}:/usr/bin:/bin`, npm_config_local_prefix: "/elsewhere", npm_package_name: "other" };
  const result = spawnSync(process.execPath, [join(root, "provisioning/setup.mjs"), ...args], {
    encoding: "utf8",
    env,
  });
  expect(result.stderr).toBe("");
  return { code: result.status, out: result.stdout.replace(/done in \d+ s/g, "done in N s") };
}

function calls(name: string): string[] {
  const all = existsSync(join(root, "calls")) ? readFileSync(join(root, "calls"), "utf8").split("\n") : [];
  return all.filter((call) => call.startsWith(`${name} `));
}

function leftovers(): string[] {
  return readdirSync(root).filter((name) => name.endsWith(".tmp"));
}

describe("set-up", () => {
  test("brings a fresh clone to everything it needs, one line a step, and is silent the second time", () => {
    expect(setup("--quiet")).toEqual({
      code: 0,
      out: `set-up: installing npm packages … done in N s\nset-up: compiling … done in N s\nset-up: installing Debian packages: ${PACKAGES.join(" ")} … done in N s\n`,
    });
    expect(calls("npm")).toHaveLength(1);
    expect(calls("apt-get")).toEqual([
      `apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends ${PACKAGES.join(" ")}`,
    ]);
    expect(setup("--quiet")).toEqual({ code: 0, out: "" });
    expect(setup()).toEqual({ code: 0, out: "set-up: everything is in place\n" });
    expect([calls("npm").length, calls("apt-get").length, leftovers()]).toEqual([1, 1, []]);
  });

  test("installs npm packages again when the lock file changed, or when a part of them is missing", () => {
    setup();
    writeFileSync(join(root, "package-lock.json"), '{"v":2}');
    expect(setup("--quiet").out).toContain("installing npm packages");
    rmSync(join(root, "node_modules/.bin/node"));
    expect(setup("--quiet").out).toContain("installing npm packages");
    rmSync(join(root, "node_modules/zod"), { recursive: true });
    expect(setup("--quiet").out).toContain("installing npm packages");
    expect(setup("--quiet").out).toBe("");
  });

  test("asks the inner npm for its own stage, not for the package that the outer npm runs", () => {
    fake("npm", `env | grep -c '^npm_' > "${root}/leaked"; exit 1`);
    setup();
    expect(readFileSync(join(root, "leaked"), "utf8").trim()).toBe("0");
    expect(calls("npm")[0]).toMatch(/^npm ci --no-audit --no-fund --prefix .*\/setup-\d+\.tmp$/);
  });

  test("installs only the Debian packages that are missing", () => {
    writeFileSync(join(root, "installed"), "swtpm\nsocat\ntpm2-tools\n");
    setup();
    expect(calls("apt-get")[0]).toMatch(/recommends swtpm-tools libtss2-tcti-swtpm0$/);
  });

  test("knows a package by the name that its successor provides, as libraries were renamed in Debian 13", () => {
    const others = PACKAGES.filter((name) => !name.startsWith("lib")).join("\n");
    writeFileSync(join(root, "installed"), `${others}\nlibtss2-tcti-swtpm0t64,libtss2-tcti-swtpm0 (= 4.1.3-1.2)\n`);
    setup();
    expect(calls("apt-get")).toEqual([]);
  });

  test("installs a package again that was removed and has only its configuration left", () => {
    writeFileSync(join(root, "installed"), PACKAGES.slice(1).join("\n"));
    fake("dpkg-query", `echo "config-files,swtpm,"; sed 's/^/installed,/; s/$/,/' ${root}/installed`);
    setup();
    expect(calls("apt-get")[0]).toMatch(/recommends swtpm$/);
  });

  test("links the pinned Node itself where npm leaves the link out, as Debian 13's own npm does", () => {
    const place = `node_modules/node-linux-${process.arch}/bin`;
    fake(
      "npm",
      `mkdir -p node_modules/.bin node_modules/zod ${place}; echo {} > node_modules/zod/package.json; printf "#!/bin/sh\\n" > ${place}/node; chmod +x ${place}/node`,
    );
    expect(setup("--quiet")).toMatchObject({ code: 0, out: expect.stringContaining("npm packages … done in N s\n") });
    expect(readlinkSync(join(root, "node_modules/.bin/node"))).toBe(`../node-linux-${process.arch}/bin/node`);
    expect(setup("--quiet")).toEqual({ code: 0, out: "" });
  });

  test("never fails without a word: says so when npm went well and yet left out what Caye needs", () => {
    fake("npm", "mkdir -p node_modules/.bin");
    const { code, out } = setup("--quiet");
    expect(code).toBe(1);
    expect(out).toContain(
      "npm packages … failed: npm ci went well, but left packages out; Caye can't start without them.",
    );
  });

  test("fetches package lists only when an install without them fails", () => {
    fake(
      "apt-get",
      `case "$*" in *update*) touch ${root}/lists;; *) test -e ${root}/lists && printf '%s\\n' ${PACKAGES.join(" ")} > ${root}/installed;; esac`,
    );
    expect(setup().out).toMatch(/Debian packages: .* … done in N s\n$/);
    expect(calls("apt-get").map((call) => call.split(" ")[3])).toEqual(["install", "update", "install"]);
  });

  test("as an ordinary user prints the exact line to type, and goes on", () => {
    fake("id", "echo 1000");
    expect(setup("--quiet")).toEqual({
      code: 0,
      out: `set-up: installing npm packages … done in N s\nset-up: compiling … done in N s\nset-up: some Debian packages are missing; to install them, type: ${BY_HAND} ${PACKAGES.join(" ")}\n`,
    });
    expect(calls("apt-get")).toEqual([]);
  });

  test("as a user with sudo and no password uses it", () => {
    fake("id", "echo 1000");
    fake("sudo", 'shift; exec "$@"');
    expect(setup("--quiet").out).toMatch(/Debian packages: .* … done in N s\n$/);
    expect(calls("sudo")[1]).toMatch(/^sudo -n env DEBIAN_FRONTEND=noninteractive apt-get /);
  });

  test("says so when apt-get fails, with its own words and the line to try, and goes on", () => {
    fake("apt-get", "echo 'E: Unable to locate package swtpm' >&2; exit 100");
    expect(setup("--quiet")).toEqual({
      code: 0,
      out: expect.stringContaining(
        `… failed (Unable to locate package swtpm); going on without them. To try by hand: ${BY_HAND} ${PACKAGES.join(" ")}\n`,
      ),
    });
  });

  test("on no Debian names the commands that are missing", () => {
    rmSync(join(bin, "dpkg-query"));
    for (const name of ["swtpm", "socat"]) fake(name, "");
    // Without the machine's own dpkg-query, whatever machine this is.
    const env = { PATH: bin };
    fake("npm", "exit 1");
    const { stdout } = spawnSync(process.execPath, [join(root, "provisioning/setup.mjs")], { encoding: "utf8", env });
    expect(stdout).toContain(
      "set-up: this is no Debian, so these commands must come from its own package manager: swtpm-tools, tpm2-tools\n",
    );
  });
});

describe("set-up without the internet", () => {
  const OFFLINE = "echo 'npm warn x' >&2; echo 'npm error network getaddrinfo EAI_AGAIN registry' >&2; exit 1";

  test("keeps the packages that are here, although the lock file changed, and goes on", () => {
    setup();
    const before = readFileSync(join(root, "node_modules/.bin/node"), "utf8");
    writeFileSync(join(root, "package-lock.json"), '{"v":2}');
    fake("npm", `mkdir node_modules; ${OFFLINE}`);
    expect(setup("--quiet")).toEqual({
      code: 0,
      out: "set-up: installing npm packages … failed (no connection to the internet); going on with the packages that are here\n",
    });
    expect(readFileSync(join(root, "node_modules/.bin/node"), "utf8")).toBe(before);
    expect(leftovers()).toEqual([]);
  });

  test("ends with 1 in a fresh clone, and says what to do", () => {
    fake("npm", OFFLINE);
    expect(setup("--quiet")).toEqual({
      code: 1,
      out: expect.stringContaining(
        "failed (no connection to the internet); Caye can't start without them. Connect to the internet once, then: npm run setup\n",
      ),
    });
  });

  test("tidies up after one that a power cut ended, and leaves one that still runs alone", () => {
    // No process has this number: Linux's own bound is 4,194,304.
    mkdirSync(join(root, "setup-9999999.tmp/node_modules"), { recursive: true });
    mkdirSync(join(root, `setup-${process.pid}.tmp`));
    setup();
    expect(leftovers()).toEqual([`setup-${process.pid}.tmp`]);
  });
});
