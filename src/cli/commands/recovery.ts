/**
 * `caye recovery …`: the way back when the TPM is lost. The words are made here, and never leave this process but for the
 * terminal: the agent is given a public key only.
 * @module
 */
import { fromUtf8, toHex } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { speaksSpanish } from "../language.ts";
import { readLocal } from "../local-files.ts";
import { secretOf, wordsOf, type WordLanguage } from "../recovery-words.ts";
import { shellWord } from "../text.ts";

const isMade = shape<{ readonly words: string }>("words");
const WORDS_A_LINE = 4;
const MAX_TYPED_BYTES = 4_096;

export interface CreateOptions {
  readonly language?: WordLanguage;
  readonly show?: boolean;
  readonly json?: boolean;
}

export async function createRecovery(io: CliIo, { language, show, json }: CreateOptions): Promise<void> {
  if (!io.isStdoutTty && show !== true) {
    throw new AgentError("USAGE", "the words are shown once, and standard output is no terminal", {
      fix: "type it on a terminal; where another program shall read them: caye recovery create --show",
    });
  }
  const tools = await io.recoveryTools();
  const { secret, publicKey } = tools.create();
  const spoken = language ?? (speaksSpanish(io.env) ? "es" : "en");
  const words = wordsOf(secret, spoken);
  secret.fill(0);
  const agent = await findAgent(io);
  const { words: id } = await agent.post("/v1/keys/recovery", { public_key: toHex(publicKey) }, isMade);
  if (json === true) io.stdout(`${JSON.stringify({ id, language: spoken, words }, null, 2)}\n`);
  else io.stdout(spoken === "es" ? inSpanish(words, id) : inEnglish(words, id));
}

function inEnglish(words: readonly string[], id: string): string {
  return `
Write these ${words.length} words on paper, in this order, now: nobody can show them again.

${numbered(words)}
Whoever has them and a copy of the state directory can read this node's store. Keep the paper away from the machine.
Words from before open nothing any more. These are named ${id}. To check what you wrote: caye recovery check
`;
}

function inSpanish(words: readonly string[], id: string): string {
  return `
Escriba ahora estas ${words.length} palabras en papel, en este orden: nadie puede mostrarlas otra vez.

${numbered(words)}
Quien las tenga, y una copia del directorio de estado, puede leer los datos de este nodo. Guarde el papel lejos de la máquina.
Las palabras anteriores ya no abren nada. Estas se llaman ${id}. Para comprobar lo escrito: caye recovery check
`;
}

/** A few on a line, each with its number. */
export function numbered(words: readonly string[]): string {
  const width = Math.max(...words.map(({ length }) => length));
  let text = "";
  for (let first = 0; first < words.length; first += WORDS_A_LINE) {
    const line = words
      .slice(first, first + WORDS_A_LINE)
      .map((word, i) => `${String(first + i + 1).padStart(4)}. ${word.padEnd(width)}`);
    text += `${line.join("").trimEnd()}\n`;
  }
  return text;
}

export interface UseOptions {
  readonly state?: string;
  readonly wordsFile?: string;
  readonly json?: boolean;
}

export async function checkRecovery(io: CliIo, options: UseOptions): Promise<void> {
  const state = stateOf(io, options);
  const tools = await io.recoveryTools();
  const secret = await typedSecret(io, options);
  const { keyId, current } = await tools.check(state, secret).finally(() => secret.fill(0));
  if (options.json === true) io.stdout(`${JSON.stringify({ opens: true, key_id: keyId, current }, null, 2)}\n`);
  else if (current) io.stdout("These words open this node's store.\n");
  if (current) return;
  throw new AgentError("RECOVERY_STALE", "the words open recovery.bin, but that holds an older key than the store's", {
    fix: "caye recovery create makes new words",
  });
}

export async function openRecovery(io: CliIo, options: UseOptions): Promise<void> {
  const state = stateOf(io, options);
  const tools = await io.recoveryTools();
  const secret = await typedSecret(io, options);
  const aside = await tools.open(state, secret).finally(() => secret.fill(0));
  if (options.json === true) {
    io.stdout(`${JSON.stringify({ opened: true, state, set_aside: aside }, null, 2)}\n`);
    return;
  }
  const lost = aside.length === 0 ? "" : `Set aside, as they belong to the other TPM: ${aside.join(", ")}\n`;
  io.stdout(
    `The store's key is back, in ${shellWord(`${state}/store.key`)}.\n${lost}` +
      "Start the agent now: it seals the key into this machine's TPM, and removes that file.\n",
  );
}

function stateOf(io: CliIo, { state }: UseOptions): string {
  return state === undefined ? io.statePath() : io.resolve(state);
}

/** The 32 bytes that typed words stand for. @throws AgentError "RECOVERY_TYPED", "FILE_UNREADABLE" */
export async function typedSecret(io: CliIo, { wordsFile }: Pick<UseOptions, "wordsFile">): Promise<Uint8Array> {
  if (wordsFile !== undefined) return secretOf(textOf(await readLocal(io, wordsFile), wordsFile));
  if (io.isTty) io.stderr("Type the 24 words, in one line or several, then Enter and Ctrl-D:\n");
  return secretOf(textOf(await io.readStdin(), "standard input"));
}

function textOf(bytes: Uint8Array, source: string): string {
  const text = bytes.length > MAX_TYPED_BYTES ? undefined : fromUtf8(bytes);
  bytes.fill(0);
  if (text !== undefined) return text;
  throw new AgentError("RECOVERY_TYPED", `${source} holds no 24 words of text`);
}
