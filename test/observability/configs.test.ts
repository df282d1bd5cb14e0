/** The configurations that can't be started here: their form, that versions are pinned, and that nothing listens to the network. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OBSERVABILITY } from "./promtool.ts";

interface Service {
  readonly image: string;
  readonly network_mode: string;
  readonly volumes: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
}

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

function parsed<T>(file: string): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests below look at what they read
  return all?.[file] as T;
}

describe.skipIf(!hasYaml)(`YAML${hasYaml ? "" : ": python3-yaml is not installed"}`, () => {
  test.each(files)("%s parses", (file) => {
    expect(parsed(file)).toEqual(expect.anything());
  });

  test("the containers run pinned versions, listen on this machine alone, and mount what is there", () => {
    const { services, volumes } = parsed<Compose>("compose.yml");
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
    type Listens = { readonly server: { readonly http_listen_address: string; readonly http_listen_port: number } };
    type Sources = { readonly datasources: readonly { readonly uid: string; readonly url: string }[] };
    const at = ({ server }: Listens): string => `http://${server.http_listen_address}:${server.http_listen_port}`;
    const { datasources } = parsed<Sources>("grafana/provisioning/datasources/caye.yml");
    expect(new Map(datasources.map(({ uid, url }) => [uid, url]))).toEqual(
      new Map([
        ["prometheus", "http://127.0.0.1:9090"],
        ["loki", at(parsed<Listens>("loki/loki.yml"))],
        ["tempo", at(parsed<Listens>("tempo/tempo.yml"))],
      ]),
    );
    const alloy = readFileSync(join(OBSERVABILITY, "alloy/config.alloy"), "utf8");
    expect(alloy).toContain(`${at(parsed<Listens>("loki/loki.yml"))}/loki/api/v1/push`);
  });
});
