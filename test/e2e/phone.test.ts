/** A real agent beside a Meshtastic device: a person's direct text comes in through it, and texts go out. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fromUtf8, utf8 } from "../../src/kernel/bytes.ts";
import { TEXT_MESSAGE_APP } from "../../src/ports/modem.ts";
import { OTHER_NUMBER, OWN_NUMBER, packetWords, ScriptedRadio } from "../fakes/scripted-radio.ts";
import { caye, eventually, startAgent } from "./agent-process.ts";

test("a person asks by text through a Meshtastic device, and reads the answers", { timeout: 90_000 }, async () => {
  await using radio = await ScriptedRadio.open();
  await using agent = await startAgent({
    env: { CAYE_RADIO_MODEM: radio.uri },
    command: [process.execPath, "src/main.ts", "run"],
  });
  await agent.printed("caye is up", 30_000);
  await agent.printed("radio ready", 30_000);
  const note = join(agent.state, "tide.txt");
  await writeFile(note, "High 06:10");
  expect((await caye(agent.state, "put", note)).code).toBe(0);
  const answers = (): readonly { text: string; packet: object }[] =>
    radio.packets.flatMap((packet) => {
      const { payloadVariant: data } = packet;
      if (data.case !== "decoded" || data.value.portnum !== TEXT_MESSAGE_APP) return [];
      return [{ text: fromUtf8(data.value.payload) ?? "", packet }];
    });
  const ask = async (id: number, text: string): Promise<string> => {
    const before = answers().length;
    radio.say(packetWords({ to: OWN_NUMBER, id, port: TEXT_MESSAGE_APP, payload: utf8(text) }));
    return eventually(() => Promise.resolve(answers()[before]?.text));
  };
  radio.say(packetWords({ id: 70, port: TEXT_MESSAGE_APP, payload: utf8("ls") }));
  expect(await ask(71, "lista")).toBe("» 1 archivo:\n1 tide.txt 10 B\nPara uno: dame NOMBRE o dame NÚMERO.");
  expect(await ask(72, "dame 1")).toBe("» tide.txt:\nHigh 06:10");
  for (const { packet } of answers()) expect(packet).toMatchObject({ to: OTHER_NUMBER, wantAck: true, channel: 0 });
  expect(answers()).toHaveLength(2);
  expect(await agent.stop()).toBe(0);
});
