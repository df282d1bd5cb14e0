/** The agent's figures in Prometheus' text format, drawn from the status report at each scrape. @module */
import { AgentError } from "../kernel/errors.ts";
import type { StatusReport } from "../kernel/reports.ts";
import type { MachineFigures } from "../ports/machine-figures.ts";
import { COMMON_HEADERS, failureOf } from "./failure.ts";
import { checkHost } from "./guard.ts";
import { addBoard } from "./metrics-board.ts";
import { addCare, addClock, addMachine } from "./metrics-machine.ts";
import { Page } from "./metrics-page.ts";
import { addNode, addRadio, addShard } from "./metrics-node.ts";
import { addBoot, addEntropy, addNeighbours, addTrustWords } from "./metrics-trust.ts";
import type { AgentView } from "./view.ts";

export interface MetricsOptions {
  readonly host: string;
  /** Left out: the page tells nothing of the machine. */
  readonly machine?: (() => Promise<MachineFigures>) | undefined;
}

/** Answers `GET /metrics`; never rejects. When the agent can't tell its status, the page says `caye_up 0`. */
export function createMetrics(
  view: Pick<AgentView, "status">,
  { host, machine }: MetricsOptions,
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      checkHost(request, host);
      if (new URL(request.url).pathname !== "/metrics" || !["GET", "HEAD"].includes(request.method)) {
        throw new AgentError("NOT_FOUND", "the figures are at GET /metrics");
      }
      const [status, figures] = await Promise.all([view.status().catch(() => undefined), machine?.()]);
      const headers = { ...COMMON_HEADERS, "content-type": "text/plain; version=0.0.4; charset=utf-8" };
      return new Response(await renderMetrics(status, figures), { headers });
    } catch (error) {
      return failureOf(error);
    }
  };
}

export async function renderMetrics(status: StatusReport | undefined, figures?: MachineFigures): Promise<string> {
  const page = new Page();
  page.gauge("caye_up", "1 when the agent answers", status === undefined ? 0 : 1);
  if (figures !== undefined) addMachine(page, figures);
  addClock(page, status, figures);
  if (status !== undefined && figures !== undefined) addCare(page, status.author, figures);
  if (status !== undefined) {
    addNode(page, status);
    addBoot(page, status);
    addTrustWords(page, status);
    addRadio(page, status);
    addShard(page, status);
    addNeighbours(page, status);
    if (status.entropy !== undefined) addEntropy(page, status.entropy);
    if (status.board !== undefined) addBoard(page, status.board);
  }
  return page.text();
}
