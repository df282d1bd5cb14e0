/** `caye release`: keys that vouch for packages, and what they sign. @module */
import type { NamedFile } from "../../kernel/update.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { CliIo } from "../io.ts";
import { placeFor, readLocal, save } from "../local-files.ts";
import { printable } from "../text.ts";
import { packageText } from "./update.ts";

export interface KeysOptions {
  readonly json?: boolean;
  readonly out: string;
}

export interface SignOptions {
  readonly json?: boolean;
  readonly key: string;
}

export interface VerifyOptions {
  readonly json?: boolean;
  readonly keys?: string;
}

/** What `npm run package` writes beside a package, by the ends of the names. */
const BESIDE = [".cdx.json", ".sha256sums"];

export async function releaseKeys(io: CliIo, { out, json }: KeysOptions): Promise<void> {
  const place = async (file: string) => placeFor(io, { name: file, output: undefined, command: undefined });
  const [secret, publicKey] = [await place(out), await place(`${out}.pub`)];
  const tools = await io.untilStopped((signal) => io.updateTools(signal));
  const keys = tools.createKeys();
  await save(io, { ...secret, mode: 0o600 }, keys.secret);
  await save(io, publicKey, keys.publicKey);
  const report = { key: keys.id, secret: out, public: `${out}.pub` };
  if (json === true) return io.stdout(`${JSON.stringify(report, null, 2)}\n`);
  io.stdout(
    `Release key ${keys.id}.\n${printable(out)}: the secret; keep it off the network, and a copy elsewhere.\n${printable(out)}.pub: for every node, below /etc/caye/release-keys.\n`,
  );
}

export async function signReleases(io: CliIo, files: readonly string[], { key, json }: SignOptions): Promise<void> {
  const secret = await readLocal(io, key);
  const tools = await io.untilStopped((signal) => io.updateTools(signal));
  const written: string[] = [];
  for (const file of files) {
    const manifest = tools.sign(await named(io, file), await besides(io, file), secret);
    await io.writeFile(`${file}.manifest`, manifest, { exclusive: false });
    written.push(`${file}.manifest`);
    if (json !== true) io.stdout(`${printable(file)}.manifest\n`);
  }
  secret.fill(0);
  if (json === true) io.stdout(`${JSON.stringify({ manifests: written }, null, 2)}\n`);
}

export async function verifyRelease(io: CliIo, file: string, { keys, json }: VerifyOptions): Promise<void> {
  const directory = keys === undefined ? undefined : io.resolve(keys);
  const report = await io.untilStopped(async (signal) =>
    (await io.updateTools(signal)).verify(io.resolve(file), directory),
  );
  if (report.key === "") {
    throw new AgentError("RELEASE_NO_KEYS", "there are no release keys that could vouch for it", {
      fix: "name the directory with the release's .pub file: --keys DIR",
    });
  }
  io.stdout(json === true ? `${JSON.stringify(report, null, 2)}\n` : packageText(report));
}

async function named(io: CliIo, file: string): Promise<NamedFile> {
  return { name: file.slice(file.lastIndexOf("/") + 1), bytes: await readLocal(io, file) };
}

async function besides(io: CliIo, deb: string): Promise<readonly NamedFile[]> {
  const found: NamedFile[] = [];
  for (const end of BESIDE) {
    const file = deb.replace(/\.deb$/, end);
    if (file !== deb && (await io.facts(file)) !== undefined) found.push(await named(io, file));
  }
  return found;
}
