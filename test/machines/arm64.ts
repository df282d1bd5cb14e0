/**
 * `npm run test:arm64`: the arm64 package in an emulated machine with Debian's own arm64 kernel: the agent under its unit,
 * natives, a GPIO line, a radio that is plugged in over USB while it runs.
 *
 * What stands in: QEMU's usb-serial (an FTDI, by a rule of the guest's own that gives it the radio's part) for a radio board,
 * its pl061 for the header's chip, a TPM in software for the chip (Debian's arm64 kernel has no driver for QEMU's).
 * @module
 */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/drivers/clock.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEther } from "../../src/sim/ether.ts";
import { openRadioDevice } from "../../src/sim/radio-device.ts";
import { line as lineOf, nodeNumber } from "../../src/sim/topology.ts";
import { table, type Row } from "../bench/table.ts";
import { ROOT } from "../e2e/agent-process.ts";
import { builtDeb, installInto } from "./deb.ts";
import { imageOf, qemuMissing, startVm, type Vm } from "./qemu.ts";
import { MACHINES, NODE_PACKAGES, baseTree, copyOfTree, reasonNotToRun } from "./trees.ts";

const DISK_MB = 3_500;
/** Everything is emulated: a boot takes most of a minute on a quiet machine. */
const STEP_SECONDS = 1_800;
const USAGE = `npm run test:arm64

Boots the arm64 package in an emulated machine and prints a table of what was seen. Takes some ten minutes, the first time twenty.
Exit codes: 0 all was seen, 1 something was not, 2 typed wrongly or nothing to run it with.`;
const RADIO =
  'SUBSYSTEM=="tty", KERNEL=="ttyUSB*", ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6001", ATTRS{serial}=="RADIO1", ENV{CAYE_ROLE}="meshtastic"\n';
const GUEST_UNIT = `[Unit]
After=caye.service
[Service]
Type=exec
ExecStart=/bin/bash /root/probe/guest.sh
StandardOutput=file:/dev/ttyAMA0
StandardError=inherit
Environment=HOME=/root
[Install]
WantedBy=multi-user.target
`;
/** Each check ends with a line of its own: `SEEN name status: the last line that it wrote`. */
const GUEST = `
seen() {
  name=$1; shift; status=0
  output=$("$@" 2>&1) || status=$?
  printf '\\nSEEN %s %s: %s\\n' "$name" "$status" "$(printf '%s' "$output" | tail -n 1)"
}
node=/usr/lib/caye/node_modules/.bin/node
soon() { for try in $(seq 300); do if "$@"; then return 0; fi; sleep 1; done; return 1; }
ready() { test "$(caye status --json | jq -r .radio.link)" = ready; }
by_name() { readlink -f /dev/meshtastic && stat -c '%G %a' -L /dev/meshtastic | grep -xF 'dialout 660'; }
seen health caye health --wait 900
seen unit systemctl is-active caye.service
seen version caye version
seen security bash -c 'systemd-analyze security --no-pager caye.service | tail -n 1'
for native in serialport classic-level libsystemd libgpiod; do seen "$native" $node /root/probe/native.cjs "$native"; done
chip=$(gpiodetect | head -n 1); echo "CHIP $chip"
seen gpio $node --disable-warning=ExperimentalWarning /root/probe/test/machines/gpio-probe.ts
seen unplugged test ! -e /dev/meshtastic
printf '\\nPLUG\\n'
seen udev-name bash -c "$(declare -f soon); soon test -e /dev/meshtastic; readlink -f /dev/meshtastic"
seen rights by_name
seen radio soon ready
seen radio-status bash -c 'caye status --json | jq -c "[.radio.link, .radio.modem, .radio.node_number, .radio.region, .radio.preset]"'
printf '\\nUNPLUG\\n'
seen gone bash -c "$(declare -f soon); soon test ! -e /dev/meshtastic"
seen still-healthy caye health --wait 60
printf '\\nPLUG\\n'
seen replugged soon ready
seen put bash -c 'echo hello >/root/hello.txt; caye put /root/hello.txt'
printf '\\nEND\\n'
`;
const NATIVE = `
const load = require("node:module").createRequire("/usr/lib/caye/package.json");
const tries = {
  serialport: () => Object.keys(load("@serialport/bindings-cpp")).length + " exports",
  "classic-level": async () => {
    const { ClassicLevel } = load("classic-level");
    const db = new ClassicLevel("/root/probe/level");
    await db.put("a", "b", { sync: true });
    const value = await db.get("a");
    await db.close();
    return "put and got " + value;
  },
  libsystemd: () => "sd_booted " + load("koffi").load("libsystemd.so.0").func("int sd_booted()")(),
  libgpiod: () => "libgpiod " + load("koffi").load("libgpiod.so.3").func("const char *gpiod_api_version()")(),
};
Promise.resolve(tries[process.argv[2]]()).then((text) => console.log(process.arch + ": " + text));
`;
/** In the table's order: each check, and what its last line must look like. */
const WANTED: readonly (readonly [name: string, means: string, line: RegExp])[] = [
  ["health", "the agent does its work", /Healthy/],
  ["unit", "under its unit", /^active$/],
  ["version", "the package's version", /./],
  ["security", "exposure 1.5 at most", / 1\.[0-5] | 0\.\d /],
  ["serialport", "native of serialport", /^arm64: /],
  ["classic-level", "native of classic-level", /^arm64: put and got b$/],
  ["libsystemd", "koffi, libsystemd", /^arm64: sd_booted 1$/],
  ["libgpiod", "koffi, libgpiod", /^arm64: libgpiod 2/],
  ["gpio", "a GPIO line set and read", /./],
  ["unplugged", "no radio at first", /^$/],
  ["udev-name", "plugged in: its udev name", /^\/dev\/ttyUSB\d+$/],
  ["rights", "its group and mode", /^dialout 660$/],
  ["radio", "the agent finds it ready", /^$/],
  ["radio-status", "as the agent says", /^\["ready"/],
  ["gone", "unplugged: the name goes", /^$/],
  ["still-healthy", "the agent goes on", /Healthy/],
  ["replugged", "plugged in again: ready", /^$/],
  ["put", "a file is taken in", /./],
];

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
  if (values.help === true) return console.log(USAGE);
  const reason = reasonNotToRun() ?? qemuMissing("arm64");
  if (reason !== undefined) {
    console.error(`SKIPPED  ${reason}`);
    process.exitCode = 2;
    return;
  }
  const scratch = await mkdtemp(join(tmpdir(), "caye-arm64-"));
  try {
    report(await see(scratch));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function see(scratch: string): Promise<string> {
  tell("the tree");
  const base = await baseTree("trixie", "arm64", [...NODE_PACKAGES, "initramfs-tools", "linux-image-arm64", "zstd"]);
  tell("the package");
  const deb = await builtDeb("arm64");
  const image = join(scratch, "disk.img");
  {
    await using tree = await copyOfTree(base);
    await prepare(tree.path, deb);
    await imageOf(tree.path, image, DISK_MB);
  }
  tell("the machine");
  const port = join(scratch, "radio.sock");
  const log = join(MACHINES, "arm64.log");
  await rm(log, { force: true });
  const usb = `-device qemu-xhci -chardev socket,id=radio,path=${port},server=on,wait=off -device usb-serial,chardev=radio,serial=RADIO1`;
  await using vm = startVm({ arch: "arm64", tree: base, disk: image, megabytes: 1536, args: usb.split(" "), log });
  try {
    await plugged(vm, port);
  } catch (error) {
    console.error(String(error));
  }
  return vm.console();
}

async function prepare(tree: string, deb: string): Promise<void> {
  const probe = join(tree, "root/probe");
  mkdirSync(join(probe, "test/machines"), { recursive: true });
  writeFileSync(join(probe, "guest.sh"), GUEST);
  writeFileSync(join(probe, "native.cjs"), NATIVE);
  cpSync(join(ROOT, "src"), join(probe, "src"), { recursive: true });
  cpSync(join(import.meta.dirname, "gpio-probe.ts"), join(probe, "test/machines/gpio-probe.ts"));
  cpSync(join(ROOT, "package.json"), join(probe, "package.json"));
  symlinkSync("/usr/lib/caye/node_modules", join(probe, "node_modules"));
  writeFileSync(join(tree, "etc/udev/rules.d/69-qemu-radio.rules"), RADIO);
  writeFileSync(join(tree, "etc/systemd/system/arm64-guest.service"), GUEST_UNIT);
  writeFileSync(join(tree, "etc/fstab"), "/dev/vda / ext4 defaults 0 1\n");
  await installInto(tree, deb, "systemctl mask serial-getty@ttyAMA0.service; systemctl enable arm64-guest.service");
  const config = join(tree, "etc/caye/caye.toml");
  const radio = '[radio]\nmodem = "serial:///dev/meshtastic?baud=115200"';
  writeFileSync(config, readFileSync(config, "utf8").replace(/^\[radio\]$/m, radio));
}

/** Plays the radio: plugs it in and out as the guest asks. QEMU's device is plugged in while somebody is connected to it. */
async function plugged(vm: Vm, port: string): Promise<void> {
  const clock = systemClock();
  const random = systemRandom();
  await using ether = openEther({ clock, random, modulation: PRESETS.LongFast, links: lineOf(2) });
  const whole = { ether, clock, random, nodeNumber: nodeNumber(0), region: "US", preset: "LongFast" };
  await using radio = await openRadioDevice(whole);
  const plug = (): Disposable => {
    const cable = connect(port);
    const board = connect(radio.port, "127.0.0.1");
    for (const end of [cable, board]) end.on("error", (error) => tell(`cable: ${error.message}`));
    cable.pipe(board).pipe(cable);
    return {
      [Symbol.dispose]: () => {
        cable.destroy();
        board.destroy();
      },
    };
  };
  await vm.until(/\nPLUG/, STEP_SECONDS);
  tell("the radio is plugged in");
  {
    using _ = plug();
    await vm.until(/\nUNPLUG/, STEP_SECONDS);
  }
  tell("the radio is unplugged");
  await vm.until(/\nSEEN still-healthy/, STEP_SECONDS);
  using _ = plug();
  await vm.until(/\nEND/, STEP_SECONDS);
}

function report(console_: string): void {
  const seen = new Map(
    [...console_.matchAll(/\nSEEN (\S+) (\d+): ?([^\r\n]*)/g)].map(([, name = "", status, last = ""]) => [
      name,
      { status: Number(status), last: last.trim() },
    ]),
  );
  const rows = WANTED.map(([name, means, wanted]): Row => {
    const { status, last } = seen.get(name) ?? { status: -1, last: "(not reached)" };
    return { check: means, seen: last, ok: status === 0 && wanted.test(last) ? "yes" : "NO" };
  });
  console.log(`\n${table(rows)}\n`);
  const bad = rows.filter(({ ok }) => ok !== "yes");
  if (bad.length > 0) {
    console.log(`${bad.length} of ${rows.length} not as wanted. The console's end:\n${console_.slice(-4000)}`);
    process.exitCode = 1;
  } else console.log(`${rows.length} of ${rows.length} as wanted`);
}

function tell(text: string): void {
  console.error(`arm64: ${text}`);
}
