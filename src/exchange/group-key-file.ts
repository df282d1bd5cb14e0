/**
 * The file of a village's group key: one line a key, `caye-group-key NUMBER HEX`, the one that seals first. Lines that begin
 * with `#` are for people.
 * @module
 */
import { fromHex, fromUtf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { groupKey, slotOf, type GroupKey } from "./sealed-box.ts";

const LINE = /^caye-group-key ([1-9]\d{0,6}) ([0-9a-fA-F]{64})$/;

/** One or two keys. @throws AgentError "GROUP_KEY_INVALID": what is wrong, without a word of the secret */
export function parseGroupKeys(file: Uint8Array): readonly GroupKey[] {
  const lines = (fromUtf8(file) ?? "?").split("\n").map((line) => line.trim());
  const keys = lines.filter((line) => line !== "" && !line.startsWith("#")).map(keyOfLine);
  if (keys.length < 1 || keys.length > 2) throw invalid(`it holds ${keys.length} keys`);
  if (new Set(keys.map(slotOf)).size < keys.length) throw invalid("its two keys can't be told apart on the air");
  return keys;
}

function keyOfLine(line: string): GroupKey {
  const [, number, hex = ""] = LINE.exec(line) ?? [];
  const secret = fromHex(hex);
  if (number === undefined || secret === undefined) throw invalid("a line is no key");
  return groupKey(Number(number), secret);
}

function invalid(reason: string): AgentError {
  return new AgentError("GROUP_KEY_INVALID", `the file of the group key is not as it should be: ${reason}`, {
    fix: "make it with caye village key; it holds one key, and during a change two with numbers that follow each other",
  });
}
