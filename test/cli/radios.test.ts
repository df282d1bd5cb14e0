/** `caye radios` and `caye phone`: what can be typed, and what comes out. */
import { expect, test } from "vitest";
import type { RadiosRequest, TextRequest } from "../../src/kernel/simulation.ts";
import { fakeCli, type FakeCli } from "../fakes/cli-io.ts";

const UP = [
  { uri: "tcp://127.0.0.1:4403", nodeNumber: 0x0ca7_e001 },
  { uri: "tcp://127.0.0.1:4404", nodeNumber: 0x0ca7_e002 },
];

function withRadios(requests: RadiosRequest[] = []): FakeCli {
  const cli = fakeCli();
  cli.radioTools = {
    ...cli.radioTools,
    serveRadios: async (request, onUp) => {
      requests.push(request);
      onUp(UP);
    },
  };
  return cli;
}

function withAnswers(texts: readonly string[], whole: boolean, requests: TextRequest[] = []): FakeCli {
  const cli = fakeCli();
  cli.radioTools = {
    ...cli.radioTools,
    ask: async (request, onText) => {
      requests.push(request);
      for (const text of texts) onText(text);
      return whole;
    },
  };
  return cli;
}

test("radios are named with their numbers, and with the line that starts an agent on one", async () => {
  const { code, out } = await withRadios().run("radios", "--line", "--loss", "0.3");
  expect(code).toBe(0);
  expect(out).toContain("2 simulated radios are on the air: each hears its neighbours in the list, loss 0.3.");
  expect(out).toContain("tcp://127.0.0.1:4404  !0ca7e002\n");
  expect(out).toContain("CAYE_RADIO_MODEM=tcp://127.0.0.1:4403 npx caye run");
});

test("radios are asked for as typed; in JSON each has its URI and its number", async () => {
  const requests: RadiosRequest[] = [];
  const { out } = await withRadios(requests).run("radios", "--count", "3", "--port", "5000", "--preset", "x", "--json");
  expect(requests).toEqual([{ count: 3, port: 5000, lossRatio: 0, inLine: false, preset: "x", region: undefined }]);
  expect(JSON.parse(out)).toEqual({
    radios: [
      { uri: "tcp://127.0.0.1:4403", node: "!0ca7e001" },
      { uri: "tcp://127.0.0.1:4404", node: "!0ca7e002" },
    ],
  });
});

test("a phone shows the texts that come, made safe for a terminal", async () => {
  const requests: TextRequest[] = [];
  const cli = withAnswers(["(1/2) a\u001b[2J", "(2/2) b"], true, requests);
  expect(await cli.run("phone", "--radio", "tcp://127.0.0.1:4405", "--to", "!a1b2c3d4", "ls")).toEqual({
    code: 0,
    out: "(1/2) a�[2J\n(2/2) b\n",
    err: "",
  });
  expect(requests).toEqual([
    { radio: "tcp://127.0.0.1:4405", to: 0xa1b2_c3d4, text: "ls", patienceMs: 60_000, stay: false },
  ]);
});

test("a phone says what did not come: the rest, or all of it", async () => {
  const typed = ["phone", "--radio", "tcp://127.0.0.1:4405", "ls"];
  expect((await withAnswers(["(1/2) a"], false).run(...typed)).err).toContain("the rest did not come");
  expect(await withAnswers([], false).run(...typed)).toMatchObject({
    code: 1,
    err: expect.stringContaining("!0ca7e001 did not answer within 60 s"),
  });
});

test.each([
  { typed: ["radios", "--count", "21"], said: "from 1 to 20" },
  { typed: ["radios", "--count", "20", "--port", "65520"], said: "go beyond 65535" },
  { typed: ["radios", "--loss", "1"], said: "from 0 to 0.9" },
  { typed: ["phone", "ls"], said: "--radio" },
  { typed: ["phone", "--radio", "tcp://127.0.0.1:1", "--to", "clinic", "ls"], said: "!0ca7e001" },
])("$typed is refused: $said", async ({ typed, said }) => {
  const { code, err } = await withRadios().run(...typed);
  expect(code).toBe(2);
  expect(err).toContain(said);
});
