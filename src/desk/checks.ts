/** What an operator should know: each check OK, WARN or FAIL, with the fix. @module */
import type { BootStep, Check } from "../kernel/reports.ts";
import { recoveryCheck } from "./keys-desk.ts";
import { handoverChecks } from "./handovers.ts";
import { attestationChecks } from "./attested.ts";
import { boardChecks } from "./board-desk.ts";
import { authorLabel } from "./author-label.ts";
import { isSettling, type DeskParts, type OpenParts } from "./parts.ts";
import { timeChecks } from "./time-desk.ts";
import { tpmChecks } from "./tpm-checks.ts";
import { verifiedLogs } from "./verified-logs.ts";

/** Below this the store may fail at any moment. */
const DISK_FAIL_BYTES = 16 * 1_048_576;
const DISK_WARN_BYTES = 256 * 1_048_576;
/** Meshtastic's own clients hold back above this; so do we. */
const BUSY_CHANNEL = 0.25;

export async function checks(parts: DeskParts): Promise<readonly Check[]> {
  const { open } = parts;
  return [
    ...parts.trust.steps().map((step) => bootCheck(step, parts.trust.mode)),
    ...(await tpmChecks(parts)),
    recoveryCheck(await parts.keys.report()),
    diskCheck(await parts.diskFreeBytes(), parts.statePath),
    ...boardChecks(parts),
    ...timeChecks(parts),
    ...(open === undefined ? [quarantineCheck(parts)] : await openChecks(parts, open)),
  ];
}

async function openChecks(parts: DeskParts, open: OpenParts): Promise<readonly Check[]> {
  return [
    radioCheck(parts, open),
    regionCheck(open),
    airCheck(open),
    channelCheck(open),
    neighbourCheck(parts, open),
    ...suspectChecks(open),
    ...forkChecks(open),
    ...(await handoverChecks(open)),
    ...attestationChecks(open),
    ...checkpointChecks(open),
    ...(await logChecks(open)),
    ...(await listChecks(open)),
  ];
}

function bootCheck({ step, state, ok, detail, fix }: BootStep, mode: "enforce" | "warn"): Check {
  const name = `boot: ${step}`;
  if (ok) return { name, state: "OK", detail: `${state}: ${detail}`, fix: "" };
  return { name, state: mode === "warn" ? "WARN" : "FAIL", detail: `${state}: ${detail}`, fix };
}

function radioName(radio: number): string {
  return `!${radio.toString(16).padStart(8, "0")}`;
}

/** Numbers only: a radio's number is no proof of whose it is. */
function suspectChecks({ exchange }: OpenParts): readonly Check[] {
  const ofFiles = exchange.suspects().map(({ radio, lies }) => `${radioName(radio)} (${lies})`);
  const ofIndex = exchange.liars().map(({ radio }) => radioName(radio));
  const fix =
    "A radio in reach is faulty or hostile, or another borrows its number. All comes just the same, from others.";
  const check = (what: string, radios: readonly string[], then: string): readonly Check[] => {
    const detail = `false pieces of ${what} came in the last hour from ${radios.join(", ")}; ${then}`;
    return radios.length === 0 ? [] : [{ name: `false pieces of ${what}`, state: "WARN", detail, fix }];
  };
  return [
    ...check("files", ofFiles, "what these send is set aside, and tried by itself"),
    ...check("the index", ofIndex, "their slots are ignored for an hour"),
  ];
}

function quarantineCheck({ quarantine }: DeskParts): Check {
  return {
    name: "quarantine",
    state: "FAIL",
    detail: `data and radio are shut: ${quarantine}`,
    fix: "Do what the failed boot step above says, then start the agent again.",
  };
}

function diskCheck(freeBytes: number | undefined, path: string): Check {
  const name = "disk";
  if (freeBytes === undefined) {
    return { name, state: "WARN", detail: `free space of ${path} is not known`, fix: `Look at it: df -h ${path}` };
  }
  const detail = `${Math.round(freeBytes / 1_048_576)} MiB free for ${path}`;
  const fix = "Make room: old logs, packages (`apt-get clean`), files that others hold.";
  if (freeBytes < DISK_FAIL_BYTES) return { name, state: "FAIL", detail, fix };
  if (freeBytes < DISK_WARN_BYTES) return { name, state: "WARN", detail, fix };
  return { name, state: "OK", detail, fix: "" };
}

function radioCheck({ simulated, modemUri }: DeskParts, { modem }: OpenParts): Check {
  const name = "radio";
  const link = modem.state();
  if (link.kind !== "ready") {
    const why = link.kind === "down" ? link.reason : "the link is being set up";
    return {
      name,
      state: link.kind === "down" ? "FAIL" : "WARN",
      detail: `${modemUri}: ${why}`,
      fix: "Check cable and power of the radio; the agent comes back to it by itself.",
    };
  }
  const detail = `${modemUri}: node ${radioName(link.settings.nodeNumber)}, firmware ${link.settings.firmware ?? "unknown"}`;
  if (!simulated) return { name, state: "OK", detail, fix: "" };
  return {
    name,
    state: "WARN",
    detail: `${detail} (simulated village)`,
    fix: "Plug in a Meshtastic radio, or name it: [radio] modem = …",
  };
}

function regionCheck({ radioSettings }: OpenParts): Check {
  const { preset, region, regionAssumed, dwell, otherwise } = radioSettings();
  if (otherwise !== undefined) {
    return {
      name: "region",
      state: "FAIL",
      detail: `the configuration says ${region}, ${preset}, and the radio is set to ${otherwise.region}, ${otherwise.preset}: its neighbours may not hear it, and the law is kept of the wrong region`,
      fix: `Set the radio: caye radio set --region ${region} --preset ${preset}; or [radio] region = "auto" and preset = "auto" in the configuration.`,
    };
  }
  if (!regionAssumed) {
    const note = dwell === undefined ? "" : `; dwell time of ${dwell.limitMs} ms (${dwell.kind}): see docs/airtime.md`;
    return { name: "region", state: "OK", detail: `${region}, ${preset}${note}`, fix: "" };
  }
  return {
    name: "region",
    state: "WARN",
    detail: "the radio has no region set (it then keeps silent); the strictest duty cycle is kept meanwhile",
    fix: "Set the region on the radio with any Meshtastic app, or [radio] region = … in the configuration.",
  };
}

function airCheck({ scheduler }: OpenParts): Check {
  const { usedUs, budgetUs, othersUs, waitingFor } = scheduler.status();
  const others = othersUs < 1e6 ? "" : `; the radio sent ${Math.round(othersUs / 1e6)} s for others`;
  const detail = `${Math.round(usedUs / 1e6)} of ${Math.round(budgetUs / 1e6)} s used in the last hour${others}`;
  if (waitingFor !== "duty-cycle" && waitingFor !== "budget") return { name: "airtime", state: "OK", detail, fix: "" };
  return {
    name: "airtime",
    state: "WARN",
    detail: `${detail}; waiting`,
    fix: "Nothing: sending goes on by itself as the hour passes.",
  };
}

function channelCheck({ modem }: OpenParts): Check {
  const { channelUtilization } = modem.channelUse();
  if (channelUtilization === undefined) {
    return { name: "channel", state: "OK", detail: "the radio has not reported its use yet", fix: "" };
  }
  const detail = `${Math.round(channelUtilization * 100)} % in use`;
  if (channelUtilization <= BUSY_CHANNEL) return { name: "channel", state: "OK", detail, fix: "" };
  return {
    name: "channel",
    state: "WARN",
    detail,
    fix: "Use a faster preset or another frequency slot; Caye holds back above 25 %, the more the less a packet matters.",
  };
}

function neighbourCheck(parts: DeskParts, { exchange }: OpenParts): Check {
  const name = "neighbours";
  const heard = exchange.neighbours().length;
  if (heard > 0) return { name, state: "OK", detail: `${heard} heard`, fix: "" };
  if (isSettling(parts)) {
    const detail = "nobody was heard yet; the first minutes after the start are quiet";
    return { name, state: "OK", detail, fix: "" };
  }
  const fix = parts.simulated
    ? "Wait some minutes more; then start the agent again, and look at its log."
    : "Check antenna, channel and preset: neighbours need the same channel and preset. Is one in reach at all?";
  return { name, state: "WARN", detail: "nobody was heard yet", fix };
}

function forkChecks({ shard }: OpenParts): readonly Check[] {
  return shard
    .authors()
    .filter(({ quarantined }) => quarantined)
    .map(({ id, name }) => ({
      name: "author",
      state: "WARN",
      detail: `${authorLabel(name, id)} signed two different entries for one position; nothing more is taken from it`,
      fix: "Find out whether that node was copied from another card; it needs a state directory of its own.",
    }));
}

function checkpointChecks({ checkpoints, shard }: OpenParts): readonly Check[] {
  const names = new Map(shard.authors().map(({ id, name }) => [id, name]));
  return (checkpoints?.list() ?? [])
    .filter(({ verdict }) => verdict === "disagrees")
    .map(({ author }) => ({
      name: "checkpoint",
      state: "FAIL",
      detail: `a checkpoint of ${authorLabel(names.get(author), author)} contradicts its log: one of its keys is in other hands`,
      fix: "Revoke that member (caye village revoke), and look at its machine before it is enrolled with new keys.",
    }));
}

/** Reads every entry: what `caye log` calls verified is so on the disk, too. */
async function logChecks({ shard }: OpenParts): Promise<readonly Check[]> {
  const sound = await verifiedLogs(shard);
  return shard
    .authors()
    .filter(({ id, quarantined }) => !quarantined && !sound.has(id))
    .map(({ id, name }) => ({
      name: "log",
      state: "FAIL",
      detail: `the disk has damaged the log of ${authorLabel(name, id)}: entries are missing, or not what was signed`,
      fix: "Look at `dmesg` for errors of the card, and replace it if there are any; neighbours hold copies of what was shared.",
    }));
}

/** Names that the disk has damaged are left out of every list: here they are counted. */
async function listChecks({ shard }: OpenParts): Promise<readonly Check[]> {
  const wanted = shard.stats().files;
  let listed = 0;
  for await (const row of shard.files()) listed += row.name === "" ? 0 : 1;
  if (listed >= wanted) return [];
  return [
    {
      name: "files",
      state: "FAIL",
      detail: `the disk has damaged the list of files: ${wanted - listed} of ${wanted} are not in caye ls`,
      fix: "Put them again; caye log names all. Look at `dmesg` for errors of the card, and replace it if there are any.",
    },
  ];
}
