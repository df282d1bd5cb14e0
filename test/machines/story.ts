/** What a machine does step by step, each step a script of its own, told step by step. @module */
import { bootTree, type BootOptions } from "./nspawn.ts";

export interface Step {
  /** Exit code of its script. */
  readonly status: number;
  /** What it wrote, to stdout and stderr. */
  readonly output: string;
}

/**
 * Boots the tree and runs the scripts one after the other, whatever becomes of each.
 * @throws as `bootTree` does
 */
export async function play<Name extends string>(
  tree: string,
  steps: Readonly<Record<Name, string>>,
  options: Omit<BootOptions, "script">,
): Promise<(name: Name) => Step> {
  const scripts: readonly [string, string][] = Object.entries(steps);
  const script = scripts.map(([name, text]) => {
    const encoded = Buffer.from(text).toString("base64");
    return `base64 -d <<<'${encoded}' >/tmp/step; status=0; bash -euo pipefail /tmp/step </dev/null || status=$?
echo; echo "== ${name} ended with $status"`;
  });
  const { output } = await bootTree(tree, { ...options, script: script.join("\n") });
  const ends = [...output.matchAll(/\n== (\S+) ended with (\d+)\n/g)];
  return (name) => {
    const index = ends.findIndex(([, ended]) => ended === name);
    const end = ends[index];
    if (end === undefined) throw new Error(`${name} was not reached:\n${output.slice(-4000)}`);
    const before = ends[index - 1];
    const from = before === undefined ? 0 : before.index + before[0].length;
    return { status: Number(end[2]), output: output.slice(from, end.index) };
  };
}
