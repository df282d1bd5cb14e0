/** Questions that a command asks: over a pipe, over one that ends, several answers at once. */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { authorFromSeed } from "../../src/dag/author.ts";
import { encodeRequest } from "../../src/dag/statement-file.ts";
import { ROOT } from "./agent-process.ts";

const SENTENCE = "burn this key into this board for ever";
const directory = await mkdtemp(join(tmpdir(), "caye-questions-"));
afterAll(() => rm(directory, { recursive: true, force: true }));

function typed(input: string, ...argv: readonly string[]) {
  const args = ["--disable-warning=ExperimentalWarning", join(ROOT, "src/main.ts"), ...argv];
  return spawnSync(process.execPath, args, { input, cwd: directory, encoding: "utf8", timeout: 30_000 });
}

test("one answer is a line: the program goes on with Enter, and with the end of its input", async () => {
  const plan = ["provision", "secure-boot", "burn-plan", "--recovery", ".", "--i-understand-this-can-not-be-undone"];
  await writeFile(join(directory, "config.txt"), "#program_pubkey=1\n");
  for (const input of ["", "\n", "no"]) {
    const { status, stderr } = typed(input, ...plan);
    expect([status, stderr], JSON.stringify(input)).toEqual([1, expect.stringContaining("nothing was written")]);
  }
  expect(typed(`${SENTENCE}\nmore`, ...plan)).toMatchObject({ status: 0, stderr: `To go on, type: ${SENTENCE}\n` });
});

test("several answers at once go to the questions in their order; those that don't come are no", async () => {
  await mkdir(join(directory, "card/caye/requests"), { recursive: true });
  const names = ["clinic", "school", "shelter", "stranger"];
  for (const [i, name] of names.entries()) {
    const author = authorFromSeed(new Uint8Array(32).fill(i + 1));
    const request = encodeRequest({ radio: 9, mlDsaFingerprint: author.mlDsa.fingerprint, name }, author);
    await writeFile(join(directory, `card/caye/requests/${name}.request`), request);
  }
  expect(typed("", "village", "create", "--out", "village.authority").status).toBe(0);
  const enrol = ["provision", "enrol", "card", "--authority", "village.authority", "--until", "2099-12-31"];
  const { status, stderr } = typed("y\nn\ny\n", ...enrol);
  expect([status, stderr.match(/Sign \w+/g)]).toEqual([0, names.map((name) => `Sign ${name}`)]);
  expect(await readdir(join(directory, "card/caye/certificates"))).toEqual([
    "clinic.certificate",
    "shelter.certificate",
  ]);
});
