/** The scenario `phone-asks`. @module */
import { utf8 } from "../../kernel/bytes.ts";
import type { ScenarioOptions, ScenarioReport } from "../../kernel/simulation.ts";
import { TEXT_MESSAGE_APP } from "../../ports/modem.ts";
import { Person } from "../person.ts";
import { stormNotice } from "../scenario-alerts.ts";
import { reportOf, type Scenario, type Watcher } from "../scenario-types.ts";
import { SimVillage } from "../sim-village.ts";
import { line, nodeNumber } from "../topology.ts";

const QUIET_MS = 600_000;
const HOPS = 3;
const RULES = { maxTexts: 8, questions: 6, maxFileBytes: 1_500, language: "en" } as const;
const FILE = "boat-times.txt";
const CONTENT = "Boats to the mainland: Monday and Friday at 06:30 from the harbour, if the sea allows it.";
/** What is asked, and a word that stands in the right answer alone. */
const QUESTIONS: readonly (readonly [question: string, word: string])[] = [
  ["help", "alerts"],
  ["ls", FILE],
  [`get ${FILE}`, "06:30"],
  ["alerts", "Sea over the north road"],
  ["who", "house 1"],
  ["ayuda", "alertas"],
];

export const PHONE_ASKS: Scenario = {
  name: "phone-asks",
  about:
    "Somebody with a Meshtastic app alone asks a node three hops away for help, its files, one of them, and the alerts; until all is answered.",
  takes: ["lossRatio"],
  defaults: { nodes: HOPS, entries: 1, lossRatio: 0.1, symbols: 1, seed: 1, limitMs: 3_600_000 },
  run,
};

async function run(options: ScenarioOptions, watcher: Watcher): Promise<ScenarioReport> {
  const { lossRatio, seed } = options;
  // Houses along a road; at its end a radio without an agent.
  const links = line(HOPS + 1, lossRatio);
  const along = { preset: "LongFast", region: "US", hopLimit: HOPS, share: 0.5 } as const;
  const extras = () => Promise.resolve({ phones: RULES });
  await using village = await SimVillage.open({ seed, count: HOPS, links, ...along, extras });
  village.onSent(watcher);
  const texts = { byUs: 0, toOthers: 0 };
  const person = nodeNumber(HOPS);
  village.onSent(({ port, from, to }) => {
    if (port !== TEXT_MESSAGE_APP || from === person) return;
    texts.byUs++;
    if (to !== person) texts.toOthers++;
  });
  const [asked] = village.nodes;
  if (asked === undefined) throw new Error("a village has at least one house");
  await asked.put(FILE, utf8(CONTENT));
  await village.bringInStep();
  village.start();
  asked.exchange.alerts.publish(await asked.alerts.issue(stormNotice(village.clock.nowMs(), 6)));
  await village.clock.advance(QUIET_MS);
  village.countFromNow();
  const startMs = village.clock.monotonicMs();
  const asking = new Person({ radio: village.ether.radio(person), clock: village.clock, hopLimit: HOPS });
  const unanswered: string[] = [];
  for (const [question, word] of QUESTIONS)
    if (!(await asking.ask(nodeNumber(0), question, word))) unanswered.push(question);
  village.check();
  const complete = unanswered.length === 0;
  const invariants = [
    {
      name: "answered",
      held: complete,
      detail: complete ? `${QUESTIONS.length} questions, ${asking.heard.length} texts` : unanswered.join(", "),
    },
    {
      name: "to the asker alone",
      held: texts.toOthers === 0,
      detail: `${texts.byUs} frames with texts, ${texts.toOthers} to others`,
    },
  ];
  return reportOf(village, { scenario: PHONE_ASKS.name, options, startMs, boundMs: null, complete, invariants });
}
