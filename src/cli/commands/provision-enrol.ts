/** `caye provision enrol`: the requests on a card signed, each one when somebody has said so. @module */
import type { AuthorityKey, VillageTools } from "../../kernel/village.ts";
import { AgentError, describeError } from "../../kernel/errors.ts";
import { nearest } from "../../kernel/nearest.ts";
import type { ProvisionTools } from "../../kernel/provision.ts";
import type { CliIo } from "../io.ts";
import { printable, safeFileName, shellWord } from "../text.ts";
import { authorityKeyOf, dateOf } from "./village.ts";

export interface CardEnrolOptions {
  readonly authority: string;
  readonly passphraseFile?: string;
  readonly until: string;
  /** Sign these, and no others, without asking. */
  readonly node?: readonly string[];
  /** Sign all without asking. */
  readonly yes?: boolean;
  readonly renew?: boolean;
  readonly json?: boolean;
}

type Change = "new" | "same" | "declined" | "refused";

interface Paper {
  /** Of the request, as it is called on the card. */
  readonly request: string;
  /** Where its certificate goes. */
  readonly name: string;
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly of: { readonly id: string; readonly name: string } | { readonly reason: string };
}

/** One line of the report; `reason` of what is no request. */
interface Row {
  readonly id: string;
  readonly name: string;
  readonly file: string;
  readonly change: Change;
  readonly reason?: string;
}

/**
 * Whoever has had the card in his hands may have put a request on it: none is signed that nobody named. What was signed before
 * is left as it is.
 */
export async function enrolCard(io: CliIo, directory: string, options: CardEnrolOptions): Promise<void> {
  const untilS = dateOf(options.until);
  const [tools, village] = await Promise.all([io.provisionTools(), io.villageTools()]);
  const card = io.resolve(directory);
  const papers = (await tools.requests(card)).map((request) => paperOf(village, request));
  if (papers.length === 0) {
    throw new AgentError("NOT_FOUND", `${directory} holds no request: caye/requests is empty`, {
      fix: "a node writes it there on its first start; PROVISION-OK.txt says when that is done",
    });
  }
  mustBeThere(papers, options.node ?? []);
  const rows: Row[] = [];
  const signer = onceOpened(() => authorityKeyOf(io, options));
  for (const paper of papers) {
    const change = await changeFor(io, card, paper, options);
    if (change !== "sign") rows.push(rowOf(paper, change));
    else rows.push(rowOf(paper, await sign(tools, village, card, paper, await signer(), untilS)));
  }
  if (rows.some(({ change }) => change === "refused")) io.setExitCode(1);
  const certificates = { certificates: rows, until: options.until };
  io.stdout(options.json === true ? `${JSON.stringify(certificates, null, 2)}\n` : told(rows, options.until));
}

function paperOf(village: VillageTools, { name, bytes }: { name: string; bytes: Uint8Array }): Paper {
  const request = `caye/requests/${name}.request`;
  try {
    const of = village.readRequest(bytes);
    const paper = safeFileName(name) ?? of.id;
    return { request, name: paper, file: `caye/certificates/${paper}.certificate`, bytes, of };
  } catch (error) {
    return { request, name, file: request, bytes, of: { reason: describeError(error) } };
  }
}

/** @throws AgentError "NODE_UNKNOWN" */
function mustBeThere(papers: readonly Paper[], wanted: readonly string[]): void {
  const there = papers.flatMap(({ of }) => ("name" in of ? [of.name] : []));
  const strange = wanted.find((name) => !there.includes(name));
  if (strange === undefined) return;
  const guess = nearest(strange, there);
  throw new AgentError("NODE_UNKNOWN", `the card holds no request of ${printable(strange)}; nothing was signed`, {
    fix: guess === undefined ? `it holds: ${there.map(printable).join(", ")}` : `did you mean ${printable(guess)}?`,
  });
}

async function changeFor(
  io: CliIo,
  card: string,
  { of, file }: Paper,
  { renew, node, yes }: CardEnrolOptions,
): Promise<Change | "sign"> {
  if ("reason" in of) return "refused";
  if (renew !== true && (await io.facts(`${card}/${file}`)) !== undefined) return "same";
  if (node !== undefined) return node.includes(of.name) ? "sign" : "declined";
  if (yes === true) return "sign";
  const answer = await io.ask(`Sign ${printable(of.name)} (${of.id})? [y/N] `);
  return /^(?:y|yes|s|si|sí)$/i.test(answer.trim()) ? "sign" : "declined";
}

/** The passphrase is asked of nobody who signs nothing, and once of who signs. */
function onceOpened(open: () => Promise<AuthorityKey>): () => Promise<AuthorityKey> {
  let key: Promise<AuthorityKey> | undefined;
  return () => (key ??= open());
}

async function sign(
  tools: ProvisionTools,
  village: VillageTools,
  card: string,
  { name, bytes }: Paper,
  key: AuthorityKey,
  untilS: number,
): Promise<Change> {
  const { file } = village.enrol(key, bytes, Math.floor(Date.now() / 1000), untilS);
  return await tools.putCertificate(card, name, file);
}

function rowOf({ of, file }: Paper, change: Change): Row {
  return "reason" in of ? { id: "", name: "", file, change, reason: of.reason } : { ...of, file, change };
}

function told(rows: readonly Row[], until: string): string {
  const lines = rows.map(({ id, name, file, change, reason = "" }) => {
    if (change === "refused") return `${printable(file)}: ${printable(reason)}: not signed`;
    const said = {
      new: `belongs until ${until}: ${file}`,
      same: `signed before, left as it is (--renew signs anew): ${file}`,
      declined: `not signed; by name: --node ${shellWord(name)}`,
    }[change];
    return `${printable(name)} (${id}): ${said}`;
  });
  if (rows.some(({ change }) => change === "new"))
    lines.push("Put the card back into its node, and start it: it takes its certificate in.");
  return `${lines.join("\n")}\n`;
}
