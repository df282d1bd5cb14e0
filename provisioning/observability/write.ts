/** Writes what is rendered here into the files that Prometheus and Grafana read: `node provisioning/observability/write.ts`. @module */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rendered } from "./rendered.ts";

for (const [name, text] of rendered()) writeFileSync(join(import.meta.dirname, name), text);
