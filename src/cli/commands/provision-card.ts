/** `caye provision card | check`: a card made, and looked at. @module */
import type { CardCheck, CardReport, CardWishes } from "../../kernel/provision.ts";
import type { CliIo } from "../io.ts";
import { formatBytes, printable, table } from "../text.ts";

/** As typed: the names are those of a fleet file's fields in camel case. */
export interface CardOptions {
  readonly fleet?: string;
  readonly node?: string;
  readonly dryRun?: boolean;
  readonly replace?: boolean;
  readonly forceDirectory?: boolean;
  readonly json?: boolean;
  readonly sshKey?: readonly string[];
  readonly releaseKey?: readonly string[];
  readonly channel?: number;
  readonly [wish: string]: string | number | boolean | readonly string[] | undefined;
}

/** Options that are wishes, and the fields that they stand for. */
const FIELDS = [
  ..."name hostname region preset radio modem hat tpm entropy timezone language hotspot country".split(" "),
  ..."wifi user authority update_key rtc_battery".split(" "),
];
const FILE_FIELDS = "wifi_password_file channel_url_file group_key_file config package ansible meshtasticd".split(" ");

export async function makeCard(io: CliIo, directory: string, options: CardOptions): Promise<void> {
  const tools = await io.provisionTools();
  const { fleet, node, dryRun, replace, forceDirectory, json } = options;
  const report = await tools.card(
    {
      directory: io.resolve(directory),
      fleet: fleet === undefined ? undefined : io.resolve(fleet),
      node,
      wishes: wishesOf(io, options),
      dryRun: dryRun === true,
      replace: replace === true,
      forceDirectory: forceDirectory === true,
    },
    (what) => void (json === true || io.stderr(`${what}\n`)),
  );
  io.stdout(json === true ? `${JSON.stringify(report, null, 2)}\n` : cardText(report, dryRun === true));
}

function wishesOf(io: CliIo, options: CardOptions): CardWishes {
  const wishes: Record<string, string | number | readonly string[]> = {};
  for (const field of [...FIELDS, ...FILE_FIELDS]) {
    const value = options[camelCase(field)];
    if (typeof value === "string") wishes[field] = FILE_FIELDS.includes(field) ? io.resolve(value) : value;
  }
  const { channel, sshKey, releaseKey } = options;
  if (channel !== undefined) wishes["channel"] = channel;
  if (sshKey !== undefined) wishes["ssh_key_files"] = sshKey.map((file) => io.resolve(file));
  if (releaseKey !== undefined) wishes["release_keys"] = releaseKey.map((file) => io.resolve(file));
  return wishes;
}

function camelCase(field: string): string {
  return field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function cardText({ node, directory, files, notes, written }: CardReport, isDryRun: boolean): string {
  const changed = files.filter(({ change }) => change !== "same");
  const rows = changed.map(({ path, bytes, change }) => [change, path, change === "removed" ? "" : formatBytes(bytes)]);
  const same = files.length - changed.length;
  const kept = same === 0 ? "" : `${same} ${same === 1 ? "file was" : "files were"} as wanted already.\n`;
  const said = notes.map((note) => `Note: ${printable(note)}\n`).join("");
  const end = written
    ? `The card of ${printable(node)} is ready: unmount ${printable(directory)}, put it into the Pi, and switch on.\n`
    : isDryRun
      ? "Nothing was written: --dry-run\n"
      : "Nothing had to be written.\n";
  return `${rows.length === 0 ? "" : table(rows)}${kept}${said}${end}`;
}

export interface CheckOptions {
  readonly json?: boolean;
}

export async function checkCard(io: CliIo, directory: string, { json }: CheckOptions): Promise<void> {
  const tools = await io.provisionTools();
  showChecks(io, await tools.check(io.resolve(directory)), json);
}

export async function checkImage(io: CliIo, directory: string, { json }: CheckOptions): Promise<void> {
  const tools = await io.provisionTools();
  const { checks } = await tools.checkImage(io.resolve(directory));
  showChecks(io, checks, json);
}

function showChecks(io: CliIo, checks: readonly CardCheck[], json: boolean | undefined): void {
  if (json === true) io.stdout(`${JSON.stringify({ checks }, null, 2)}\n`);
  else {
    io.stdout(table(checks.map(({ state, name, detail }) => [state, name, detail])));
    const fixes = checks.filter(({ fix }) => fix !== "");
    io.stdout(fixes.map(({ name, fix }) => `${name}: ${printable(fix)}\n`).join(""));
  }
  if (checks.some(({ state }) => state === "FAIL")) io.setExitCode(1);
}
