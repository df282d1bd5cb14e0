/** Looks at a card as it lies there: whether a node can start from it, or what a node that did has left. @module */
import { createHash } from "node:crypto";
import { parseConfig } from "../config/parse.ts";
import { fromUtf8, toHex, utf8, type Bytes } from "../kernel/bytes.ts";
import { describeError } from "../kernel/errors.ts";
import type { CardCheck } from "../kernel/provision.ts";
import type { Machine } from "../ports/machine.ts";
import { SUMS, type CardParts } from "./card-files.ts";
import { collision } from "./card-firmware.ts";
import { mustBePlain } from "./card-plain.ts";
import { looksLikePi } from "./card.ts";
import { parseOrder, parseSecrets } from "./order.ts";

const MAX_FILE_BYTES = 256 * 1_048_576;
/** Of files on the card itself. */
const SUM = /^([0-9a-f]{64}) {2}(?!.*\.\.)([A-Za-z0-9][A-Za-z0-9._+~/-]{0,200})$/;
const AGAIN = "caye provision card writes it anew";

interface Reading {
  readonly parts: CardParts;
  readonly machine: Machine;
  readonly directory: string;
  /** Empty when it is not there. */
  readonly text: (path: string) => Promise<string>;
}

/** @throws AgentError "CARD_REFUSED" for one that is not even to be looked at */
export async function checkCard(parts: CardParts, directory: string): Promise<readonly CardCheck[]> {
  const { machine } = parts;
  await mustBePlain(machine, directory);
  const text = async (path: string): Promise<string> =>
    fromUtf8((await machine.read(`${directory}/${path}`)) ?? new Uint8Array()) ?? "";
  const reading: Reading = { parts, machine, directory, text };
  const checks: CardCheck[] = [];
  const rules = [partition, result, sums, order, configuration, secrets, cloudConfig, vouchedPackage];
  for (const rule of rules) checks.push(await rule(reading));
  return checks;
}

function ok(name: string, detail: string): CardCheck {
  return { name, state: "OK", detail, fix: "" };
}

function failed(name: string, detail: string, fix = AGAIN): CardCheck {
  return { name, state: "FAIL", detail, fix };
}

function warned(name: string, detail: string, fix = ""): CardCheck {
  return { name, state: "WARN", detail, fix };
}

async function partition({ machine, directory }: Reading): Promise<CardCheck> {
  return (await looksLikePi(machine, directory))
    ? ok("partition", "the boot partition of a Raspberry Pi")
    : warned("partition", "it does not look like the boot partition of a Raspberry Pi", "name where it is mounted");
}

async function result({ text }: Reading): Promise<CardCheck> {
  const said = await text("PROVISION-FAILED.txt");
  if (said !== "") return failed("first boot", said.split("\n").slice(0, 3).join(" "), "read PROVISION-FAILED.txt");
  const done = (await text("PROVISION-OK.txt")) !== "";
  return ok("first boot", done ? "done: a node has started from this card" : "still to come");
}

async function sums({ machine, directory, text }: Reading): Promise<CardCheck> {
  const listed = await text(SUMS);
  if (listed === "") return failed("files", "there are no sums: this is no card of Caye, or not written to its end");
  if ((await text("PROVISION-OK.txt")) !== "") return ok("files", "not judged: what was secret is wiped by now");
  const wrong: string[] = [];
  for (const line of listed.split("\n").filter((line) => line !== "")) {
    const [, sum, path] = SUM.exec(line) ?? [];
    const bytes = path === undefined ? undefined : await machine.read(`${directory}/${path}`, MAX_FILE_BYTES);
    if (bytes === undefined || sha256(bytes) !== sum) wrong.push(path ?? "a line of the sums");
  }
  if (wrong.length === 0) return ok("files", "all are as they were written");
  return failed("files", `not as they were written: ${wrong.join(", ")}`);
}

async function order({ text }: Reading): Promise<CardCheck> {
  try {
    const found = parseOrder(await text("caye/order.toml"));
    const clash = collision(found, await text("config.txt"));
    if (clash !== undefined)
      return failed("order", clash, "use a LoRa hat on the first chip select, or a radio on USB");
    return ok("order", `${found.node.name}, ${found.radio.kind}, ${found.radio.region} ${found.radio.preset}`);
  } catch (error) {
    return failed("order", describeError(error));
  }
}

async function configuration({ text }: Reading): Promise<CardCheck> {
  try {
    parseConfig(await text("caye/caye.toml"), {});
    return ok("configuration", "every field is as it should be");
  } catch (error) {
    return failed("configuration", describeError(error));
  }
}

async function secrets({ text }: Reading): Promise<CardCheck> {
  const found = await text("caye/secrets.toml");
  if (found === "") return ok("secrets", "none on this card");
  try {
    parseSecrets(found);
    return warned(
      "secrets",
      "keys of the village lie on this card until its node has started",
      "keep it in your pocket",
    );
  } catch (error) {
    return failed("secrets", describeError(error));
  }
}

/** By cloud-init's own schema, where it is installed. */
async function cloudConfig({ machine, directory, text }: Reading): Promise<CardCheck> {
  if (!(await text("user-data")).startsWith("#cloud-config\n")) {
    return failed("cloud-init", "user-data is not there, or does not begin with #cloud-config");
  }
  const { status, stdout, stderr, missing } = await machine.run("cloud-init", [
    "schema",
    "-c",
    `${directory}/user-data`,
  ]);
  if (missing) return warned("cloud-init", "cloud-init is not installed here, so its schema was not asked");
  if (status === 0) return ok("cloud-init", "user-data is as its schema wants it");
  const said = `${stdout}${stderr}`.trim().split("\n").slice(0, 5).join(" ");
  return failed("cloud-init", `its schema refuses user-data: ${said}`);
}

async function vouchedPackage({ parts, machine, directory }: Reading): Promise<CardCheck> {
  const names = (await machine.list(`${directory}/caye`)).filter((name) => /^caye_.*\.deb$/.test(name));
  const [name] = names;
  if (name === undefined) return warned("package", "none: the image on this card must have Caye already");
  if (names.length > 1) return failed("package", `more than one: ${names.join(", ")}`);
  const read = async (path: string): Promise<Bytes> =>
    (await machine.read(`${directory}/caye/${path}`, MAX_FILE_BYTES)) ?? utf8("");
  const keys: Bytes[] = [];
  for (const key of await machine.list(`${directory}/caye/release-keys`)) keys.push(await read(`release-keys/${key}`));
  const verdict = parts.judgePackage(name, await read(name), await read(`${name}.manifest`), keys);
  if (!verdict.ok) return failed("package", `${name}: ${verdict.reason}`);
  return ok("package", `${name}, vouched for by a release key on this card`);
}

function sha256(bytes: Uint8Array): string {
  return toHex(new Uint8Array(createHash("sha256").update(bytes).digest()));
}
