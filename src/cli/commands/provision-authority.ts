/**
 * `caye provision authority`: a village's authority, made once, off the network; with recovery words on paper, and closed by
 * the laptop's TPM when that is wanted. What it makes is what `caye village create` makes.
 * @module
 */
import { equalBytes } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { CliIo } from "../io.ts";
import { speaksSpanish } from "../language.ts";
import { placeFor } from "../local-files.ts";
import { wordsOf, type WordLanguage } from "../recovery-words.ts";
import { numbered, typedSecret } from "./recovery.ts";
import { passphraseOf, saveAuthority } from "./village.ts";

export interface AuthorityOptions {
  readonly out?: string;
  readonly words?: boolean;
  readonly language?: WordLanguage;
  readonly restore?: boolean;
  readonly wordsFile?: string;
  readonly tpm?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

export async function makeAuthority(io: CliIo, options: AuthorityOptions): Promise<void> {
  const { out, words, restore, tpm, passphraseFile, json } = options;
  if (tpm !== undefined && words !== true && restore !== true) {
    throw new AgentError("USAGE", "an authority that only a TPM opens is lost with that TPM", {
      fix: "make its recovery words, too: --words",
    });
  }
  // Overwriting would end a village: not even when the file is named.
  const place = await placeFor(io, { name: "village.authority", output: out, command: undefined });
  const tools = await io.villageTools();
  const passphrase = await passphraseOf(io, passphraseFile);
  const seed = restore === true ? await typedSecret(io, options) : words === true ? tools.createSeed() : undefined;
  if (seed !== undefined && restore !== true) await showAndCheck(io, seed, options);
  const { file, ...keys } = tools.createAuthority(passphrase, seed);
  seed?.fill(0);
  const closed = tpm === undefined ? file : await (await io.provisionTools()).sealAuthority(file, tpm);
  await saveAuthority(io, place, { file: closed, keys, json });
}

/** Nothing is written before the paper is right: words that were not written down bring nothing back. */
async function showAndCheck(io: CliIo, seed: Uint8Array, { language }: AuthorityOptions): Promise<void> {
  const spoken = language ?? (speaksSpanish(io.env) ? "es" : "en");
  const shown = numbered(wordsOf(seed, spoken));
  // Not to standard output: that may go into a file, and JSON stands there.
  io.stderr(spoken === "es" ? inSpanish(shown) : inEnglish(shown));
  const typed = await typedSecret(io, {});
  const isSame = equalBytes(typed, seed);
  typed.fill(0);
  if (isSame) return;
  throw new AgentError(
    "RECOVERY_TYPED",
    "these are 24 good words, but not the ones that were shown; nothing was written",
    {
      fix: "run it once more: it shows new ones",
    },
  );
}

function inEnglish(words: string): string {
  return `
Write these 24 words on paper, in this order, now: nobody can show them again.

${words}
Whoever has them decides who belongs to the village. Now type them from the paper.
`;
}

function inSpanish(words: string): string {
  return `
Escriba ahora estas 24 palabras en papel, en este orden: nadie puede mostrarlas otra vez.

${words}
Quien las tenga decide quién pertenece al pueblo. Ahora escríbalas aquí, leyéndolas del papel.
`;
}
