/** `caye attest quote | verify | watch` and `policy`: what is typed, read, written and said, with a verifier in memory. @module */
import { beforeEach, describe, expect, test } from "vitest";
import type { ApprovalRequest, AttestTools, VerifyRequest } from "../../src/kernel/attest-tools.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { EVIDENCE } from "../fakes/attest-view.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";

const NONCE = "00112233445566778899aabbccddeeff";
const AUTHORITY = "ab".repeat(64);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const written = (path: string): string => Buffer.from(cli.files.get(path) ?? []).toString();
const VERIFY = ["attest", "verify", "--nonce", NONCE, "--enrolment", "clinic.enrolment"];

let cli: FakeCli;
let verified: VerifyRequest[];
let approved: ApprovalRequest[];

beforeEach(() => {
  cli = fakeCli();
  verified = [];
  approved = [];
  cli.files.set("clinic.enrolment", text("old counters"));
  cli.files.set("quote/", text(""));
  for (const name of ["ak.pub", "quote.msg", "quote.sig", "quote.pcrs", "stranger.txt"]) {
    cli.files.set(`quote/${name}`, text(name));
  }
  cli.attestTools = tools({
    ok: true,
    counters: { resetCount: 3, restartCount: 1, clock: 2n ** 63n },
    warnings: ["the TPM was not shut down"],
  });
});

function tools(verdict: ReturnType<AttestTools["verify"]>["verdict"]): AttestTools {
  const never = (): never => {
    throw new AgentError("ATTEST_REQUEST", "not expected here");
  };
  return {
    verify: (request) => {
      verified.push(request);
      return { verdict, name: "clinic", enrolment: verdict.ok ? text("new counters") : undefined };
    },
    challenge: never,
    finish: never,
    bareEnrolment: (akPublic, name) => text(`bare ${name} ${Buffer.from(akPublic).toString()}`),
    showEnrolment: () => ({
      name: "clinic",
      author: "3f9a1c20b4d5e6f7",
      ak_name: "000b",
      key: "ecc",
      endorsement: "pinned",
      pcrs: [14],
      own_pcr: 14,
      reset_count: 3,
      restart_count: 0,
    }),
    signPolicy: (body, { authority }) => text(`signed ${Buffer.from(body).toString()} ${authority.length}`),
    showPolicy: (_, authority) => ({
      version: 4,
      from: "2026-01-01",
      until: "2026-12-31",
      body: { version: 4 },
      signatures: authority === undefined ? "unchecked" : authority === AUTHORITY ? "good" : "bad",
    }),
    approve: (request) => {
      approved.push(request);
      return text("approval");
    },
  };
}

describe("quote", () => {
  test("writes each file, asks with that nonce and key, and says how to check them", async () => {
    const { code, out, err } = await cli.run("attest", "quote", "--nonce", NONCE.toUpperCase(), "--out", "q");
    expect([code, err]).toEqual([0, ""]);
    expect(cli.view.attest.asked).toEqual([{ nonce: NONCE, key: "ecc" }]);
    for (const [name, base64] of Object.entries(EVIDENCE)) {
      expect(Buffer.from(cli.files.get(`q/${name}`) ?? []).toString("base64")).toBe(base64);
    }
    expect(out).toContain(
      `tpm2_checkquote -u q/ak.pem -m q/quote.msg -s q/quote.sig -f q/quote.pcrs -g sha256 -q ${NONCE}`,
    );
    await cli.run("attest", "quote", "--nonce", NONCE, "--out", "q", "--key", "rsa");
    expect(cli.view.attest.asked[1]).toEqual({ nonce: NONCE, key: "rsa" });
  });

  test("takes a nonce of 16 to 32 bytes, two kinds of keys, and file names only from the agent", async () => {
    for (const nonce of ["00", "xyz", `${NONCE}${NONCE}00`, ""]) {
      expect((await cli.run("attest", "quote", "--nonce", nonce, "--out", "q")).code, nonce).toBe(2);
    }
    expect((await cli.run("attest", "quote", "--nonce", NONCE, "--out", "q", "--key", "dsa")).code).toBe(2);
    expect((await cli.run("attest", "quote", "--nonce", NONCE)).code).toBe(2);
    cli.view.attest.quote = async () => ({ nonce: NONCE, pcrs: [14], files: { "../../etc/passwd": "AA==" } });
    const { code, err } = await cli.run("attest", "quote", "--nonce", NONCE, "--out", "q");
    expect([code, err]).toEqual([1, expect.stringContaining("other files")]);
    expect([...cli.files.keys()].filter((file) => file.includes("passwd"))).toEqual([]);
  });

  test("ends with 3 when no agent runs", async () => {
    cli.answer = undefined;
    expect((await cli.run("attest", "quote", "--nonce", NONCE, "--out", "q")).code).toBe(3);
  });
});

describe("verify", () => {
  test("needs no agent, ends with 0, keeps the counters, and passes on what there is", async () => {
    cli.answer = undefined;
    const { code, out, err } = await cli.run(...VERIFY, "--reboots", "2", "quote");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^attested: .*clinic.*3 resets and 1 restarts/);
    expect(out).toContain("Note: the TPM was not shut down");
    expect(written("clinic.enrolment")).toBe("new counters");
    expect(verified[0]).toMatchObject({ reboots: 2, quoteOnly: false, nowS: expect.any(Number) });
    expect([...(verified[0]?.files.keys() ?? [])]).toEqual(["quote.msg", "quote.sig", "quote.pcrs", "ak.pub"]);
    expect(Buffer.from(verified[0]?.nonce ?? []).toString("hex")).toBe(NONCE);
  });

  test("leaves the enrolment alone on a dry run and on a bad verdict, which ends with 1 and begins with its reason", async () => {
    await cli.run(...VERIFY, "--dry-run", "quote");
    expect(written("clinic.enrolment")).toBe("old counters");
    cli.attestTools = tools({ ok: false, reason: "unknown-reset", detail: "two more", fix: "say --reboots 2" });
    const { code, out } = await cli.run(...VERIFY, "quote");
    expect([code, out]).toEqual([1, "unknown-reset: two more (clinic)\nsay --reboots 2\n"]);
    expect(written("clinic.enrolment")).toBe("old counters");
    const json = await cli.run(...VERIFY, "--json", "quote");
    expect([json.code, JSON.parse(json.out)]).toEqual([
      1,
      expect.objectContaining({ ok: false, reason: "unknown-reset", fix: "say --reboots 2", enrolment_updated: false }),
    ]);
  });

  test("tells scripts the counters without rounding them", async () => {
    const { out } = await cli.run(...VERIFY, "--json", "quote");
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      reason: "",
      counters: { reset_count: 3, restart_count: 1, clock: "9223372036854775808" },
      enrolment_updated: true,
    });
  });

  test("does not call a quote good whose counters can't be kept", async () => {
    cli.files.set("/full/clinic.enrolment", text("old counters"));
    const args = ["attest", "verify", "--nonce", NONCE, "--enrolment", "/full/clinic.enrolment", "quote"];
    const { code, out, err } = await cli.run(...args);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("could not be written");
  });

  test("a policy goes with its authority's 128 digits; quotes of other tools are judged as such", async () => {
    cli.files.set("village.policy", text("policy"));
    const policy = ["--policy", "village.policy"];
    expect((await cli.run(...VERIFY, ...policy, "quote")).code).toBe(2);
    expect((await cli.run(...VERIFY, ...policy, "--authority", "ab", "quote")).code).toBe(2);
    expect((await cli.run(...VERIFY, "--authority", AUTHORITY, "quote")).code).toBe(2);
    expect((await cli.run(...VERIFY, ...policy, "--authority", AUTHORITY.toUpperCase(), "quote")).code).toBe(0);
    expect(verified[0]?.policy).toEqual({ file: text("policy"), authority: AUTHORITY });
    const { out } = await cli.run(...VERIFY, "--quote-only", "quote");
    expect(verified[1]?.quoteOnly).toBe(true);
    expect(out).toMatch(/^attested: the quote answers this nonce, by the enrolled key/);
    expect(out).not.toContain("expected");
  });

  test("reads no pipe, no device and no heap of bytes that a stranger put there", async () => {
    cli.special.set("quote/quote.sig", { kind: "other", mode: 0o600, readable: true, writable: true });
    const pipe = await cli.run(...VERIFY, "quote");
    expect([pipe.code, pipe.err]).toEqual([1, expect.stringContaining("quote/quote.sig: this is no regular file")]);
    cli.special.clear();
    cli.files.set("quote/ima-events.bin", new Uint8Array(2 ** 25 + 1));
    const heap = await cli.run(...VERIFY, "quote");
    expect([heap.code, heap.err]).toEqual([1, expect.stringContaining("quote/ima-events.bin: this is too long")]);
    expect(verified).toEqual([]);
  });

  test("names what is missing, and never shows a stack", async () => {
    for (const [args, said] of [
      [["attest", "verify", "--nonce", NONCE, "--enrolment", "none", "quote"], "none: there is no such file"],
      [[...VERIFY, "nowhere"], "nowhere: there is no such directory"],
      [[...VERIFY, "--policy", "none", "--authority", AUTHORITY, "quote"], "none: there is no such file"],
    ] as const) {
      const { code, err } = await cli.run(...args);
      expect([code, err], args.join(" ")).toEqual([1, expect.stringContaining(said)]);
      expect(err).not.toContain("    at ");
    }
    for (const reboots of ["-1", "1.5", "many"]) {
      expect((await cli.run(...VERIFY, "--reboots", reboots, "quote")).code, reboots).toBe(2);
    }
  });

  test("an empty directory is a verdict, not a failure", async () => {
    cli.files.set("empty/", text(""));
    await cli.run(...VERIFY, "empty");
    expect(verified[0]?.files.size).toBe(0);
  });
});

test("a neighbour's enrolment is handed to the agent", async () => {
  const { code, out } = await cli.run("attest", "watch", "clinic.enrolment");
  expect([code, out]).toEqual([0, "This node asks school (0102030405060708) for its quote from now on\n"]);
  expect(cli.view.attest.asked).toEqual(["old counters"]);
});

test("the steps of an enrolment have options of their own, though the whole has some of the same names", async () => {
  const { code, out } = await cli.run("attest", "enrol", "request", "--out", "stick.request", "--json");
  expect([code, JSON.parse(out)]).toEqual([0, { id: "3f9a1c20b4d5e6f7", name: "clinic", file: "stick.request" }]);
  expect(written("stick.request")).toBe("caye-attest-request 1\nAAAA\n");
  cli.files.set("c.challenge", text("caye-attest-challenge 1\n"));
  expect((await cli.run("attest", "enrol", "answer", "c.challenge", "-o", "stick.answer")).code).toBe(0);
  expect(written("stick.answer")).toBe("caye-attest-answer 1\nBBBB\n");
  // Neither of the two ways to know a chip, or both, or a certificate without its end.
  for (const options of [
    [],
    ["--pin", "--roots", "x"],
    ["--pin", "--authority", "x"],
    ["--pin", "--until", "2099-01-01"],
  ]) {
    expect((await cli.run("attest", "enrol", "--out", "x.enrolment", ...options)).code, options.join(" ")).toBe(2);
  }
  expect((await cli.run("attest", "enrol", "--pin")).code).toBe(2);
  expect((await cli.run("attest", "enrol", "--roots", "nowhere", "--out", "x")).err).toContain("no such file");
  cli.files.set("roots/", text(""));
  expect((await cli.run("attest", "enrol", "--roots", "roots", "--out", "x")).err).toContain("no certificate");
});

test("an enrolment of a bare key says how little it proves", async () => {
  cli.files.set("ak.pub", text("AK"));
  const { code, out } = await cli.run("attest", "enrol", "--from-ak", "ak.pub", "--out", "lab.enrolment");
  expect([code, out]).toEqual([0, expect.stringContaining("--quote-only")]);
  expect(written("lab.enrolment")).toBe("bare lab AK");
  // The same again changes nothing; another one is not written over it.
  expect((await cli.run("attest", "enrol", "--from-ak", "ak.pub", "--out", "lab.enrolment")).code).toBe(0);
  expect((await cli.run("attest", "enrol", "--from-ak", "ak.pub", "--out", "clinic.enrolment")).code).toBe(1);
  expect(written("clinic.enrolment")).toBe("old counters");
});

describe("policy", () => {
  const made = async (): Promise<void> => void (await cli.run("village", "create"));
  const key = ["--authority", "village.authority"];

  test("is signed and shown; another authority's signature ends with 1", async () => {
    await made();
    cli.files.set("policy.json", text("{}"));
    const sign = ["attest", "policy", "sign", "policy.json", ...key];
    const { code, out, err } = await cli.run(...sign, "--out", "village.policy");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toBe("Wrote village.policy: policy 4, from 2026-01-01 until 2026-12-31\n");
    expect(written("village.policy")).toBe("signed {} 128");
    const show = ["attest", "policy", "show", "village.policy"];
    expect((await cli.run(...show)).out).toContain("signatures: not checked (--authority HEX)");
    expect(await cli.run(...show, "--authority", AUTHORITY)).toMatchObject({ code: 0 });
    const other = await cli.run(...show, "--authority", "cd".repeat(64));
    expect([other.code, other.out]).toEqual([1, expect.stringContaining("NOT signed")]);
    // The secret's file, where the public digits belong.
    expect((await cli.run(...show, "--authority", "village.authority")).code).toBe(2);
    expect((await cli.run(...sign)).code).toBe(2);
  });

  test("reference prints what runs, or of another directory what that changes", async () => {
    const { out } = await cli.run("attest", "policy", "reference");
    expect(out).toContain(`runtime  ${"01".repeat(32)}\ncode     ${"02".repeat(32)}\n`);
    const next = await cli.run("attest", "policy", "reference", "--code", "next", "--json");
    expect(JSON.parse(next.out)).toEqual({ runtime: "01".repeat(32), code: "02".repeat(32) });
    expect(cli.view.attest.asked).toEqual([
      { code: undefined, config: undefined, policy: undefined },
      { code: "/home/ana/next", config: undefined, policy: undefined },
    ]);
  });

  test("approves a state by its digests, by a directory, or by the digest that a shut node names", async () => {
    await made();
    const approve = [
      "attest",
      "policy",
      "approve",
      "--enrolment",
      "clinic.enrolment",
      ...key,
      "--out",
      "clinic.approval",
    ];
    cli.files.set("next.json", text(JSON.stringify({ code: "02".repeat(32) })));
    const { code, out, err } = await cli.run(...approve, "--reference", "next.json");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("caye allow-update --approval clinic.approval");
    expect(written("clinic.approval")).toBe("approval");
    await cli.run(...approve, "--digest", "0a".repeat(32));
    await cli.run(...approve, "--config", "next.toml");
    const digest = (n: number): Uint8Array => new Uint8Array(32).fill(n);
    const enrolment = text("old counters");
    expect(approved).toEqual([
      { enrolment, own: { code: digest(2) } },
      { enrolment, digest: digest(10) },
      { enrolment, own: { config: digest(3) } },
    ]);
  });

  test("wants one state, and digests that are some", async () => {
    await made();
    const approve = ["attest", "policy", "approve", "--enrolment", "clinic.enrolment", ...key, "--out", "a"];
    cli.files.set("bad.json", text('{"code":"02"}'));
    cli.files.set("empty.json", text("[]"));
    expect((await cli.run(...approve)).code).toBe(2);
    expect((await cli.run(...approve, "--digest", "0a")).code).toBe(2);
    expect((await cli.run(...approve, "--digest", "0a".repeat(32), "--code", "next")).code).toBe(2);
    expect((await cli.run(...approve, "--reference", "bad.json")).err).toContain("digest of code");
    expect((await cli.run(...approve, "--reference", "empty.json")).err).toContain("no reference digests");
    expect(cli.files.has("a")).toBe(false);
    expect(approved).toEqual([]);
  });
});

test("each command explains itself, also the steps below enrol", async () => {
  for (const words of [
    ["quote"],
    ["verify"],
    ["watch"],
    ["enrol"],
    ...["request", "challenge", "answer", "finish", "show"].map((step) => ["enrol", step]),
    ...["sign", "show", "reference", "approve"].map((step) => ["policy", step]),
  ]) {
    const { code, out } = await cli.run("attest", ...words, "--help");
    expect([code, out], words.join(" ")).toEqual([
      0,
      expect.stringContaining(`Usage: caye attest ${words.join(" ")} `),
    ]);
    expect(out).toContain("Example:\n  caye attest");
    expect(await cli.run("help", "attest", ...words)).toMatchObject({ code: 0, out });
  }
  expect((await cli.run("attest", "enrol", "requset")).code).toBe(2);
});
