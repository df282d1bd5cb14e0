/** The configurations that can't be started here: their form, that versions are pinned, and that nothing listens to the network. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { OBSERVABILITY } from "./promtool.ts";

const texts = z.record(z.string(), z.string());
const compose = z.strictObject({
  name: z.string(),
  services: z.record(
    z.string(),
    z.strictObject({
      image: z.string(),
      network_mode: z.string(),
      restart: z.literal("unless-stopped"),
      user: z.string().optional(),
      command: z.array(z.string()).optional(),
      environment: texts.optional(),
      volumes: z.array(z.string()),
    }),
  ),
  volumes: z.record(z.string(), z.null()),
});
const listens = z.looseObject({
  server: z.looseObject({ http_listen_address: z.string(), http_listen_port: z.int() }),
});
const sources = z.looseObject({ datasources: z.array(z.looseObject({ uid: z.string(), url: z.string() })) });

const files = readdirSync(OBSERVABILITY, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yml"));

/** All of them at once: Python takes its time to start. Undefined where it has no YAML. */
function parseAll(): Readonly<Record<string, unknown>> | undefined {
  if (spawnSync("python3", ["-c", "import yaml"]).status !== 0) return undefined;
  const script = "import json,sys,yaml; json.dump({f: yaml.safe_load(open(f)) for f in sys.argv[1:]}, sys.stdout)";
  const options = { encoding: "utf8", cwd: OBSERVABILITY, maxBuffer: 1e8 } as const;
  const { status, stdout, stderr } = spawnSync("python3", ["-c", script, ...files], options);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const all = parseAll();
const hasYaml = all !== undefined;

/** As it was written: the tests below look at what they read. */
function parsed(file: string): unknown {
  return all?.[file];
}

describe.skipIf(!hasYaml)(`YAML${hasYaml ? "" : ": python3-yaml is not installed"}`, () => {
  test.each(files)("%s parses", (file) => {
    expect(parsed(file)).toEqual(expect.anything());
  });

  test("the containers run pinned versions, listen on this machine alone, and mount what is there", () => {
    const { services, volumes } = compose.parse(parsed("compose.yml"));
    expect(Object.keys(services).toSorted()).toEqual(["alloy", "grafana", "loki", "prometheus", "tempo"]);
    for (const [name, { image, network_mode, volumes: mounts }] of Object.entries(services)) {
      expect(image, name).toMatch(/^[a-z]+\/[a-z]+:v?\d+\.\d+\.\d+$/);
      expect(network_mode, name).toBe("host");
      for (const mount of mounts) {
        const [from = "", to] = mount.split(":");
        expect(to, mount).toMatch(/^\//);
        if (from.startsWith("./")) expect(existsSync(join(OBSERVABILITY, from)), mount).toBe(true);
        else if (!from.startsWith("/")) expect(Object.keys(volumes), mount).toContain(from);
      }
    }
    expect(services["prometheus"]?.command).toContain("--web.listen-address=127.0.0.1:9090");
    expect(services["alloy"]?.command).toContain("--server.http.listen-addr=127.0.0.1:12345");
    expect(services["grafana"]?.environment).toMatchObject({ GF_SERVER_HTTP_ADDR: "127.0.0.1" });
  });

  test("Loki, Tempo and the sources of Grafana agree on their addresses", () => {
    const at = (file: string): string => {
      const { server } = listens.parse(parsed(file));
      return `http://${server.http_listen_address}:${server.http_listen_port}`;
    };
    const { datasources } = sources.parse(parsed("grafana/provisioning/datasources/caye.yml"));
    expect(new Map(datasources.map(({ uid, url }) => [uid, url]))).toEqual(
      new Map([
        ["prometheus", "http://127.0.0.1:9090"],
        ["loki", at("loki/loki.yml")],
        ["tempo", at("tempo/tempo.yml")],
      ]),
    );
    const alloy = readFileSync(join(OBSERVABILITY, "alloy/config.alloy"), "utf8");
    expect(alloy).toContain(`${at("loki/loki.yml")}/loki/api/v1/push`);
  });
});
