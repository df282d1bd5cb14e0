/**
 * `caye provision secure-boot …`: a boot.img signed and verified, and the runbook of the step that can't be undone. That step
 * is only ever prepared: as files that the next start from USB would apply.
 * @module
 */
import { utf8 } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { BootSignature } from "../../kernel/provision.ts";
import type { CliIo } from "../io.ts";
import { readLocal } from "../local-files.ts";
import { formatBytes, shellWord } from "../text.ts";

export interface SignOptions {
  readonly key?: string;
  readonly pkcs11?: string;
  readonly out?: string;
  readonly time?: number;
  readonly json?: boolean;
}

export async function signBootImage(io: CliIo, image: string, options: SignOptions): Promise<void> {
  const { key, pkcs11, out, time, json } = options;
  if ((key === undefined) === (pkcs11 === undefined)) {
    throw new AgentError("USAGE", "name one key: --key FILE, or --pkcs11 URI", {
      fix: "caye provision secure-boot sign boot.img --key key.pem",
    });
  }
  const tools = await io.provisionTools();
  const file = out ?? image.replace(/(?:\.img)?$/, ".sig");
  const boot = { file: key === undefined ? undefined : io.resolve(key), pkcs11 };
  const ts = time ?? Math.floor(Date.now() / 1000);
  const signed = await tools.signBoot(io.resolve(image), boot, io.resolve(file), ts);
  say(io, json, { file, ...signed }, `Wrote ${file}: ${described(signed)}\n`);
}

export interface VerifyOptions {
  readonly key: string;
  readonly signature?: string;
  readonly json?: boolean;
}

export async function verifyBootImage(io: CliIo, image: string, options: VerifyOptions): Promise<void> {
  const { key, signature = image.replace(/(?:\.img)?$/, ".sig"), json } = options;
  const tools = await io.provisionTools();
  const found = await tools.verifyBoot(io.resolve(image), io.resolve(signature), io.resolve(key));
  say(io, json, { ok: true, ...found }, `The signature holds: ${described(found)}\n`);
}

function described({ sha256, ts, bytes }: BootSignature): string {
  return `${formatBytes(bytes)}, SHA-256 ${sha256.slice(0, 16)}…, time ${ts}`;
}

export interface BurnOptions {
  readonly recovery?: string;
  readonly iUnderstandThisCanNotBeUndone?: boolean;
  readonly json?: boolean;
}

/** What somebody has to type, word for word. */
const SENTENCE = "burn this key into this board for ever";

const STEPS = [
  "Sign the image, and start from it unsigned first: boot.img, boot.sig and boot_ramdisk=1 in config.txt.",
  "Verify it on another machine: caye provision secure-boot verify boot.img --key public.pem",
  "Keep the private key in two places. Without it this board never starts anything new again.",
  "In usbboot/secure-boot-recovery5: ../tools/update-pieeprom.sh -f -k KEY (with a token: -H WRAPPER -p public.pem).",
  "caye provision secure-boot burn-plan --recovery DIR --i-understand-this-can-not-be-undone writes program_pubkey=1 into its config.txt.",
  "Take the power off, hold the power button, connect USB, and: ../rpiboot -d . -j metadata",
  "metadata/SERIAL.json must say SECURE_BOOT_PROVISION success, and CUSTOMER_KEY_HASH of your key.",
  "Put boot.img and boot.sig on the card, and start. A board that does not start now can only be given images signed with this key.",
];

export async function burnPlan(io: CliIo, options: BurnOptions): Promise<void> {
  const { recovery, json } = options;
  const steps = STEPS.map((text, i) => `${i + 1}. ${text}`);
  const plain = `${steps.join("\n")}\n\nA Pi 5 can't rehearse this: a signed EEPROM does not run until the key's hash is burnt.\n`;
  if (recovery === undefined) return say(io, json, { steps: STEPS, written: null }, plain);
  if (options.iUnderstandThisCanNotBeUndone !== true) {
    throw new AgentError(
      "USAGE",
      "program_pubkey=1 is burnt into the board by its next start from USB, and stays for ever",
      {
        fix: `read docs/secure-boot.md; then once more with --i-understand-this-can-not-be-undone`,
      },
    );
  }
  const file = `${io.resolve(recovery).replace(/\/+$/, "")}/config.txt`;
  const before = new TextDecoder().decode(await readLocal(io, file));
  if (!/program_pubkey/.test(before)) {
    throw new AgentError("PATH_INVALID", `${file} is not the one of usbboot's secure-boot-recovery5`, {
      fix: "name that directory: --recovery usbboot/secure-boot-recovery5",
    });
  }
  const typed = (await io.ask(`To go on, type: ${SENTENCE}\n`)).trim();
  if (typed !== SENTENCE) throw new AgentError("NOT_CONFIRMED", "that is not the sentence; nothing was written");
  const after = before.replace(/^#?\s*program_pubkey=.*$/gm, "").trimEnd();
  await io.writeFile(file, utf8(`${after}\nprogram_pubkey=1\n`), { exclusive: false });
  say(
    io,
    json,
    { steps: STEPS, written: file },
    `Wrote program_pubkey=1 into ${file}. Nothing is burnt yet: the next rpiboot -d ${shellWord(recovery)} does it, on whichever board is connected.\n`,
  );
}

function say(io: CliIo, json: boolean | undefined, value: object, text: string): void {
  io.stdout(json === true ? `${JSON.stringify(value, null, 2)}\n` : text);
}
