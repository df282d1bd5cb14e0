/** What a node leaves on its card to be signed, and what it takes from there: requests out, certificates in. @module */
import { equalBytes, type Bytes } from "../kernel/bytes.ts";
import type { Machine } from "../ports/machine.ts";
import { mustBePlain } from "./card-plain.ts";

const MAX_REQUEST_BYTES = 16_384;
const MAX_REQUESTS = 64;
const REQUEST = /^[A-Za-z0-9][A-Za-z0-9._-]{0,100}\.request$/;

export interface CardPaper {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly bytes: Bytes;
}

/** @throws AgentError "CARD_REFUSED" */
export async function requestsOn(machine: Machine, directory: string): Promise<readonly CardPaper[]> {
  await mustBePlain(machine, directory);
  const names = (await machine.list(`${directory}/caye/requests`)).filter((name) => REQUEST.test(name));
  const papers: CardPaper[] = [];
  for (const name of names.slice(0, MAX_REQUESTS)) {
    const bytes = await machine.read(`${directory}/caye/requests/${name}`, MAX_REQUEST_BYTES);
    if (bytes !== undefined) papers.push({ name: name.slice(0, -".request".length), bytes });
  }
  return papers;
}

/** @throws AgentError "CARD_REFUSED" */
export async function putCertificate(
  machine: Machine,
  directory: string,
  name: string,
  bytes: Uint8Array,
): Promise<"new" | "same"> {
  await mustBePlain(machine, directory);
  const path = `${directory}/caye/certificates/${name}.certificate`;
  const before = await machine.read(path, bytes.length + 1);
  if (before !== undefined && equalBytes(before, bytes)) return "same";
  await machine.write(path, bytes);
  return "new";
}
