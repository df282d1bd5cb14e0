/** The commands, against an agent whose API runs in this process. @module */
import { beforeEach, describe, expect, test } from "vitest";
import { AgentError } from "../../src/kernel/errors.ts";
import { BULLETIN, bulletinArchive, getReport, rawCid, statusReport } from "../fakes/agent-view.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";

const CID = rawCid(BULLETIN);
let cli: FakeCli;
beforeEach(() => {
  cli = fakeCli();
});

async function json(...argv: string[]): Promise<unknown> {
  return JSON.parse((await cli.run(...argv, "--json")).out);
}

describe("every command", () => {
  const NAMES = ["run", "status", "doctor", "version", "allow-update", "put", "ls", "get", "log"];

  test.each(NAMES)("%s explains itself with an example, and has --json", async (name) => {
    const { code, out, err } = await cli.run(name, "--help");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(new RegExp(`^Usage: caye ${name} `));
    expect(out).toContain("--json");
    expect(out).toMatch(new RegExp(`\nExample:\n {2}caye ${name}`));
  });

  test("is listed by --help, with the exit codes", async () => {
    const { code, out } = await cli.run("--help");
    expect(code).toBe(0);
    for (const name of NAMES) expect(out).toMatch(new RegExp(`^ {2}${name} `, "m"));
    expect(out).toContain("Exit codes: 0 done, 1 failed, 2 typed wrongly, 3 no agent is running.");
  });

  test.each([
    [["help"], /^Usage: caye \[options\]/],
    [["help", "put"], /^Usage: caye put /],
    [["help", "alert"], /^Usage: caye alert /],
    [["help", "alert", "send"], /^Usage: caye alert send /],
    [["village", "help"], /^Usage: caye village /],
    [["village", "help", "enrol"], /^Usage: caye village enrol /],
  ])("is explained by %j as by --help", async (argv, usage) => {
    const { code, out, err } = await cli.run(...argv);
    expect([code, out, err]).toEqual([0, expect.stringMatching(usage), ""]);
  });

  test("is no command where its help is asked for by a wrong name", async () => {
    expect(await cli.run("help", "fly")).toMatchObject({ code: 2, err: expect.stringContaining("fly") });
    expect((await cli.run("put", "help")).err).toContain("help: there is no such file");
  });

  test("that does not exist, or is typed wrongly, ends with 2 and the way to the list", async () => {
    for (const argv of [
      [],
      ["fly"],
      ["get"],
      ["ls", "--nope"],
      ["log", "--limit", "0"],
      ["get", "a", "--timeout", "1m"],
    ]) {
      const { code, out, err } = await cli.run(...argv);
      expect([code, out], argv.join(" ")).toEqual([2, ""]);
      expect(err).toMatch(/Usage: caye|caye --help lists the commands/);
    }
  });

  test("but run, doctor and version ends with 3 when no agent is running, and says what to type", async () => {
    const commands = [
      ["status"],
      ["ls"],
      ["log"],
      ["get", "a"],
      ["put", "a"],
      ["allow-update", "--code", "x"],
      ["status", "--quote", "d"],
    ];
    cli.env["CAYE_STATE"] = "/elsewhere";
    for (const argv of commands) {
      expect(await cli.run(...argv)).toEqual({
        code: 3,
        out: "",
        err: "caye: no agent is running here (there is no /elsewhere/agent.json)\nStart it: npm start. When it runs with another state directory, name that: CAYE_STATE=DIR caye …\n",
      });
    }
    delete cli.env["CAYE_STATE"];
    cli.answer = undefined;
    const { code, err } = await cli.run("ls");
    expect([code, err]).toEqual([3, expect.stringContaining("nobody answers at http://127.0.0.1:8420")]);
  });

  test("on a node an ordinary user is sent to sudo, and root to systemctl: nobody starts the package's agent by npm", async () => {
    cli.files.set("/var/lib/caye/", new Uint8Array(0));
    cli.env["CAYE_STATE"] = "/elsewhere";
    expect(await cli.run("status")).toMatchObject({ code: 3, err: expect.stringContaining("sudo caye") });
    cli.env["CAYE_STATE"] = "/var/lib/caye";
    cli.files.delete("/var/lib/caye/agent.json");
    const { code, err } = await cli.run("status");
    expect([code, err]).toEqual([3, expect.stringContaining("sudo systemctl start caye")]);
    expect(err).not.toContain("npm");
  });

  test("gives its failure as JSON too when JSON was asked for", async () => {
    const { code, out } = await cli.run("get", "nothing", "--json");
    expect([code, JSON.parse(out)]).toEqual([
      1,
      { error: { code: "NOT_FOUND", message: "nobody here offers nothing", fix: "caye ls lists what is offered." } },
    ]);
  });

  test("gives what was typed wrongly as JSON too when JSON was asked for", async () => {
    for (const [argv, said] of [
      [["log", "--limit", "0"], "option '--limit <entries>' argument '0' is invalid"],
      [["get"], "missing required argument 'file'"],
      [["alert", "seen", "x", "--nope"], "unknown option '--nope'"],
    ] as const) {
      const { code, out } = await cli.run(...argv, "--json");
      expect([code, JSON.parse(out)]).toEqual([
        2,
        { error: { code: "USAGE", message: expect.stringContaining(said), fix: expect.any(String) } },
      ]);
    }
  });

  test("tells no secret to whoever took the port of an agent that is gone", async () => {
    cli.special.delete("/proc/4242");
    cli.answer = () => Promise.reject(new Error("nobody may be asked"));
    for (const argv of [["ls"], ["put", "a"], ["get", "a"]]) {
      const { code, err } = await cli.run(...argv);
      expect([code, err]).toEqual([3, expect.stringContaining("(process 4242) is gone")]);
    }
  });

  test("is not confused by an agent.json that is none, or by another program on that port", async () => {
    const path = "/home/ana/.local/state/caye/agent.json";
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      '{"api":3}',
      '{"api":"file:///etc/passwd"}',
      '{"api":"x"}',
      '{"api":"http://127.0.0.1:1","pid":"1"}',
    ]) {
      cli.files.set(path, new TextEncoder().encode(text));
      expect((await cli.run("ls")).code, text).toBe(3);
    }
    cli = fakeCli();
    for (const body of ["<html>", "null", "{}", '{"files":[]}x']) {
      cli.answer = () => Promise.resolve(new Response(body));
      expect(await cli.run("ls")).toMatchObject({ code: 1, err: expect.stringContaining("no agent of this version") });
    }
    cli.answer = () => Promise.resolve(new Response("gone", { status: 502 }));
    expect((await cli.run("ls")).err).toContain("HTTP status 502");
  });

  test("says so when the agent hangs, or when its token is missing", async () => {
    cli.answer = () => Promise.reject(new DOMException("too late", "TimeoutError"));
    expect(await cli.run("ls")).toMatchObject({ code: 1, err: expect.stringContaining("did not answer within 30 s") });
    for (const code of ["ECONNRESET", "UND_ERR_SOCKET"]) {
      cli.answer = () =>
        Promise.reject(new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code }) }));
      expect(await cli.run("ls")).toMatchObject({ code: 1, err: expect.stringContaining("broke off the connection") });
    }
    cli = fakeCli();
    cli.files.delete("/home/ana/.local/state/caye/token");
    expect(await cli.run("get", "a")).toMatchObject({ code: 1, err: expect.stringContaining("token is missing") });
  });

  test("passes the agent's quarantine on", async () => {
    cli.view.quarantined = true;
    expect(await cli.run("ls")).toEqual({
      code: 1,
      out: "",
      err: "caye: the node is in quarantine: attest ended in mismatch\ncaye doctor\n",
    });
    expect((await cli.run("status")).out).toContain("QUARANTINE: data and radio stay shut");
  });
});

describe("version and run", () => {
  test("version needs no agent", async () => {
    cli.answer = undefined;
    expect(await cli.run("version")).toEqual({ code: 0, out: "caye 0.1.0 (Node 24.21.0)\n", err: "" });
    expect(await json("version")).toEqual({ version: "0.1.0", node: "24.21.0" });
    expect((await cli.run("--version")).out).toBe("caye 0.1.0 (Node 24.21.0)\n");
  });

  test("run takes the configuration from --config, else from CAYE_CONFIG, else none; a village unless told not to", async () => {
    await cli.run("run");
    cli.env["CAYE_CONFIG"] = "";
    await cli.run("run");
    cli.env["CAYE_CONFIG"] = "/etc/caye.toml";
    await cli.run("run", "--json");
    await cli.run("run", "--no-simulation", "--config", "mine.toml");
    expect(cli.runs).toEqual([
      { configPath: undefined, json: false, simulate: true },
      { configPath: undefined, json: false, simulate: true },
      { configPath: "/etc/caye.toml", json: true, simulate: true },
      { configPath: "mine.toml", json: false, simulate: false },
    ]);
  });
});

describe("status", () => {
  test("shows the node on one screen", async () => {
    expect((await cli.run("status")).out).toBe(
      [
        "clinic-roof · clinic-roof (3f9a1c20b4d5e6f7) · caye 0.1.0",
        "running, with warnings, for 2 h 3 min",
        "",
        "Trust: warn, swtpm:",
        "  ✓  measure  measured  12 ms  61 files",
        "  ✗  attest   mismatch  80 ms  src/main.ts differs (fix: caye allow-update --code DIR)",
        "Radio: ready, sim: (simulated), !0000002a, LongFast, US",
        "Air: 12.3 s of 30 min used in this hour, 2 packets wait for the channel, which others use",
        "  channel in use 13 % of the last minute; the radio sent 4 s for others",
        "  Caye takes at most 50 % of the hour; the law sets no limit here",
        "Alerts: 2 active, 1 unread: caye alert list",
        "Shard: 12 files by 4 authors; 33 blocks, 120 KB here",
        "Neighbours:",
        '  school "A" (00112233aabbccdd): heard 12 s ago, 5 entries',
        "",
      ].join("\n"),
    );
  });

  test("tells how each neighbour stood its attestation, and what was said on trust", async () => {
    const row = { author: "school", heard_s_ago: 12, entries: 5 };
    const standings = [
      { state: "attested", ago_s: 240, by: "clinic (3f9a1c20b4d5e6f7)" },
      { state: "attested", ago_s: 5 },
      { state: "failed", ago_s: 240, reason: "drift" },
      { state: "no-answer", ago_s: 60, reason: "signature" },
      { state: "unattested" },
      { state: "unknown" },
    ] as const;
    const word = { author: "clinic", at: "", open: true } as const;
    const words = [
      { ...word, about: "harbour", kind: "attestation", reason: "drift" } as const,
      { ...word, about: "clinic", kind: "entropy" } as const,
      { ...word, about: "school", kind: "selftest", open: false } as const,
    ];
    const { trust } = statusReport();
    const neighbours = standings.map((attestation) => ({ ...row, attestation }));
    cli.view.status = () => Promise.resolve(statusReport({ trust: { ...trust, words }, neighbours }));
    const { out } = await cli.run("status");
    expect(out).toContain(
      [
        "  clinic says of harbour: its attestation FAILED: drift",
        "  clinic says of itself: too little ENTROPY",
        "Radio: ready",
      ].join("\n"),
    );
    const heard = "  school: heard 12 s ago, 5 entries";
    expect(out).toContain(
      [
        `${heard}; attested 4 min ago by clinic (3f9a1c20b4d5e6f7)`,
        `${heard}; attested 5 s ago`,
        `${heard}; FAILED its attestation 4 min ago: drift`,
        `${heard}; did not answer when it was asked to attest itself, 1 min ago`,
        `${heard}; not attested yet`,
        heard,
        "",
      ].join("\n"),
    );
    cli.env["LANG"] = "es_BZ.UTF-8";
    expect((await cli.run("status")).out).toContain("atestiguado hace 4 min por clinic");
  });

  test("tells the law's hour, the radio's silence, and that time goes faster here", async () => {
    const { radio } = statusReport();
    const law = { duty_cycle: 0.1, air_law_ms: 360_000, air_budget_ms: 180_000, air_others_ms: 0 };
    const held = { ...radio, ...law, queued: 1, waiting_for: "duty-cycle", silent_s: 90, clock_speed: 20 };
    cli.view.status = () => Promise.resolve(statusReport({ radio: held }));
    const { out } = await cli.run("status");
    expect(out).toContain("\n  20 times as fast as real: all times here are the village's\nAir: ");
    expect(out).toContain(
      "1 packet waits for the end of the radio's silence\n  channel in use 13 % of the last minute\n",
    );
    expect(out).toContain("Caye takes at most 50 % of the 6 min that the law allows in an hour\n");
    expect(out).toContain("by law the radio keeps SILENCE for another 2 min\n");
    cli.env["LANG"] = "es_BZ.UTF-8";
    expect((await cli.run("status")).out).toMatch(/1 paquete espera a que la radio termine[\s\S]*SILENCIO otros 2 min/);
  });

  test("--json is the report as it is", async () => {
    expect(await json("status")).toEqual(statusReport());
  });

  test("in quarantine leaves out what is not known", async () => {
    const { radio } = statusReport();
    const report = statusReport({
      author: "",
      radio: { ...radio, link: "shut", node_number: null, detail: "x differs", preset: "", region: "" },
    });
    cli.view.status = () => Promise.resolve({ ...report, state: "quarantine" });
    const { out } = await cli.run("status");
    expect(out).toContain("clinic-roof · caye 0.1.0\nQUARANTINE: data and radio stay shut");
    expect(out).toMatch(/^Radio: shut, [^,\n]+\n  x differs\n/m);
  });

  test("--quote writes the four files that tpm2_checkquote reads, and the line to type", async () => {
    const nonce = "0123456789abcdef".repeat(2);
    const { out } = await cli.run("status", "--quote", "my quote", "--nonce", nonce);
    const names = ["ak.pem", "quote.msg", "quote.sig", "quote.pcrs"].map((name) => `my quote/${name}`);
    const written = names.map((name) => Buffer.from(cli.files.get(name) ?? []).toString("latin1"));
    expect(written).toEqual([
      "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
      "\xffTCG",
      "\x00\x18",
      "\x01\x00\x00\x00",
    ]);
    expect(out).toBe(
      `Quote written to my quote. Check it with:\n\n  tpm2_checkquote -u 'my quote'/ak.pem -m 'my quote'/quote.msg -s 'my quote'/quote.sig -f 'my quote'/quote.pcrs -g sha256 -q ${nonce}\n`,
    );
    expect(await json("status", "--quote", "q")).toEqual({
      directory: "q",
      files: ["ak.pem", "quote.msg", "quote.sig", "quote.pcrs"],
      nonce: "00".repeat(32),
      selection: "sha256:14",
      command: `tpm2_checkquote -u q/ak.pem -m q/quote.msg -s q/quote.sig -f q/quote.pcrs -g sha256 -q ${"00".repeat(32)}`,
    });
  });

  test("a nonce that is none, or without --quote, is typed wrongly", async () => {
    for (const argv of [
      ["--nonce", "ab".repeat(16)],
      ["--quote", "d", "--nonce", "xy"],
    ]) {
      expect(await cli.run("status", ...argv)).toMatchObject({ code: 2, out: "" });
    }
  });
});

describe("files", () => {
  test("put stores a file under its own name, or another", async () => {
    cli.files.set("/data/storm.txt", BULLETIN);
    expect(await cli.run("put", "/data/storm.txt")).toEqual({
      code: 0,
      out: `Stored storm.txt (${BULLETIN.length} B) as ${CID}\n`,
      err: "",
    });
    expect(await json("put", "/data/storm.txt", "--name", "aviso ñ&.txt")).toEqual({
      cid: CID,
      name: "aviso ñ&.txt",
      bytes: BULLETIN.length,
      seq: 3,
      by_air: true,
    });
    expect(cli.view.puts.map(({ name }) => name)).toEqual(["storm.txt", "aviso ñ&.txt"]);
  });

  test("put says what to do with a file that is too large for the radio", async () => {
    cli.files.set("map.pdf", new Uint8Array(65_536));
    expect((await cli.run("put", "map.pdf")).out).not.toContain("too large");
    cli.files.set("map.pdf", new Uint8Array(65_537));
    expect((await cli.run("put", "map.pdf")).out).toMatch(
      /^Stored map\.pdf .*\nIt is too large.*on a stick.*: caye export bafk/m,
    );
    cli.env["LANG"] = "es_BZ.UTF-8";
    expect((await cli.run("put", "map.pdf")).out).toContain("demasiado grande");
  });

  test("put says what is wrong with a file", async () => {
    expect((await cli.run("put", "none")).err).toBe("caye: none: there is no such file\n");
    cli.files.set("dir/", new Uint8Array(0));
    expect((await cli.run("put", "dir")).err).toBe("caye: dir: it is a directory\n");
  });

  test("ls is an aligned table; --json is the report as it is", async () => {
    expect((await cli.run("ls")).out).toBe(
      [
        "NAME          SIZE  HERE  AUTHOR                     CID",
        `storm.txt     ${BULLETIN.length} B  yes   school (0011223344556677)  ${CID}`,
        `stock.csv  12.3 KB  no    clinic (8899aabbccddeeff)  8899aabbccddeeff/7`,
        "",
      ].join("\n"),
    );
    expect(await json("ls")).toEqual(await cli.view.files());
    cli.view.files = () => Promise.resolve({ files: [] });
    expect((await cli.run("ls")).out).toMatch(
      /^No files yet\. .*neighbours appear once these are heard.* Put one: caye put FILE\n$/,
    );
  });

  test("names from the air can't move the cursor", async () => {
    const row = { cid: CID, ref: "ab/1", prefix: "ab", bytes: 1, author: "x\u001b]0;title\u0007", held: false };
    cli.view.files = () => Promise.resolve({ files: [{ ...row, name: "\u001b[2J\u202etxt.exe\n" }] });
    // oxlint-disable-next-line eslint/no-control-regex -- control characters are what is looked for
    expect((await cli.run("ls")).out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    cli.view.startGet = () => Promise.reject(new AgentError("X", "bad \u001b[2J name"));
    expect((await cli.run("get", "a")).err).toBe("caye: bad �[2J name\n");
  });

  test("log shows entries, and whether signatures cover them", async () => {
    expect((await cli.run("log")).out).toBe(
      [
        `AUTHOR                     SEQ  NAME                 SIZE  CID${" ".repeat(CID.length - 3)}  HEAD`,
        `school (0011223344556677)    2  storm.txt            64 B  ${CID}  abababababababab`,
        `school (0011223344556677)    1  (introduces itself)        ${" ".repeat(CID.length)}  cdcdcdcdcdcdcdcd`,
        "",
        "school (0011223344556677): 2 entries, each covered by a signature",
        "",
      ].join("\n"),
    );
    expect(await json("log", "--limit", "7")).toEqual(await cli.view.log(7));
  });

  test("log shows who goes on as whom, and what came after the end of a log", async () => {
    const usual = await cli.view.log(1);
    const at = { author: "clinic (0011223344556677)", cid: null, prefix: null, bytes: 0, head: "ab".repeat(32) };
    const link = { from: "clinic (0011223344556677)", to: "clinic (8899aabbccddeeff)", ignored: 0, contested: false };
    cli.view.log = async () => ({
      ...usual,
      entries: [
        { ...at, seq: 5, kind: "ignored", name: "" },
        { ...at, seq: 4, kind: "handover", name: "8899aabbccddeeff" },
        { ...at, seq: 3, kind: "other", name: "" },
      ],
      handovers: [link, { ...link, ignored: 1 }, { ...link, contested: true }],
    });
    const { out } = await cli.run("log");
    for (const text of [
      "(ends here, and goes on as 8899aabbccddeeff)",
      "(ignored: it comes after the end of this log)",
      "(no file: of the village, or of a later version)",
      "\nclinic (0011223344556677) goes on as clinic (8899aabbccddeeff)\n",
      "goes on as clinic (8899aabbccddeeff); SOMEBODY ELSE has the former key: 1 entry ignored\n",
      "It has signed two different logs: CONTESTED\n",
    ])
      expect(out).toContain(text);
    cli.env["LANG"] = "es_BZ.UTF-8";
    const { out: spanish } = await cli.run("log");
    for (const text of ["termina aquí", "ignorada:", "OTRO tiene la clave anterior: 1 entrada ignorada", "DISPUTADO"])
      expect(spanish).toContain(text);
  });

  test("allow-update sends absolute paths, and asks for at least one", async () => {
    expect((await cli.run("allow-update", "--config", "new.toml")).out).toBe(
      `The store will also open when register 14 holds ${"cd".repeat(32)}\n`,
    );
    expect(await json("allow-update", "--code", "/opt/caye")).toEqual({
      allowed: true,
      pcr: 14,
      value: "cd".repeat(32),
    });
    expect((await cli.run("allow-update")).code).toBe(2);
  });
});

describe("get", () => {
  const RECEIVED = { total: 5, packets: 7, air_bytes: 1_400, air_ms: 13_250 };

  test("saves the file under its name, and tells what it cost on air", async () => {
    cli.view.course = [
      getReport(),
      getReport({ ...RECEIVED, wanted: 2, state: "receiving" }),
      getReport({ ...RECEIVED, state: "done" }),
    ];
    expect(await cli.run("get", "storm.txt")).toEqual({
      code: 0,
      out: `Saved storm.txt (${BULLETIN.length} B); 7 packets heard, 1.4 KB and 13.3 s on air\n`,
      err: "storm.txt: the request waits for its turn on air (0 s)\n",
    });
    expect(cli.files.get("storm.txt")).toEqual(BULLETIN);
  });

  test("--json gives the operators' figures on standard output, and nothing else", async () => {
    cli.view.course = [getReport({ ...RECEIVED, state: "done" })];
    const { code, out } = await cli.run("get", "storm.txt", "-o", "out.bin", "--json");
    expect([code, JSON.parse(out)]).toEqual([
      0,
      {
        cid: CID,
        name: "storm.txt",
        bytes: BULLETIN.length,
        packets: 7,
        air_bytes: 1_400,
        air_ms: 13_250,
        file: "out.bin",
      },
    ]);
  });

  test("never overwrites a file that it was not told to, and asks before air time is spent", async () => {
    cli.files.set("storm.txt", Uint8Array.of(1));
    expect(await cli.run("get", "storm.txt")).toMatchObject({
      code: 1,
      err: "caye: storm.txt exists already; it was not touched\nTo overwrite it: caye get 'storm.txt' -o 'storm.txt'\n",
    });
    expect(cli.files.get("storm.txt")).toEqual(Uint8Array.of(1));
    expect((await cli.run("get", "storm.txt", "-o", "storm.txt")).code).toBe(0);
    expect(cli.files.get("storm.txt")).toEqual(BULLETIN);
  });

  test("saves into a directory, and says when there is none, before air time is spent", async () => {
    cli.files.set("/tmp/in/", new Uint8Array(0));
    expect((await cli.run("get", "storm.txt", "-o", "/tmp/in")).code).toBe(0);
    expect(cli.files.has("/tmp/in/storm.txt")).toBe(true);
    cli.view.course = [getReport()];
    expect(await cli.run("get", "storm.txt", "-o", "/none/x")).toMatchObject({
      code: 1,
      err: "caye: there is no directory /none\nmkdir -p '/none'\n",
    });
  });

  test.each([
    ["../../etc/passwd", "_.._etc_passwd"],
    [".bashrc", "bashrc"],
    ["a/b\\c:d", "a_b_c_d"],
    ["\u001b[2J\u202ex", "�[2J�x"],
    ["...", CID],
    ["", CID],
    ["é".repeat(150), "é".repeat(100)],
  ])("a neighbour's name %j is saved as ./%s", async (name, file) => {
    cli.view.course = [getReport({ name, state: "done" })];
    expect((await cli.run("get", CID)).code).toBe(0);
    expect(cli.files.get(file)).toEqual(BULLETIN);
  });

  test("saves nothing when the bytes are not those of the CID", async () => {
    cli.view.content = () => Promise.resolve(BULLETIN.map((byte) => byte ^ 1));
    expect(await cli.run("get", "storm.txt")).toMatchObject({
      code: 1,
      err: expect.stringContaining("nothing was saved"),
    });
    expect(cli.files.has("storm.txt")).toBe(false);
  });

  test("says before it begins what the air will cost, and what part of the hour's budget that is", async () => {
    const cost = { estimate_ms: 236_000, estimate_share: 0.123 };
    cli.view.course = [getReport(cost), getReport({ state: "done" })];
    const { err } = await cli.run("get", "storm.txt");
    expect(err.split("\n")[0]).toBe("storm.txt will take about 4 min of air, 12 % of this hour's budget");
    cli.view.course = [getReport({ estimate_ms: 900 }), getReport({ state: "done" })];
    cli.files.delete("storm.txt");
    expect((await cli.run("get", "storm.txt")).err.split("\n")[0]).toBe("storm.txt will take about 1 s of air");
  });

  test("says when a file is fetched whose time is not now, and waits no longer", async () => {
    const until_ms = Date.UTC(2026, 2, 4, 21);
    cli.view.course = [getReport({ state: "deferred", detail: "large files are fetched at night", until_ms })];
    expect(await cli.run("get", "storm.txt")).toMatchObject({
      code: 1,
      err: "caye: storm.txt is fetched later, from 2026-03-04T21:00:00.000Z on: large files are fetched at night\nThe agent fetches it then: ask again later. In a hurry: caye get --now\n",
    });
    cli.view.course = [getReport({ state: "deferred", detail: "it waits for a link" })];
    expect((await cli.run("get", "storm.txt")).err).toContain("carry the file on a stick");
  });

  test("says why a transfer failed, or that it still goes on after --timeout", async () => {
    cli.view.course = [getReport({ state: "failed", detail: "no neighbour has it any more" })];
    expect((await cli.run("get", "storm.txt")).err).toBe(
      "caye: storm.txt did not arrive: no neighbour has it any more\nTry again later: the pieces that came are kept.\n",
    );
    cli.view.course = [getReport({ detail: "the hour's air time is used up" })];
    expect(await cli.run("get", "storm.txt", "--timeout", "3")).toEqual({
      code: 1,
      out: "",
      err: "storm.txt: the hour's air time is used up (0 s)\ncaye: storm.txt did not arrive within 3 s (the hour's air time is used up)\nThe agent goes on fetching it: ask again later.\n",
    });
  });

  test("says so when the disk is full", async () => {
    cli.files.set("/full/", new Uint8Array(0));
    expect((await cli.run("get", "storm.txt", "-o", "/full/x")).err).toContain(
      "/full/x could not be written: the disk is full",
    );
  });
});

describe("export", () => {
  const size = `${bulletinArchive().length} B`;

  test("writes the archive of a file under its name, or where it was told", async () => {
    expect(await cli.run("export", "storm.txt")).toEqual({
      code: 0,
      out: `Wrote storm.txt and all of its blocks to storm.txt.car (${size})\n`,
      err: "",
    });
    expect(cli.files.get("storm.txt.car")).toEqual(bulletinArchive());
    cli.files.set("/media/stick/", new Uint8Array(0));
    expect((await cli.run("export", "storm.txt", "-o", "/media/stick")).code).toBe(0);
    expect(cli.files.get("/media/stick/storm.txt.car")).toEqual(bulletinArchive());
    expect(await json("export", "storm.txt", "-o", "s.car")).toEqual({
      cid: CID,
      name: "storm.txt",
      bytes: bulletinArchive().length,
      file: "s.car",
    });
  });

  test("takes a CID of a file that has no name here", async () => {
    cli.view.files = () => Promise.resolve({ files: [] });
    expect((await cli.run("export", CID)).out).toBe(`Wrote ${CID} and all of its blocks to ${CID}.car (${size})\n`);
    expect(await json("export", CID, "-o", "x")).toMatchObject({ cid: CID, name: "", file: "x" });
  });

  test("never overwrites a file that it was not told to", async () => {
    cli.files.set("storm.txt.car", Uint8Array.of(1));
    expect(await cli.run("export", "storm.txt")).toMatchObject({
      code: 1,
      err: "caye: storm.txt.car exists already; it was not touched\nTo overwrite it: caye export 'storm.txt' -o 'storm.txt.car'\n",
    });
    expect(cli.files.get("storm.txt.car")).toEqual(Uint8Array.of(1));
  });

  test("says to get a file first that is not all here", async () => {
    expect((await cli.run("export", "stock.csv")).err).toBe(
      "caye: stock.csv is not on this node\nGet it first: caye get 8899aabbccddeeff/7\n",
    );
    expect((await cli.run("export", rawCid(Uint8Array.of(1)))).err).toContain("is not on this node");
    expect((await cli.run("export", "none")).err).toContain("nobody here knows a file called none");
    expect(cli.files.size).toBe(4);
  });

  test("does not guess between different files of one name, and finds a name in any normal form", async () => {
    const row = { name: "señal", ref: "ab/1", prefix: "ab", bytes: 1, author: "a", held: true };
    const rows = [
      { ...row, cid: CID },
      { ...row, cid: rawCid(Uint8Array.of(1)), author: "b" },
    ];
    cli.view.files = () => Promise.resolve({ files: rows });
    const { code, err } = await cli.run("export", "señal");
    expect([code, err]).toEqual([
      1,
      expect.stringContaining(`Name one by its CID:\n  ${CID}  a\n  ${rows[1]?.cid}  b\n`),
    ]);
    cli.view.files = () => Promise.resolve({ files: [{ ...row, cid: CID }, ...rows.map((r) => ({ ...r, cid: CID }))] });
    expect((await cli.run("export", "señal".normalize("NFD"))).code).toBe(0);
    expect(cli.files.has("señal.car")).toBe(true);
  });

  test("saves nothing when what comes is another file's archive, or none", async () => {
    for (const archive of [new Uint8Array(0), BULLETIN, bulletinArchive().subarray(0, 40)]) {
      cli.view.exportCar = () => Promise.resolve(archive);
      expect((await cli.run("export", "storm.txt")).err).toContain("nothing was saved");
    }
    cli.view.exportCar = () => Promise.resolve(bulletinArchive());
    expect((await cli.run("export", rawCid(Uint8Array.of(7)))).err).toContain("nothing was saved");
    expect(cli.files.size).toBe(4);
  });

  test("says so when the disk is full, or read-only", async () => {
    cli.files.set("/full/", new Uint8Array(0));
    expect((await cli.run("export", "storm.txt", "-o", "/full/x")).err).toContain(
      "/full/x could not be written: the disk is full",
    );
  });
});

describe("import", () => {
  test("takes an archive in, under a name that neighbours see", async () => {
    cli.files.set("/stick/s.car", bulletinArchive());
    expect(await cli.run("import", "/stick/s.car", "--name", "aviso ñ&.txt")).toEqual({
      code: 0,
      out: `Stored aviso ñ&.txt (${BULLETIN.length} B, 1 block) as ${CID}\n`,
      err: "",
    });
    expect(cli.view.imports).toEqual([{ name: "aviso ñ&.txt", archive: bulletinArchive() }]);
    expect(await json("import", "/stick/s.car", "--name", "b")).toEqual({
      cid: CID,
      name: "b",
      bytes: BULLETIN.length,
      blocks: 1,
      seq: 3,
    });
  });

  test("without a name says how the file is found", async () => {
    cli.files.set("s.car", bulletinArchive());
    expect((await cli.run("import", "s.car")).out).toBe(
      `Stored ${BULLETIN.length} B in 1 block without a name, so neighbours are not told: caye get ${CID}\n`,
    );
    expect(await json("import", "s.car")).toMatchObject({ name: "", seq: null });
    cli.env["LANG"] = "es_BZ.UTF-8";
    expect((await cli.run("import", "s.car")).out).toContain(`sin nombre; los vecinos no lo saben: caye get ${CID}`);
  });

  test("says what is wrong with a file, a name or an archive", async () => {
    cli.files.set("s.car", Uint8Array.of(1));
    expect((await cli.run("import", "none")).err).toBe("caye: none: there is no such file\n");
    expect((await cli.run("import", "s.car")).err).toContain("no whole archive");
    expect((await cli.run("import", "s.car", "--name", "")).err).toContain("needs a name");
    expect(await cli.run("import")).toMatchObject({ code: 2 });
  });
});

describe("in Spanish", () => {
  test.each(["es", "es_BZ.UTF-8", "es_MX", "es@euro"])("LANG=%s is understood", async (language) => {
    cli.env["LANG"] = language;
    expect((await cli.run("ls")).out).toMatch(/^NOMBRE {6}TAMAÑO {2}AQUÍ {2}AUTOR/);
    const { out } = await cli.run("status");
    expect(out).toContain("en marcha, con avisos, desde hace 2 h 3 min");
    expect((await cli.run("get", "storm.txt")).out).toMatch(/^Guardado en storm.txt/);
  });

  test("LC_ALL wins over LANG, and other languages read English", async () => {
    cli.env["LANG"] = "es_BZ.UTF-8";
    cli.env["LC_ALL"] = "C.UTF-8";
    expect((await cli.run("ls")).out).toMatch(/^NAME/);
    cli.env["LC_ALL"] = "est_EE";
    expect((await cli.run("ls")).out).toMatch(/^NAME/);
  });

  test("JSON stays the same", async () => {
    cli.env["LANG"] = "es";
    expect(await json("ls")).toEqual(await cli.view.files());
  });
});
