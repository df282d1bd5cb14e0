/** `caye board`: what people read, what scripts read, and what is typed wrongly. */
import { expect, test } from "vitest";
import { fakeCli } from "../fakes/cli-io.ts";

test("status tells each line, the lamp, the case and the resets", async () => {
  const cli = fakeCli();
  const { code, out } = await cli.run("board", "status");
  expect(code).toBe(0);
  expect(out).toContain("✓ lamp         gpio:pinctrl-rp1/GPIO17  active\n");
  expect(out).toContain(
    "✗ siren        gpio:pinctrl-rp1/GPIO27  fault\n    gpio:pinctrl-rp1/GPIO27: the line is in use by spi0\n",
  );
  expect(out).toContain("the lamp says: running\n");
  expect(out).toContain(
    "the case was opened at 2026-02-03T04:05:06.000Z: look at the node, then: caye board clear-tamper\n",
  );
  expect(out).toContain("the silent radio was reset 2 times since the start\n");
  const { out: json } = await cli.run("board", "status", "--json");
  expect(JSON.parse(json)).toEqual(cli.view.board.says);
});

test("status of a node with nothing wired says so", async () => {
  const cli = fakeCli();
  cli.view.board.says = {
    lines: [],
    lamp: "running",
    siren_alerts: ["3f9a1c20-7"],
    tamper: { opened: true, at: "" },
    radio_resets: 0,
  };
  const { out } = await cli.run("board", "status");
  expect(out).toBe(
    "Nothing is wired: docs/board.md shows how.\nthe lamp says: running\nthe siren sounds for 3f9a1c20-7\n" +
      "the case was opened: look at the node, then: caye board clear-tamper\n",
  );
});

test("test tries a line, and says when it is at fault", async () => {
  const cli = fakeCli();
  expect((await cli.run("board", "test", "lamp", "--sign", "warned", "--seconds", "9")).out).toBe("lamp: for 9 s\n");
  expect((await cli.run("board", "test", "siren")).out).toContain("in use by spi0");
  expect((await cli.run("board", "test", "radio_reset")).out).toContain("the radio was reset");
  expect(cli.view.board.tests).toEqual([
    { line: "lamp", sign: "warned", seconds: 9 },
    { line: "siren", seconds: 3 },
    { line: "radio_reset", seconds: 3 },
  ]);
  expect(JSON.parse((await cli.run("board", "test", "lamp", "--json")).out)).toEqual(cli.view.board.says);
});

test.each([
  [["board", "test", "sirene"], /did you mean siren\?/],
  [["board", "test", "power_fail"], /no line that can be tried/],
  [["board", "blink", "boting"], /did you mean booting\?/],
  [["board", "test", "lamp", "--sign", "party"], /party/],
  [["board", "test", "lamp", "--seconds", "61"], /60/],
])("%j is typed wrongly", async (argv, message) => {
  const cli = fakeCli();
  const { code, err } = await cli.run(...argv);
  expect(code).toBe(2);
  expect(err).toMatch(message);
  expect([...cli.view.board.tests, ...cli.blinks]).toEqual([]);
});

test("clear-tamper clears, but not while the case is open", async () => {
  const cli = fakeCli();
  cli.view.board.open = true;
  const refused = await cli.run("board", "clear-tamper", "--json");
  expect(refused.code).toBe(1);
  expect(JSON.parse(refused.out)).toMatchObject({ error: { code: "BOARD_OPEN", fix: "Close it." } });
  cli.view.board.open = false;
  expect((await cli.run("board", "clear-tamper")).out).toBe("the tamper warning is cleared\n");
  expect(cli.view.board.says.tamper.opened).toBe(false);
});

test("blink needs no agent, and takes the configuration that is named", async () => {
  const cli = fakeCli();
  cli.answer = undefined;
  expect((await cli.run("board", "blink", "not-started", "--config", "/etc/caye/caye.toml")).code).toBe(0);
  cli.env["CAYE_CONFIG"] = "/home/ana/caye.toml";
  expect((await cli.run("board", "blink", "provision-failed", "--seconds", "600")).code).toBe(0);
  expect(cli.blinks).toEqual([
    { sign: "not-started", configPath: "/etc/caye/caye.toml", seconds: undefined },
    { sign: "provision-failed", configPath: "/home/ana/caye.toml", seconds: 600 },
  ]);
});
