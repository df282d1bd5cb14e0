/** The card or disk: its wear, its errors, its room, and whether it can be written to. @module */
import type { Check } from "../kernel/reports.ts";
import type { HardwareWish } from "../kernel/upkeep.ts";
import { fail, type MachineView, ok, unseen, warn } from "./machine-view.ts";

const MMC = "/sys/bus/mmc/devices";
const EXT4 = "/sys/fs/ext4";
const NEW_CARD = 'Save what is there (caye backup), and replace the card: docs/runbook.md, "The card is broken".';
const LOW_INODES = 2_000;
const LOW_BYTES = 256 * 1_048_576;
const FULL_BYTES = 16 * 1_048_576;
/** Life times are told in tenths; 10: nine tenths to all of it are used; 11: more than that. */
const WORN_TENTHS = 9;
const SPENT_TENTHS = 11;

export async function cardChecks(view: MachineView, wish: HardwareWish): Promise<readonly Check[]> {
  return [
    ...(await wear(view)),
    ...(await fileSystemErrors(view)),
    await kernelErrors(view),
    ...(await room(view, wish)),
  ];
}

async function wear(view: MachineView): Promise<readonly Check[]> {
  const name = "card wear";
  const cards: Check[] = [];
  for (const device of await view.list(MMC)) {
    const card = `${(await view.text(`${MMC}/${device}/name`)) ?? device} (${(await view.text(`${MMC}/${device}/type`)) ?? "?"})`;
    const life = await view.text(`${MMC}/${device}/life_time`);
    const tenths = (life ?? "")
      .split(/\s+/)
      .map(Number)
      .filter((value) => value > 0 && value <= SPENT_TENTHS);
    if (tenths.length === 0) {
      cards.push(unseen(name, `${card} does not tell; cards for cameras never do, industrial ones and eMMC may`));
      continue;
    }
    const worst = Math.max(...tenths);
    const end = await view.number(`${MMC}/${device}/pre_eol_info`);
    const detail = `${card}: at most ${Math.min(worst, 10) * 10} % of its life used`;
    if (worst >= SPENT_TENTHS || end === 3) cards.push(fail(name, detail, NEW_CARD));
    else if (worst >= WORN_TENTHS || end === 2) cards.push(warn(name, detail, NEW_CARD));
    else cards.push(ok(name, detail));
  }
  return cards.length === 0 ? [unseen(name, "no SD card or eMMC; for other disks: smartctl -a")] : cards;
}

async function fileSystemErrors(view: MachineView): Promise<readonly Check[]> {
  const name = "file system";
  const systems: Check[] = [];
  for (const device of await view.list(EXT4)) {
    const errors = await view.number(`${EXT4}/${device}/errors_count`);
    if (errors === undefined) continue;
    const first = await view.text(`${EXT4}/${device}/first_error_func`);
    const where = first === undefined || first === "" ? "" : `, first in ${first}`;
    const fix = `Restart with fsck.mode=force on the kernel's command line; if errors come back: ${NEW_CARD}`;
    systems.push(
      errors === 0 ? ok(name, `${device}: no errors`) : fail(name, `${device}: ${errors} errors${where}`, fix),
    );
  }
  return systems.length === 0 ? [unseen(name, "no ext4 whose errors the kernel counts")] : systems;
}

async function kernelErrors(view: MachineView): Promise<Check> {
  const name = "disk errors";
  const log = await view.said("dmesg", "--level=emerg,alert,crit,err,warn");
  if (log === undefined) return unseen(name, "the kernel's log is for root: sudo caye doctor");
  const lines = log
    .split("\n")
    .filter((line) => /I\/O error|mmcblk\d.*(?:error|timeout)|EXT4-fs error|blk_update_request/i.test(line));
  if (lines.length === 0) return ok(name, "none in the kernel's log");
  return fail(
    name,
    `${lines.length} lines in the kernel's log, the last: ${(lines.at(-1) ?? "").slice(0, 160)}`,
    NEW_CARD,
  );
}

async function room(view: MachineView, { statePath }: HardwareWish): Promise<readonly Check[]> {
  const mounts = (await view.text("/proc/self/mounts")) ?? "";
  const root = mounts.split("\n").find((line) => line.split(" ")[1] === "/");
  const isReadOnly = root?.split(" ")[3]?.split(",").includes("ro") === true;
  const home = mountOf(mounts, statePath);
  const isStateReadOnly = home?.options.includes("ro") === true;
  const checks = [
    rootCheck(root, isReadOnly),
    stateCheck(statePath, isStateReadOnly, home?.type),
    await freeCheck(view, statePath),
  ];
  return [...checks, await inodeCheck(view, statePath)];
}

function rootCheck(root: string | undefined, isReadOnly: boolean): Check {
  const name = "root";
  if (root === undefined) return unseen(name, "no /proc/self/mounts");
  return ok(name, isReadOnly ? "read-only: it survives any power cut" : "can be written to");
}

function stateCheck(path: string, isReadOnly: boolean, type: string | undefined): Check {
  const name = "state's disk";
  if (type === undefined) return unseen(name, "no /proc/self/mounts");
  if (isReadOnly) {
    const fix =
      "dmesg says why: an old card turns read-only when it is worn. On an image with a read-only root, mount the data partition.";
    return fail(name, `${path} lies on a read-only file system`, fix);
  }
  if (["tmpfs", "overlay", "ramfs"].includes(type)) {
    return fail(
      name,
      `${path} lies in memory (${type}): the next start loses it`,
      "Mount a data partition there: docs/hardware.md",
    );
  }
  return ok(name, type);
}

function mountOf(
  mounts: string,
  path: string,
): { readonly type: string; readonly options: readonly string[] } | undefined {
  const points = mounts
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, point = ""]) => point === "/" || path === point || path.startsWith(`${point}/`))
    .toSorted(([, a = ""], [, b = ""]) => b.length - a.length);
  const [, , type, options] = points[0] ?? [];
  return type === undefined ? undefined : { type, options: (options ?? "").split(",") };
}

async function freeCheck(view: MachineView, path: string): Promise<Check> {
  const name = "free space";
  const bytes = (await view.freeBytes(path)) ?? (await view.freeBytes("/"));
  if (bytes === undefined) return unseen(name, "the file system does not tell");
  const detail = `${Math.round(bytes / 1_048_576)} MiB`;
  const fix = 'Make room: docs/runbook.md, "The disk is full".';
  if (bytes < FULL_BYTES) return fail(name, detail, fix);
  return bytes < LOW_BYTES ? warn(name, detail, fix) : ok(name, detail);
}

/** A disk of many tiny files is full long before its bytes are. */
async function inodeCheck(view: MachineView, path: string): Promise<Check> {
  const name = "inodes";
  const said = await view.said("df", "--output=iavail,itotal", path);
  const [free, total] = (said?.split("\n").at(-1) ?? "").trim().split(/\s+/).map(Number);
  if (free === undefined || total === undefined || !Number.isFinite(free) || !(total > 0))
    return unseen(name, "the file system has none to count");
  return free < LOW_INODES
    ? warn(name, `${free} of ${total} free`, "Remove small files: sudo journalctl --vacuum-size=50M")
    : ok(name, `${free} of ${total} free`);
}
