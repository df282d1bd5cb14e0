/** `caye keys`, `caye recovery`, `caye rotate` and approvals: what is typed, what is shown, and what never is. */
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { secretOf, wordsOf } from "../../src/cli/recovery-words.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";
import { fakeRecovery, keysReport } from "../fakes/keys-view.ts";

/** What the fake tools' words stand for. */
const SECRET = new Uint8Array(32).fill(0x5a);

let cli: FakeCli;
beforeEach(() => {
  cli = fakeCli();
});

describe("recovery words", () => {
  // BIP-39's own test vectors (trezor/python-mnemonic, vectors.json), of 256 bits.
  test.each([
    ["00".repeat(32), `${"abandon ".repeat(23)}art`],
    [
      "7f".repeat(32),
      `${"legal winner thank year wave sausage worth useful ".repeat(2)}legal winner thank year wave sausage worth title`,
    ],
    ["ff".repeat(32), `${"zoo ".repeat(23)}vote`],
    [
      "f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f",
      "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten exist slush involve unfold",
    ],
  ])("of %s are BIP-39's", (hex, words) => {
    expect(wordsOf(Buffer.from(hex, "hex"), "en").join(" ")).toBe(words);
    expect(toHex(secretOf(words))).toBe(hex);
  });

  test("come back from both languages, with numbers, capitals, without accents, by four letters", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.constantFrom("en", "es"), (secret, language) => {
        const words = wordsOf(secret, language);
        expect(words).toHaveLength(24);
        const forms = [
          words.join(" "),
          words.map((word, i) => `${i + 1}. ${word.toUpperCase()}`).join("\n"),
          words.map((word) => word.normalize("NFD").replace(/\p{M}/gu, "")).join(", "),
          words.map((word) => word.normalize("NFC").slice(0, 4)).join(" "),
        ];
        for (const form of forms) expect(secretOf(form)).toEqual(secret);
      }),
      { numRuns: 40 },
    );
  });

  test("a mistyped one is named with the likely one; others are refused as they stand together", () => {
    const words = [...wordsOf(SECRET, "en")];
    const refusal = (typed: readonly string[]): string => {
      try {
        secretOf(typed.join(" "));
        return "none";
      } catch (error) {
        return error instanceof AgentError ? `${error.code}: ${error.message}` : String(error);
      }
    };
    expect(refusal(words.with(6, "abandan"))).toBe(
      "RECOVERY_TYPED: word 7, “abandan”, is not in the list; did you mean “abandon”?",
    );
    expect(refusal(words.with(6, "\u001b[2Jx"))).toContain("word 7, “�[2Jx”, is not in the list");
    expect(refusal(words.slice(1))).toBe("RECOVERY_TYPED: there are 23 words, not 24");
    const swapped = words.with(0, words[1] ?? "").with(1, words[0] ?? "");
    expect(refusal(swapped)).toContain("together they do not fit");
    // Of 256 other last words about one in 256 would fit.
    expect(refusal(words.with(23, "zoo"))).toContain("together they do not fit");
    const spanish = wordsOf(SECRET, "es");
    expect(refusal(spanish.with(3, "abejaa"))).toContain("did you mean “abeja”?");
  });
});

describe("caye recovery create", () => {
  const words = wordsOf(SECRET, "en");

  test("shows the words on a terminal, and gives the agent nothing but a public key", async () => {
    cli.isStdoutTty = true;
    const bodies: string[] = [];
    const agent = cli.answer;
    cli.answer = async (url, init) => {
      bodies.push(typeof init.body === "string" ? init.body : "another kind of body");
      return (agent ?? fetch)(url, init);
    };
    const { code, out, err } = await cli.run("recovery", "create");
    expect([code, err]).toEqual([0, ""]);
    for (const [i, word] of words.entries()) expect(out).toContain(`${i + 1}. ${word}`);
    expect(out).toContain("named 8899aabbccddeeff");
    expect(cli.view.keys.boxes).toEqual(["a5".repeat(32)]);
    expect(bodies).toEqual([JSON.stringify({ public_key: "a5".repeat(32) })]);
    expect([...cli.files.values()].some((bytes) => new TextDecoder().decode(bytes).includes(words[3] ?? ""))).toBe(
      false,
    );
  });

  test("shows nothing and makes nothing where nobody looks, unless it is told to", async () => {
    const refused = await cli.run("recovery", "create", "--json");
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("--show");
    expect(cli.view.keys.boxes).toEqual([]);
    const shown = await cli.run("recovery", "create", "--json", "--show", "--language", "es");
    expect(JSON.parse(shown.out)).toEqual({ id: "8899aabbccddeeff", language: "es", words: wordsOf(SECRET, "es") });
  });

  test("shows no words when the agent could not keep the box", async () => {
    cli.isStdoutTty = true;
    cli.view.keys.makeRecovery = () => Promise.reject(new AgentError("TPM_GONE", "the TPM is gone"));
    const { code, out, err } = await cli.run("recovery", "create");
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("the TPM is gone");
  });

  test("speaks Spanish where the terminal does", async () => {
    cli.isStdoutTty = true;
    cli.env["LANG"] = "es_MX.UTF-8";
    const { out } = await cli.run("recovery", "create");
    expect(out).toContain("Escriba ahora estas 24 palabras");
    for (const word of wordsOf(SECRET, "es")) expect(out).toContain(word);
  });
});

describe("caye recovery check and open", () => {
  test("take the words from standard input or a file, and hand on what they stand for", async () => {
    const asked: string[] = [];
    cli.recoveryTools = {
      ...fakeRecovery(),
      check: async (state, secret) => {
        asked.push(`${state} ${toHex(secret)}`);
        return { keyId: "00", current: true };
      },
      open: async (state, secret) => {
        asked.push(`${state} ${toHex(secret)}`);
        return ["sealed.bin.lost"];
      },
    };
    cli.stdin = wordsOf(SECRET, "en").join("\n");
    expect(await cli.run("recovery", "check")).toMatchObject({ code: 0, out: "These words open this node's store.\n" });
    cli.files.set("words.txt", utf8(wordsOf(SECRET, "es").join(" ")));
    const opened = await cli.run("recovery", "open", "--state", "copy", "--words-file", "words.txt");
    expect(opened.code).toBe(0);
    expect(opened.out).toContain("/home/ana/copy/store.key");
    expect(opened.out).toContain("sealed.bin.lost");
    const hex = toHex(SECRET);
    expect(asked).toEqual([`/home/ana/.local/state/caye ${hex}`, `/home/ana/copy ${hex}`]);
  });

  test("say what is wrong, and never quote what was right", async () => {
    cli.stdin = "only three words";
    const typed = await cli.run("recovery", "check", "--json");
    expect(typed.code).toBe(1);
    expect(JSON.parse(typed.out)).toMatchObject({ error: { code: "RECOVERY_TYPED" } });
    cli.stdin = wordsOf(SECRET, "en").join(" ");
    cli.recoveryTools = {
      ...fakeRecovery(),
      check: async () => ({ keyId: "00", current: false }),
      open: () => Promise.reject(new AgentError("STATE_IN_USE", "process 4242 is using it")),
    };
    const stale = await cli.run("recovery", "check");
    expect([stale.code, stale.err]).toEqual([1, expect.stringContaining("older key")]);
    const inUse = await cli.run("recovery", "open");
    expect([inUse.code, inUse.err]).toEqual([1, expect.stringContaining("process 4242")]);
    for (const said of [typed, stale, inUse]) {
      const text = said.out + said.err;
      expect(text).not.toContain(toHex(SECRET));
      expect(text).not.toContain(cli.stdin.slice(0, 30));
    }
    cli.files.set("noise", new Uint8Array(randomBytes(5_000)));
    const noise = await cli.run("recovery", "check", "--words-file", "noise");
    expect([noise.code, noise.err]).toEqual([1, expect.stringContaining("holds no 24 words")]);
  });
});

describe("caye rotate", () => {
  test("store-key begins, and with --wait waits until all has moved", async () => {
    const begun = await cli.run("rotate", "store-key");
    expect(begun).toMatchObject({ code: 0, out: expect.stringContaining("445566778899aabb") });
    const at = (state: "moving" | "tidying" | "settled", moved: number) =>
      keysReport({ store_key: { state, id: "445566778899aabb", looked: moved, moved } });
    cli.view.keys.reports = [at("moving", 1), at("moving", 7), at("tidying", 9), at("settled", 9)];
    const { code, out } = await cli.run("rotate", "store-key", "--wait");
    expect([code, out]).toEqual([0, "The store is under its new key, 445566778899aabb: 9 values moved.\n"]);
    expect(cli.nowMs).toBe(3_000);
  });

  test("attestation-key says that the node must be enrolled again", async () => {
    const { out } = await cli.run("rotate", "attestation-key");
    expect(out).toContain("caye attest enrol");
    const { out: json } = await cli.run("rotate", "attestation-key", "--json");
    expect(JSON.parse(json)).toEqual({ next_generation: 1 });
  });
});

test("caye rotate author-key says when it happens, and who must know of it", async () => {
  const { code, out } = await cli.run("rotate", "author-key");
  expect(code).toBe(0);
  for (const part of ["3f9a1c20b4d5e6f7", "next start", "caye village request", "caye attest enrol"])
    expect(out).toContain(part);
  const { out: json } = await cli.run("rotate", "author-key", "--json");
  expect(JSON.parse(json)).toEqual({ id: "3f9a1c20b4d5e6f7", replaced_at_next_start: true });
  expect((await cli.run("keys")).out).toMatch(/^author's key +3f9a1c20b4d5e6f7$/m);
  cli.view.keys.reports = [keysReport({ author_key: { id: "3f9a1c20b4d5e6f7", replaced_at_next_start: true } })];
  expect((await cli.run("keys")).out).toContain("3f9a1c20b4d5e6f7; another from the next start on");
  cli.view.keys.reports = [keysReport({ author_key: { id: "", replaced_at_next_start: false } })];
  expect((await cli.run("keys")).out).toMatch(/^author's key +out of reach/m);
});

test("caye keys shows each state in words", async () => {
  const { out } = await cli.run("keys");
  expect(out).toMatch(/^store key +00112233aabbccdd\nrecovery words +made, named 8899aabbccddeeff\n/);
  const approvals = ["ab".repeat(32)];
  for (const [state, words] of [
    ["none", "caye recovery create"],
    ["stale", "older key"],
    ["damaged", "damaged"],
  ] as const) {
    cli.view.keys.reports = [
      keysReport({
        store_key: { state: "shut", id: "", looked: 0, moved: 0 },
        recovery: { state, words: "" },
        attestation_key: { generation: 1, next_generation: 2 },
        approvals,
      }),
    ];
    const { out: said } = await cli.run("keys");
    expect(said).toContain(words);
    expect(said).toContain("number 1; 2 from the next start on");
    expect(said).toContain(`approved update  ${approvals[0] ?? ""}`);
    expect(said).toContain("out of reach");
  }
});

describe("caye allow-update --approval", () => {
  test("hands the file to the agent, also in quarantine", async () => {
    cli.view.quarantined = true;
    cli.files.set("clinic.approval", utf8("an approval"));
    const { code, out } = await cli.run("allow-update", "--approval", "clinic.approval");
    expect([code, out]).toEqual([0, expect.stringContaining("ab".repeat(32))]);
    expect(cli.view.keys.approvals).toEqual([utf8("an approval")]);
  });

  test("goes by itself, and says why a file is none", async () => {
    expect(await cli.run("allow-update", "--approval", "x", "--code", "y")).toMatchObject({ code: 2 });
    cli.files.set("empty", new Uint8Array());
    expect(await cli.run("allow-update", "--approval", "empty")).toMatchObject({
      code: 1,
      err: expect.stringContaining("no approval of an update"),
    });
    expect(await cli.run("allow-update", "--approval", "missing")).toMatchObject({ code: 1 });
  });
});
