/** The house as ARCHITECTURE.md draws it: who may import whom, what stays in the drivers, and that nothing stands twice. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const SRC = join(ROOT, "src");

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(SRC, name));
const sources = new Map(files.map((file) => [file, withoutComments(readFileSync(file, "utf8"))]));

function withoutComments(text: string): string {
  // Strings come first in the alternation, so that a `//` inside one is not taken for a comment.
  return text.replaceAll(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_, text: string | undefined) => text ?? "",
  );
}

function importsOf(file: string): string[] {
  const text = sources.get(file) ?? "";
  const pattern =
    /(?:^|[\n;])\s*(?:import|export)\s[^"';]*?from\s*["']([^"']+)["']|import\s*\(\s*["']([^"']+)["']\s*\)|(?:^|\n)\s*import\s+["']([^"']+)["']/g;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

/** `dag` for `src/dag/cid.ts`, `agent.ts` for `src/agent.ts`. */
function roomOf(file: string): string {
  return relative(SRC, file).split("/")[0] ?? "";
}

const edges = files.flatMap((from) =>
  importsOf(from)
    .filter((name) => name.startsWith("."))
    .map((name) => ({ from, to: resolve(dirname(from), name) })),
);

/** The table of ARCHITECTURE.md is the rule: | floor | `room` | line | imports |. */
function allowedImports(): Map<string, { floor: number; may: Set<string> }> {
  const page = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");
  const rows = [...page.matchAll(/^\| *(\d+) *\| *`([\w./-]+)` *\|.*?\| *([^|]*?) *\|$/gm)];
  return new Map(
    rows.map(([, floor, room = "", may = ""]) => [
      room.replace(/\/$/, ""),
      { floor: Number(floor), may: new Set(may === "–" ? [] : may.split(", ")) },
    ]),
  );
}

const table = allowedImports();
const inRooms =
  (...rooms: string[]) =>
  (file: string) =>
    rooms.includes(roomOf(file));

describe("the house", () => {
  test("is really seen: the rooms, their files and their imports", () => {
    expect(files.length).toBeGreaterThan(40);
    expect(edges.length).toBeGreaterThan(100);
    expect(edges.some(({ from, to }) => roomOf(from) === "exchange" && roomOf(to) === "dag")).toBe(true);
    expect(table.size).toBeGreaterThan(15);
  });

  test("has no file outside the rooms of the table", () => {
    expect([...new Set(files.map(roomOf))].filter((room) => !table.has(room))).toEqual([]);
  });

  test("imports only what the table allows", () => {
    const wrong = edges
      .filter(({ from, to }) => roomOf(from) !== roomOf(to) && !table.get(roomOf(from))?.may.has(roomOf(to)))
      .map(({ from, to }) => `${relative(ROOT, from)} → ${relative(ROOT, to)}`);
    expect(wrong).toEqual([]);
  });

  test("allows only imports downward", () => {
    const upward = [...table].flatMap(([room, { floor, may }]) =>
      [...may].filter((other) => (table.get(other)?.floor ?? 99) >= floor).map((other) => `${room} → ${other}`),
    );
    expect(upward).toEqual([]);
  });

  test("imports files that exist, and no circle leads back to a file", () => {
    expect(edges.filter(({ to }) => !existsSync(to))).toEqual([]);
    expect(circles()).toEqual([]);
  });

  test("keeps disk, network, processes and time in the drivers", () => {
    const outside = new Set([
      "fs",
      "net",
      "http",
      "https",
      "http2",
      "tls",
      "dgram",
      "dns",
      "child_process",
      "timers",
      "worker_threads",
      "os",
      "tty",
    ]);
    const wrong = files
      .filter((file) => !inRooms("drivers", "main.ts", "cli")(file))
      .flatMap((file) => importsOf(file).map((name) => ({ file, name: name.replace(/^node:/, "") })))
      .filter(({ name }) => outside.has(name.split("/")[0] ?? "") && builtinModules.includes(name.split("/")[0] ?? ""))
      .map(({ file, name }) => `${relative(ROOT, file)} imports ${name}`);
    expect(wrong).toEqual([]);
  });

  test("reads no clock, sets no timer and draws no chance outside the drivers", () => {
    const pattern =
      /\b(?:Date\.now\(|new Date\(\)|performance\.now\(|Math\.random\(|set(?:Timeout|Interval|Immediate)\(|randomBytes\(|randomFill|console\.|getRandomValues)/;
    const wrong = [...sources].filter(
      ([file, text]) => !inRooms("drivers", "main.ts", "cli")(file) && pattern.test(text),
    );
    expect(wrong.map(([file]) => relative(ROOT, file))).toEqual([]);
  });

  test("reads the process only in main.ts and the drivers", () => {
    const wrong = [...sources].filter(
      ([file, text]) => !inRooms("drivers", "main.ts")(file) && /\bprocess\./.test(text),
    );
    expect(wrong.map(([file]) => relative(ROOT, file))).toEqual([]);
  });

  test("has no barrel, no default export, and opens each file with its subject", () => {
    expect(files.filter((file) => file.endsWith("/index.ts"))).toEqual([]);
    const wrong = files.filter((file) => /^export default|^export \* from/m.test(sources.get(file) ?? ""));
    expect(wrong).toEqual([]);
    const unnamed = files.filter((file) => !/^(?:#!.*\n)?\/\*\*[\s\S]*?@module/.test(readFileSync(file, "utf8")));
    expect(unnamed.map((file) => relative(ROOT, file))).toEqual([]);
  });

  test("says nothing twice: no eight lines of code stand in two places", () => {
    expect(repeats(8)).toEqual([]);
  });

  test("has its top level whole, each folder with a word about itself or with its work", () => {
    for (const name of ["src", "provisioning", "systemd", "ansible", "circuits", "test", "docs", ".ci"]) {
      expect(statSync(join(ROOT, name)).isDirectory(), name).toBe(true);
      expect(readdirSync(join(ROOT, name)).length, name).toBeGreaterThan(0);
    }
    for (const name of ["package.json", "tsconfig.json", "README.md", "ARCHITECTURE.md", "LICENSE"]) {
      expect(existsSync(join(ROOT, name)), name).toBe(true);
    }
  });
});

function circles(): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const found: string[] = [];
  const state = new Map<string, "open" | "closed">();
  const visit = (file: string, path: string[]): void => {
    if (state.get(file) === "closed") return;
    if (state.get(file) === "open") {
      found.push([...path.slice(path.indexOf(file)), file].map((name) => relative(SRC, name)).join(" → "));
      return;
    }
    state.set(file, "open");
    for (const other of next.get(file) ?? []) visit(other, [...path, file]);
    state.set(file, "closed");
  };
  for (const file of files) visit(file, []);
  return found;
}

function repeats(length: number): string[] {
  const seen = new Map<string, string>();
  const found: string[] = [];
  for (const [file, text] of sources) {
    const lines = text
      .split("\n")
      .map((line) => line.trim())
      .filter(
        (line) => /\w/.test(line) && !/^(?:import|export \{|\} from)/.test(line) && !/^\w+,$|^type \w+,$/.test(line),
      );
    for (let i = 0; i + length <= lines.length; i++) {
      const window = lines.slice(i, i + length).join("\n");
      const place = `${relative(SRC, file)}: ${lines[i]}`;
      const before = seen.get(window);
      if (before !== undefined) found.push(`${before} ~ ${place}`);
      seen.set(window, place);
    }
  }
  return found;
}
