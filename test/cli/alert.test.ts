/** `caye alert …` as people type it. */
import { describe, expect, test } from "vitest";
import { alertOf } from "../fakes/alerts-view.ts";
import { fakeCli } from "../fakes/cli-io.ts";

describe("caye alert send", () => {
  test("sends what was typed, the first sentence as the headline", async () => {
    const cli = fakeCli();
    const words = "The sea comes over the north road. The bus does not go.";
    const typed =
      "--severity Extreme --category Met --category Transport --area Harbour --area Beach --expires 6h --lang es";
    const { code, out } = await cli.run("alert", "send", ...typed.split(" "), words);
    expect([code, cli.view.alerts.drafts]).toEqual([
      0,
      [
        {
          severity: "Extreme",
          categories: ["Met", "Transport"],
          areas: ["Harbour", "Beach"],
          expires_in_s: 21_600,
          language: "es",
          headline: "The sea comes over the north road.",
          description: "The bus does not go.",
        },
      ],
    ]);
    expect(out).toContain("Enviada como 3f9a1c20-7: 168 B, 1.7 s en el aire");
  });

  test("tells what the radio could not take", async () => {
    const cli = fakeCli();
    cli.view.alerts.dropped = ["info[0].parameter[0]"];
    cli.view.alerts.cut = ["info[0].description"];
    const { out } = await cli.run("alert", "send", "--severity", "Minor", "--area", "x", "y");
    expect(out).toMatch(/Shortened to fit the radio: info\[0\]\.description[\s\S]*Not sent.*info\[0\]\.parameter\[0\]/);
  });

  test.each([
    [["--severity", "Bad", "--area", "x"], "Must be one of Extreme"],
    [["--severity", "Minor", "--category", "Fish"], "Must be one of Geo"],
    [["--severity", "Minor", "--expires", "soon"], "--expires takes 90m, 6h, 2d"],
    [["--severity", "Minor", "--expires", "2020-01-01T00:00"], "is over already"],
    [["--severity", "Minor", "--expires", "0m"], "is over already"],
    [["--severity", "Minor", "--expires", "400d"], "more than a year"],
    [["--severity", "Minor", "--area", "x", "--instruction", "x".repeat(2_001)], "2000 at most"],
    [["--severity", "Minor"], "where it holds (--area)"],
    [["--area", "x"], "how bad it is (--severity Extreme, Severe, Moderate or Minor)"],
    [["--severity", "Minor", "--area", " "], "where it holds (--area)"],
  ])("refuses %j with the right words", async (words, reason) => {
    const cli = fakeCli();
    const { code, err } = await cli.run("alert", "send", ...words, "text");
    expect([code, err]).toEqual([2, expect.stringContaining(reason)]);
    expect(cli.view.alerts.drafts).toEqual([]);
  });

  test.each([[[]], [[""]], [["  "]]])("refuses to frighten people with no words at all: %j", async (words) => {
    const cli = fakeCli();
    const { code, err } = await cli.run("alert", "send", "--severity", "Severe", "--area", "x", ...words);
    expect([code, err]).toEqual([2, expect.stringContaining("what happens (the text)")]);
    expect(cli.view.alerts.drafts).toEqual([]);
  });

  test("tells all that is missing at once, and the line to type with the words that were typed", async () => {
    const { code, err } = await fakeCli().run("alert", "send", "The sea's over the road");
    expect(code).toBe(2);
    expect(err).toBe(
      "caye: the alert must also say how bad it is (--severity Extreme, Severe, Moderate or Minor), and where it holds (--area)\n" +
        "For example: caye alert send --severity Severe --area 'North beach' --expires 6h 'The sea'\\''s over the road'\n",
    );
  });

  test("takes CAP's words in any letters, and sends them in CAP's", async () => {
    const cli = fakeCli();
    await cli.run("alert", "send", "--severity", "severe", "--category", "MET", "--area", "x", "Rain");
    expect(cli.view.alerts.drafts).toMatchObject([{ severity: "Severe", categories: ["Met"] }]);
  });

  test("update and cancel name the alert", async () => {
    const cli = fakeCli();
    await cli.run("alert", "update", "3f9a1c20-7", "--severity", "Minor", "The water falls");
    await cli.run("alert", "cancel", "3f9a1c20-7", "--note", "False alarm");
    expect(cli.view.alerts.drafts).toEqual([
      {
        msg_type: "Update",
        references: ["3f9a1c20-7"],
        severity: "Minor",
        headline: "The water falls",
        description: "",
      },
      { msg_type: "Cancel", references: ["3f9a1c20-7"], note: "False alarm" },
    ]);
  });

  test("import sends the file", async () => {
    const cli = fakeCli();
    cli.files.set("flood.xml", new TextEncoder().encode("<alert/>"));
    const { code } = await cli.run("alert", "import", "flood.xml", "--references", "3f9a1c20-6");
    expect([code, cli.view.alerts.imports]).toEqual([0, [{ xml: "<alert/>", references: ["3f9a1c20-6"] }]]);
  });
});

describe("caye alert list and show", () => {
  test("list shows what holds, unread as NEW, a stranger's as unverified, and nothing that moves the cursor", async () => {
    const cli = fakeCli();
    cli.view.alerts.alerts = [
      alertOf({ headline: "Sea\u001b[2J" }),
      alertOf({ id: "00112233-1", standing: "unverified", time_unsure: true, acknowledged: true, status: "Exercise" }),
      alertOf({ id: "3f9a1c20-6", state: "cancelled" }),
      alertOf({ id: "3f9a1c20-8", standing: "own" }),
    ];
    const { out } = await cli.run("alert", "list");
    expect(out).toMatch(/3f9a1c20-7 +NEW +extreme +Storm surge: Sea�\[2J/);
    expect(out).toMatch(/00112233-1 +active \? .*DRILL · Storm surge.*UNVERIFIED/);
    // Who sent it has read it.
    expect(out).toMatch(/3f9a1c20-8 +active/);
    expect(out).not.toContain("3f9a1c20-6");
    expect((await cli.run("alert", "list", "--all")).out).toContain("cancelled");
    expect(JSON.parse((await cli.run("alert", "list", "--json")).out).alerts.length).toBe(3);
  });

  test("a cancel says that it is one before it says what it takes back", async () => {
    const cli = fakeCli();
    cli.view.alerts.alerts = [alertOf({ msg_type: "Cancel", references: ["3f9a1c20-6"] })];
    expect((await cli.run("alert", "list")).out).toContain("NO LONGER VALID · Storm surge");
    expect((await cli.run("alert", "show", "3f9a1c20-7", "--lang", "es")).out).toContain("YA NO VALE · Storm surge");
  });

  test("list says so when there is none", async () => {
    const cli = fakeCli();
    cli.view.alerts.alerts = [];
    expect((await cli.run("alert", "list")).out).toContain("No alerts");
    expect((await cli.run("alert", "list", "--lang", "es")).out).toContain("No hay alertas");
  });

  test("show says what, where, what to do, and until when; in Spanish, too", async () => {
    const cli = fakeCli();
    const { out } = await cli.run("alert", "show", "3f9a1c20-7");
    expect(out).toMatch(
      /extreme \(immediate, observed\)[\s\S]*Storm surge: Sea over the road[\s\S]*Where: Harbour[\s\S]*Go to the school/,
    );
    expect((await cli.run("alert", "show", "3f9a1c20-7", "--lang", "es")).out).toMatch(
      /extrema[\s\S]*Qué hacer: Go to the school/,
    );
  });

  test("an id that names no alert is said so", async () => {
    const cli = fakeCli();
    expect(await cli.run("alert", "show", "00000000-1")).toMatchObject({
      code: 1,
      err: expect.stringContaining("no alert here"),
    });
    expect(await cli.run("alert", "show", "../status")).toMatchObject({
      code: 1,
      err: expect.stringContaining("no alert's id"),
    });
  });
});

test("caye alert ack, seen and export do as they say", async () => {
  const cli = fakeCli();
  expect((await cli.run("alert", "ack", "3f9a1c20-7")).out).toContain("marked as read");
  const { out } = await cli.run("alert", "seen", "3f9a1c20-7");
  expect(out).toMatch(/clinic .*yes +1 min|clinic .*yes +2 min/);
  expect(out).toContain("2 nodes have it, 1 read it.");
  expect(out).toContain("Nothing heard of: farm");
  await cli.run("alert", "export", "3f9a1c20-7", "-o", "out.xml");
  expect(new TextDecoder().decode([...cli.files].find(([path]) => path.endsWith("out.xml"))?.[1])).toBe(
    "<alert>3f9a1c20-7</alert>",
  );
});

test("an alert needs the node's token, and its form is checked", async () => {
  const cli = fakeCli();
  const post = (path: string, body: string, token = "Bearer t0ken"): Promise<Response> =>
    cli.answer!(`http://127.0.0.1:8420${path}`, { method: "POST", body, headers: { authorization: token } });
  expect((await post("/v1/alerts", '{"severity":"Minor"}', "Bearer no")).status).toBe(401);
  for (const body of ['{"severity":"Bad"}', '{"mood":1}', '{"expires_in_s":5}', '{"references":["x"]}', "[]"]) {
    expect((await post("/v1/alerts", body)).status, body).toBe(400);
  }
  expect((await post("/v1/alerts", '{"severity":"Minor"}')).status).toBe(201);
  expect((await post("/v1/alerts/cap", "x".repeat(300_000))).status).toBe(413);
  cli.view.quarantined = true;
  expect((await post("/v1/alerts/3f9a1c20-7/ack", "{}")).status).toBe(503);
});
