/**
 * Runs benches by name and prints each as a table and as JSON: `npm run bench -- boot store`.
 *
 * `--out DIR` also writes DIR/NAME.json and DIR/NAME.md. Without a name: all of them.
 * @module
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeError } from "../../src/kernel/errors.ts";
import { table, type Bench, type Row } from "./table.ts";

const { values, positionals } = typed();
const known = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && !["run.ts", "table.ts"].includes(file))
  .map((file) => file.replace(/\.ts$/, ""));
if (values.help === true) {
  console.log(`npm run bench -- [NAME…] [--out DIR]

  NAME       which: ${known.join(", ")}; else all of them, which takes long
  --out DIR  also writes DIR/NAME.json and DIR/NAME.md

Exit codes: 0 done, 1 a bench failed, 2 typed wrongly.`);
  process.exit(0);
}
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no bench is called ${unknown.join(", ")}; there are: ${known.join(", ")}`);
  process.exit(2);
}

for (const name of positionals.length > 0 ? positionals : known) {
  const { bench }: { bench: Bench } = await import(join(import.meta.dirname, `${name}.ts`));
  console.error(`bench ${name} …`);
  const rows = await bench.run();
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${process.arch}, Node ${process.versions.node}`;
  print(name, rows, machine);
}

function typed() {
  try {
    return parseArgs({
      options: { out: { type: "string" }, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    });
  } catch (error) {
    console.error(`${describeError(error)}\nnpm run bench -- --help says more`);
    return process.exit(2);
  }
}

function print(name: string, rows: readonly Row[], machine: string): void {
  const text = table(rows);
  const json = JSON.stringify({ bench: name, machine, rows });
  console.log(`\n${name} (${machine})\n\n${text}\n\n${json}\n`);
  if (values.out === undefined) return;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, `${name}.json`), `${JSON.stringify({ bench: name, machine, rows }, undefined, 2)}\n`);
  writeFileSync(join(values.out, `${name}.md`), `# ${name}\n\n${machine}\n\n${text}\n`);
}
