/** The configuration file that a package brings: every field as a comment, with its sentence and its default. @module */
import { fieldRows, type FieldRow } from "./fields.ts";
import { TABLES } from "./schema.ts";

const LINE_CHARACTERS = 118;

/** TOML. Says nothing as it is: whoever takes a `#` away before a name changes that field. */
export function configTemplate(): string {
  const tables = Object.entries(TABLES).map(([name, { sentence }]) => {
    const rows = fieldRows().filter(({ table }) => table === name);
    return [...wrapped(sentence), `[${name}]`, ...rows.map(fieldLines)].join("\n");
  });
  return `${[HEADING, ...tables].join("\n\n")}\n`;
}

const HEADING = `# Caye's configuration. Every field stands here with its default, as a comment: take the \`#\` away to change one, then:
#   systemctl restart caye
# Under trust.mode = "enforce" a change is announced first: caye allow-update --config /etc/caye/caye.toml`;

function fieldLines({ key, facts, initial }: FieldRow): string {
  const unit = facts.unit === undefined ? "" : ` Unit: ${facts.unit}.`;
  return ["", ...wrapped(`${facts.description} Must be ${facts.expects}.${unit}`), `#${key} = ${initial}`].join("\n");
}

function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > LINE_CHARACTERS) lines.push(`# ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
