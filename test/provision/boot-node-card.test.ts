import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test, type TestContext } from "vitest";
import { parseChannelUrl } from "../../src/provision/channel-url.ts";
import { nodeCard, publicCode, type NodeCard } from "../../src/provision/node-card.ts";
import { qrText } from "../../src/provision/qr.ts";

const NODE: NodeCard = {
  name: "clínica <roof>",
  author: "clínica <roof> (3f9a1c20b4d5e6f7)",
  radio: 0x0ca7_e001,
  region: "EU_868",
  preset: "ShortFast",
  channelName: "village",
  api: "http://10.41.0.1:8420/",
  language: "en",
};
/** A module's side in the picture. */
const PIXELS = 4;
const SECRET = { name: "village", psk: Uint8Array.from({ length: 32 }, (_, i) => 3 * i) };

/** What a reader of others finds in the picture, a portable bitmap. */
async function scanned(context: TestContext, dark: readonly (readonly boolean[])[]): Promise<string> {
  const rows = dark.flatMap((row) => {
    const wide = row.flatMap((one) => Array.from({ length: PIXELS }, () => (one ? 1 : 0))).join(" ");
    return Array.from({ length: PIXELS }, () => wide);
  });
  const directory = await mkdtemp(join(tmpdir(), "caye-qr-"));
  try {
    const file = join(directory, "code.pbm");
    await writeFile(file, `P1\n${PIXELS * (dark[0]?.length ?? 0)} ${rows.length}\n${rows.join("\n")}\n`);
    const read = spawnSync("zbarimg", ["--quiet", "--raw", "--oneshot", file], { encoding: "utf8" });
    if (read.error !== undefined) context.skip("zbarimg (zbar-tools) is not installed: no other reader saw the code");
    return read.stdout.replace(/\n$/, "");
  } finally {
    await rm(directory, { recursive: true });
  }
}

function ofText(text: string): boolean[][] {
  return text
    .replace(/\n$/, "")
    .split("\n")
    .flatMap((line) => ["█▀", "█▄"].map((signs) => Array.from(line, (sign) => signs.includes(sign))));
}

/** The squares of a path, in a field of their own: what whoever draws SVG would draw. */
function ofPath(svg: string, which: number): boolean[][] {
  const path = [...svg.matchAll(/<path [^>]*scale\(([\d.]+)\)[^>]* d="([^"]*)"/g)][which];
  const side = Math.round(400 / Number(path?.[1]));
  const field = Array.from({ length: side }, () => Array.from({ length: side }, () => false));
  for (const [, x, y] of (path?.[2] ?? "").matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
    const row = field[Number(y)];
    if (row !== undefined) row[Number(x)] = true;
  }
  return field;
}

describe("a QR code", () => {
  test("of half blocks is read by another's reader", async (context) => {
    expect(await scanned(context, ofText(qrText(publicCode(NODE))))).toBe(publicCode(NODE));
  });

  test("of an address of channels is read as the same address", async (context) => {
    const { text, svg } = nodeCard(NODE, [SECRET]);
    const url = /https:\/\/meshtastic\.org\/e\/#\S+/.exec(text)?.[0] ?? "";
    expect(parseChannelUrl(url)).toMatchObject({ ok: true, value: { channels: [SECRET] } });
    expect(await scanned(context, ofText(qrText(url)))).toBe(url);
    expect(await scanned(context, ofPath(svg, 1))).toBe(url);
  });

  test("in the drawing of a card is read by another's reader", async (context) => {
    expect(await scanned(context, ofPath(nodeCard(NODE).svg, 0))).toBe(publicCode(NODE));
  });
});

describe("a node's card", () => {
  test("tells in words what the code tells, in the node's language", () => {
    const { text } = nodeCard(NODE);
    expect(text).toContain("!0ca7e001");
    expect(text).toContain("EU_868, ShortFast");
    expect(text).toContain("http://10.41.0.1:8420/");
    expect(nodeCard({ ...NODE, language: "es", radio: null, api: "" }).text).toMatch(
      /aún no se conoce[^]*en el propio nodo/,
    );
    expect(publicCode({ ...NODE, radio: null, api: "" })).not.toContain("api");
    expect(publicCode({ ...NODE, author: "3f9a1c20b4d5e6f7" })).toContain("author 3f9a1c20b4d5e6f7\n");
    expect(publicCode({ ...NODE, name: "Peña 100%" })).toContain("name Pe%C3%B1a 100%25\nauthor 3f9a1c20b4d5e6f7\n");
  });

  test("is the same bytes for the same node, and holds no key unless it is given one", () => {
    expect(nodeCard(NODE)).toEqual(nodeCard(NODE));
    const { text, svg } = nodeCard(NODE);
    expect(text + svg).not.toMatch(/meshtastic\.org/);
    expect(nodeCard(NODE, [SECRET]).svg).toContain("LOCKED AWAY");
  });

  test("is well-formed SVG, whatever the node is called", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 24 }), (name) => {
        const { svg } = nodeCard({ ...NODE, name, author: name });
        const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text ?? "");
        expect(texts).toHaveLength(7);
        expect(texts.join("")).not.toMatch(/[<>"]|&(?!(?:amp|lt|gt|quot);)/);
      }),
      { numRuns: 50 },
    );
  });
});
