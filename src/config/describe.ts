/** Renders `docs/configuration.md` from the schema. @module */
import { fieldRows } from "./fields.ts";
import { variableName } from "./parse.ts";
import { TABLES } from "./schema.ts";

/** The whole page, in Markdown. A test keeps `docs/configuration.md` equal to it. */
export function describeConfig(): string {
  const tables = Object.entries(TABLES).map(([name, { sentence }]) => tableSection(name, sentence));
  return `${[INTRODUCTION, ...tables, example()].join("\n\n")}\n`;
}

const INTRODUCTION = `# Configuration

Caye needs no configuration: every field has a default. To change one, write a TOML file and name it:

\`\`\`sh
npm start -- --config caye.toml
\`\`\`

The environment variable \`CAYE_CONFIG\` names the file too, and each field has a variable of its own, which wins over the
file: \`CAYE_RADIO_MODEM=tcp://127.0.0.1:4403\`. Unknown fields, unknown \`CAYE_*\` variables and values with a wrong unit are
refused with the field's path and an example. \`CAYE_STATE\` is no field: it names the state directory (else
\`$XDG_STATE_HOME/caye\`, else \`~/.local/state/caye\`).

This page is rendered from \`src/config/\`.`;

function tableSection(table: string, sentence: string): string {
  const rows = fieldRows()
    .filter((row) => row.table === table)
    .map(({ path, key, facts, initial }) => {
      const unit = facts.unit === undefined ? "" : `Unit: ${facts.unit}. `;
      const lines = [
        `### \`${key}\``,
        facts.description,
        `Must be ${facts.expects}. ${unit}Default: \`${initial}\`. Variable: \`${variableName(path)}\`.`,
      ];
      return lines.join("\n\n");
    });
  return [`## [${table}]`, sentence, ...rows].join("\n\n");
}

function example(): string {
  return `## Example

A radio on USB in Belize, strict about its boot:

\`\`\`toml
[node]
name = "clinic-roof"

[radio]
modem = "serial:///dev/ttyACM0?baud=115200"
region = "US"

[trust]
mode = "enforce"
tpm = "tpm:/dev/tpmrm0"
\`\`\``;
}
