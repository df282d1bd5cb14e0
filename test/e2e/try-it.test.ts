/**
 * docs/try-it.md, typed as it stands: a shell block is run, and must come to print what the block behind it shows. Only
 * the places differ: other ports, and a directory of our own for `/tmp`.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually, ROOT } from "./agent-process.ts";

interface Step {
  readonly typed: string;
  readonly shown: readonly string[];
}

/** What is typed, with what must then be seen, line by line. */
async function stepsOf(page: string): Promise<Step[]> {
  const text = await readFile(join(ROOT, page), "utf8");
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```$/gm)];
  return blocks.map(([, typed = "", shown = ""]) => ({ typed, shown: shown.trim().split("\n") }));
}

/** Three ports in a row that are free now. */
async function freePorts(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  // Well below what the kernel gives out by itself, so that the two behind it are likely free as well.
  return typeof address === "object" && address !== null ? 10_000 + (address.port % 20_000) : 0;
}

function isService(typed: string): boolean {
  return /npx caye (?:run|radios)\b/.test(typed);
}

test("every command of docs/try-it.md does what the page shows", { timeout: 240_000 }, async () => {
  const place = await mkdtemp(join(tmpdir(), "caye-try-"));
  const port = await freePorts();
  const here = (text: string): string =>
    text
      .replaceAll("/tmp/", `${place}/`)
      .replaceAll(/127\.0\.0\.1:440(\d)/g, (_, last) => `127.0.0.1:${port + Number(last) - 3}`)
      .replaceAll("npx caye radios", `npx caye radios --port ${port}`);
  const services: ChildProcess[] = [];
  const type = (typed: string): { readonly child: ChildProcess; readonly said: () => string } => {
    const env = { PATH: process.env["PATH"], HOME: process.env["HOME"] };
    // `exec`, so that ending the shell ends the program.
    const line = isService(typed)
      ? typed.replace(/npx caye/, "exec npx caye").replace(/^((?:\w+=\S+ )+)exec/, "export $1; exec")
      : typed;
    const child = spawn("bash", ["-ec", line], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    return { child, said: () => said };
  };
  try {
    const steps = await stepsOf("docs/try-it.md");
    expect(steps.length).toBeGreaterThan(8);
    for (const { typed, shown } of steps) {
      const expected = shown.map(here);
      const sees = (said: string): boolean => expected.every((line) => said.includes(line));
      let last = "";
      if (isService(typed)) {
        const { child, said } = type(here(typed));
        services.push(child);
        await eventually(() => Promise.resolve(sees((last = said())) ? true : undefined)).catch(() => undefined);
      } else {
        // What comes by air comes when it comes: people look again, too.
        await eventually(async () => {
          const { child, said } = type(here(typed));
          await new Promise((done) => child.once("close", done));
          return sees((last = said())) ? true : undefined;
        }).catch(() => undefined);
      }
      for (const line of expected) expect(last, typed).toContain(line);
    }
  } finally {
    const ended = services.map((child) => new Promise((done) => child.once("close", done)));
    for (const { pid } of services) if (pid !== undefined) process.kill(-pid, "SIGTERM");
    await Promise.all(ended);
    await rm(place, { recursive: true, force: true });
  }
});
