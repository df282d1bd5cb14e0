/** The configuration's table `[telemetry]`: traces, for whoever looks into how the agent spends its time. @module */
import { z } from "zod";
import { field } from "./field.ts";

const MAX_URL = 200;

export const telemetry = z.strictObject({
  traces: field(
    z
      .string()
      .max(MAX_URL)
      .refine((url) => url === "" || isCollector(url))
      .default(""),
    {
      description:
        "Where traces go: a collector that takes OpenTelemetry over HTTP; empty: nowhere, and nothing is made. They tell times, sizes and kinds of messages, no names and no content.",
      expects: 'the http or https address of a collector, without a path, or ""',
      example: '"http://127.0.0.1:4318"',
      unit: "URL",
    },
  ),
});

function isCollector(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return (
    url !== undefined &&
    ["http:", "https:"].includes(url.protocol) &&
    url.pathname === "/" &&
    !text.endsWith("/") &&
    url.search === "" &&
    url.hash === "" &&
    url.username === "" &&
    url.password === ""
  );
}
