/** The API's routes of the board, and the board's figures. */
import { expect, test } from "vitest";
import { createApi } from "../../src/api/api.ts";
import { renderMetrics } from "../../src/api/metrics.ts";
import { fakeView, statusReport } from "../fakes/agent-view.ts";
import { boardReport } from "../fakes/board-view.ts";

const TOKEN = "secret";

function rig() {
  const view = fakeView();
  const api = createApi(view, { token: TOKEN, host: "127.0.0.1", onFault: () => undefined });
  const ask = (path: string, body?: unknown, token = TOKEN): Promise<Response> =>
    api(
      new Request(`http://127.0.0.1:8420/v1/board${path}`, {
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      }),
    );
  return { view, ask };
}

test("the report is open to whoever may ask, what changes something needs the token", async () => {
  const { view, ask } = rig();
  const answer = await ask("", undefined, "wrong");
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual(view.board.says);
  for (const path of ["/test", "/clear-tamper"]) {
    expect((await ask(path, { line: "siren", seconds: 1 }, "wrong")).status, path).toBe(401);
  }
  expect(view.board.tests).toEqual([]);
});

test("a test begins, an opened case is cleared", async () => {
  const { view, ask } = rig();
  expect((await ask("/test", { line: "lamp", sign: "booting", seconds: 60 })).status).toBe(202);
  expect((await ask("/test", { line: "siren", seconds: 1 })).status).toBe(202);
  expect(view.board.tests).toEqual([
    { line: "lamp", sign: "booting", seconds: 60 },
    { line: "siren", seconds: 1 },
  ]);
  expect(await (await ask("/clear-tamper", {})).json()).toMatchObject({ tamper: { opened: false } });
});

test.each([
  { line: "power_done", seconds: 1 },
  { line: "siren", seconds: 0 },
  { line: "siren", seconds: 61 },
  { line: "siren" },
  { line: "lamp", seconds: 1, sign: "party" },
  { line: "lamp", seconds: 1, more: true },
])("%j is no test", async (body) => {
  const { view, ask } = rig();
  expect((await ask("/test", body)).status).toBe(400);
  expect(view.board.tests).toEqual([]);
});

test("an open case is no fault of the server's", async () => {
  const { view, ask } = rig();
  view.board.open = true;
  expect((await ask("/clear-tamper", {})).status).toBe(409);
});

test("its figures are on the page, when something is wired", async () => {
  const page = await renderMetrics(statusReport({ board: boardReport() }));
  expect(page).toContain('caye_board_line_ok{line="lamp"} 1');
  expect(page).toContain('caye_board_line_ok{line="siren"} 0');
  expect(page).toContain("caye_board_tamper_opened 1");
  expect(page).toContain("caye_board_radio_resets_total 2");
  expect(await renderMetrics(statusReport())).not.toContain("caye_board");
});
