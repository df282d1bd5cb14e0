/**
 * `npm run test:power`: a virtual node whose power fails again and again, under load and while its package is exchanged.
 * After each cut it must come back healthy by itself, in the old version or the new one, with all that it acknowledged.
 *
 * The power takes with it what the disk was not told to keep (`cut-disk.ts`). A run that was broken off goes on.
 * @module
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { describeError } from "../../src/kernel/errors.ts";
import { createReleaseKeys, decodeReleaseSecret } from "../../src/release/keys.ts";
import { table, type Row } from "../bench/table.ts";
import { seeded } from "../fakes/seeded.ts";
import { openCutDisk } from "./cut-disk.ts";
import { builtDeb, installInto } from "./deb.ts";
import { otherDeb, signDeb } from "./other-deb.ts";
import { SETTLED } from "./power-words.ts";
import type { Job } from "./power-guest.ts";
import { imageOf, qemuMissing, startVm, type Vm } from "./qemu.ts";
import { MACHINES, NODE_PACKAGES, baseTree, copyOfTree, reasonNotToRun } from "./trees.ts";

const NEWER = "99.0.1";
const HOME = join(MACHINES, "power");
const DISK = join(HOME, "disk.img");
const BOOK = join(HOME, "book.json");
const DISK_MB = 3_000;
/** An emulated machine on a busy host takes its time. */
const BOOT_SECONDS = 3_000;
/** Back where it came from when it is the newer one: so each exchange goes between the same two versions. */
const UPDATE = `${SETTLED}; if caye version | grep -qF ${NEWER}; then caye update rollback --wait 900; else
caye update apply /root/power/caye_${NEWER}_amd64.deb --wait 900; fi; status=$?; ${SETTLED}; caye update status; exit $status`;
const ACK = /\nACK (\S+) (\S+) ([0-9a-f]{64})\r?\n/g;
const GUEST_UNIT = `[Unit]
After=caye.service
[Service]
Type=exec
ExecStart=/usr/lib/caye/node_modules/.bin/node --disable-warning=ExperimentalWarning /root/power/power-guest.ts
Restart=on-failure
RestartSec=5
StandardOutput=file:/dev/ttyS0
Environment=HOME=/root
[Install]
WantedBy=multi-user.target
`;
/** For a moment at which something is written and not flushed: they are short. */
const MOST_PATIENCE_MS = 20_000;
/** The unit's limits are those of a Pi; this processor is emulated, and its host may have other work. */
const PATIENCE = "[Service]\nTimeoutStartSec=1800\nWatchdogSec=600\n";
const USAGE = `npm run test:power -- [--cuts N] [--seed N] [--fresh]

  --cuts N  how often the power fails; else 20. Half of the times the package is being exchanged
  --seed N  of the moments; else 1
  --fresh   begin anew, where else the last run that was broken off goes on

Exit codes: 0 nothing was lost and the node came back each time, 1 not so, 2 typed wrongly or nothing to run it with.`;

interface Cut {
  readonly cut: number;
  readonly during: string;
  /** Sectors that the power took with it, of those that were not flushed. */
  readonly sectors: string;
  readonly acknowledged: number;
}

/** How the node was when it came back. */
interface Found {
  readonly seconds: number;
  readonly health: string;
  readonly version: string;
  readonly dpkg: string;
  readonly code: string;
  readonly log: string;
  readonly update: string;
  readonly checked: number;
  readonly lost: number;
}

interface Book {
  readonly seed: number;
  readonly acknowledged: Job["acknowledged"];
  /** How long an exchange of the package takes when nobody disturbs it; 0 before it was measured. */
  readonly updateSeconds: number;
  readonly cuts: readonly (Cut & { readonly found?: Found })[];
}

const { values } = typed();
if (values.help === true) console.log(USAGE);
else await main(whole(values.cuts, 20), whole(values.seed, 1));

async function main(cuts: number, seed: number): Promise<void> {
  const reason = reasonNotToRun() ?? qemuMissing("amd64");
  if (reason !== undefined) {
    console.error(`SKIPPED  ${reason}`);
    process.exitCode = 2;
    return;
  }
  if (values.fresh === true) rmSync(HOME, { recursive: true, force: true });
  const tree = await baseTree("trixie", "amd64", [
    ...NODE_PACKAGES,
    "initramfs-tools",
    "linux-image-cloud-amd64",
    "zstd",
  ]);
  let book = existsSync(BOOK) ? readBook() : await begin(tree, seed);
  if (book.updateSeconds === 0) book = await measure(tree, book);
  while (book.cuts.length < cuts || book.cuts.at(-1)?.found === undefined) {
    book = await round(tree, book, cuts);
    save(book);
  }
  report(book);
}

/** A disk with the older version on it, and the newer one's package. */
async function begin(base: string, seed: number): Promise<Book> {
  mkdirSync(HOME, { recursive: true });
  tell("making the disk");
  const older = await builtDeb("amd64");
  const newer = await otherDeb(older, HOME, { version: NEWER });
  await using tree = await copyOfTree(base);
  mkdirSync(join(tree.path, "root/power"));
  const keys = createReleaseKeys(seeded(seed).random);
  const signer = decodeReleaseSecret(keys.secret);
  if (!signer.ok) throw new Error(signer.reason);
  signDeb(newer, signer.value);
  mkdirSync(join(tree.path, "etc/caye/release-keys"), { recursive: true });
  writeFileSync(join(tree.path, "etc/caye/release-keys/power.pub"), keys.publicKey);
  for (const file of [newer, `${newer}.manifest`]) await copyFile(file, join(tree.path, "root/power", basename(file)));
  for (const file of ["power-guest.ts", "power-words.ts"])
    await copyFile(join(import.meta.dirname, file), join(tree.path, "root/power", file));
  writeFileSync(join(tree.path, "etc/systemd/system/power-guest.service"), GUEST_UNIT);
  mkdirSync(join(tree.path, "etc/systemd/system/caye.service.d"));
  writeFileSync(join(tree.path, "etc/systemd/system/caye.service.d/emulated.conf"), PATIENCE);
  writeFileSync(join(tree.path, "etc/fstab"), "/dev/vda / ext4 defaults 0 1\n");
  const mask = "systemctl mask serial-getty@ttyS0.service apt-daily.timer apt-daily-upgrade.timer";
  await installInto(tree.path, older, `${mask}; systemctl enable power-guest.service`);
  await imageOf(tree.path, `${DISK}.part`, DISK_MB);
  renameSync(`${DISK}.part`, DISK);
  const book: Book = { seed, acknowledged: [], updateSeconds: 0, cuts: [] };
  save(book);
  return book;
}

/** One exchange of the package that nobody disturbs; the machine is then switched off as roughly as ever. */
async function measure(tree: string, book: Book): Promise<Book> {
  return await withMachine(tree, { cut: 0, update: UPDATE, acknowledged: [] }, async (vm, cutPower) => {
    const found = await whenBack(vm, 0);
    if (!isWell(found)) throw new Error(`the node was not well before any cut: ${JSON.stringify(found)}`);
    await vm.until(/\nUPDATE begins/, BOOT_SECONDS);
    const beganMs = Date.now();
    const [line, status] = await vm.until(/\nUPDATE ended (-?\d+) .*/, BOOT_SECONDS);
    if (status !== "0") throw new Error(`an undisturbed update failed:${line}`);
    const updateSeconds = Math.ceil((Date.now() - beganMs) / 1000);
    tell(`an undisturbed update takes ${updateSeconds} s`);
    await cutPower(() => true);
    return { ...book, updateSeconds, acknowledged: [...book.acknowledged, ...acknowledgedIn(vm)] };
  });
}

async function round(tree: string, book: Book, cuts: number): Promise<Book> {
  const number = book.cuts.length + 1;
  const { below } = seeded(book.seed * 10_000 + number);
  const during = number % 2 === 0 ? "update" : "load";
  const job: Job = {
    cut: number,
    acknowledged: book.acknowledged,
    ...(during === "update" ? { update: UPDATE } : {}),
  };
  return await withMachine(tree, job, async (vm, cutPower) => {
    const found = await whenBack(vm, book.acknowledged.length);
    const known = book.cuts.map((cut, i) => (i === book.cuts.length - 1 ? { ...cut, found } : cut));
    tellFound(known.at(-1));
    if (book.cuts.length >= cuts) {
      await cutPower(() => true);
      return { ...book, cuts: known };
    }
    const moment =
      during === "update" ? await amidUpdate(vm, below(book.updateSeconds * 1000)) : await amidLoad(vm, below);
    const { lost, unflushed } = await cutPower(() => below(2) === 0, 1 + below(48));
    const fresh = acknowledgedIn(vm);
    const cut: Cut = {
      cut: number,
      during: `${during}, ${moment}`,
      sectors: `${lost}/${unflushed}`,
      acknowledged: book.acknowledged.length + fresh.length,
    };
    tell(`cut ${number}: ${cut.during}; ${cut.sectors} sectors lost, ${fresh.length} files acknowledged`);
    return { ...book, acknowledged: [...book.acknowledged, ...fresh], cuts: [...known, cut] };
  });
}

async function amidLoad(vm: Vm, below: (limit: number) => number): Promise<string> {
  const enough = 1 + below(40);
  const waitMs = below(1_000);
  while (acknowledgedIn(vm).length < enough) await vm.until(/\nACK /, BOOT_SECONDS, vm.console().length);
  await pause(waitMs);
  return `${enough} files and ${waitMs} ms after its start`;
}

async function amidUpdate(vm: Vm, afterMs: number): Promise<string> {
  await vm.until(/\nUPDATE begins/, BOOT_SECONDS);
  const ended = vm.until(/\nUPDATE ended (-?\d+) .*/, BOOT_SECONDS).then(
    ([line]) => line.trim(),
    () => undefined,
  );
  const early = await Promise.race([ended, pause(afterMs)]);
  return early === undefined ? `${(afterMs / 1000).toFixed(1)} s after its start` : `after its end: ${early}`;
}

/** Gives what the node says of itself once it runs again. */
async function whenBack(vm: Vm, acknowledged: number): Promise<Found> {
  const startedMs = Date.now();
  await vm.until(/\nLOADING /, BOOT_SECONDS + acknowledged);
  const text = vm.console();
  // The last of them: the guest begins anew when the agent went away while it was asked.
  const line = (name: string): string =>
    [...text.matchAll(new RegExp(`\\n${name} ([^\\r\\n]*)`, "g"))].at(-1)?.[1]?.trim() ?? "?";
  const [checked = "", , lost = ""] = line("CHECKED").split(" ");
  return {
    seconds: Math.round((Date.now() - startedMs) / 1000),
    health: line("HEALTH"),
    version: line("VERSION"),
    dpkg: line("DPKG"),
    code: line("CODE"),
    log: line("LOG"),
    update: line("UPDATESTATE"),
    checked: Number(checked),
    lost: lost === "" ? Number.NaN : Number(lost),
  };
}

function isWell({ health, version, dpkg, code, log, lost }: Found): boolean {
  const consistent = dpkg === `ii ${version}` && code === "whole" && log === "verified";
  return consistent && health === "0" && lost === 0;
}

function acknowledgedIn(vm: Vm): Job["acknowledged"] {
  return [...vm.console().matchAll(ACK)].map(([, name = "", cid = "", sha256 = ""]) => [name, cid, sha256] as const);
}

/** @param sectors that are to be unflushed at that moment: it comes a little later than asked for; left out: at once */
type CutPower = (
  keeps: () => boolean,
  sectors?: number,
) => Promise<{ readonly lost: number; readonly unflushed: number }>;

async function withMachine<T>(tree: string, job: Job, work: (vm: Vm, cutPower: CutPower) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), "caye-power-"));
  try {
    const text = Buffer.from(JSON.stringify(job));
    writeFileSync(join(scratch, "job.img"), Buffer.concat([text, Buffer.alloc(1024 - (text.length % 512))]));
    await using disk = await openCutDisk(DISK, join(scratch, "disk.sock"));
    const args = ["-drive", `file=${join(scratch, "job.img")},format=raw,if=virtio,readonly=on`];
    const log = join(HOME, `console-${job.cut}.log`);
    rmSync(log, { force: true });
    await using vm = startVm({ arch: "amd64", tree, disk: disk.uri, args, log });
    return await work(vm, async (keeps, sectors) => {
      if (sectors !== undefined) await Promise.race([disk.stopAt(sectors), pause(MOST_PATIENCE_MS)]);
      await vm.kill();
      return await disk.cut(keeps);
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function readBook(): Book {
  const book: Book = JSON.parse(readFileSync(BOOK, "utf8"));
  tell(`goes on after cut ${book.cuts.length}; --fresh begins anew`);
  return book;
}

function save(book: Book): void {
  writeFileSync(BOOK, JSON.stringify(book));
}

function report(book: Book): void {
  const rows = book.cuts.map((cut): Row => {
    const { cut: number, during, sectors, acknowledged, found } = cut;
    if (found === undefined) return { cut: number, during, sectors, acknowledged };
    const { seconds, version, dpkg, update, lost } = found;
    const well = isWell(found) ? "yes" : "NO";
    return { cut: number, during, sectors, acknowledged, "back in s": seconds, version, dpkg, update, lost, well };
  });
  const well = book.cuts.filter(({ found }) => found !== undefined && isWell(found)).length;
  const lost = book.cuts.reduce((sum, { found }) => sum + (found?.lost ?? 0), 0);
  console.log(`\n${table(rows)}\n`);
  console.log(`acknowledged ${book.acknowledged.length}, lost ${lost}; consistent ${well} of ${book.cuts.length}`);
  if (well < book.cuts.length) process.exitCode = 1;
}

function tellFound(cut: Book["cuts"][number] | undefined): void {
  if (cut?.found === undefined) return;
  const { found } = cut;
  tell(`  back: ${isWell(found) ? "well" : "NOT WELL"} ${JSON.stringify(found)}`);
}

function tell(text: string): void {
  console.error(text);
}

async function pause(ms: number): Promise<undefined> {
  await new Promise((done) => setTimeout(done, ms));
}

function typed() {
  try {
    const options = {
      cuts: { type: "string" },
      seed: { type: "string" },
      fresh: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    } as const;
    return parseArgs({ options });
  } catch (error) {
    console.error(`${describeError(error)}\n\n${USAGE}`);
    return process.exit(2);
  }
}

function whole(text: string | undefined, otherwise: number): number {
  const number = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  console.error(`--cuts and --seed take whole numbers, not ${text}\n\n${USAGE}`);
  return process.exit(2);
}
