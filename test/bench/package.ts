/**
 * The package: its size for each machine, and what the agent takes under its unit: memory at rest, from start to ready.
 *
 * In a Debian 13 that systemd-nspawn boots, beside a simulated radio in a process of its own; the times are systemd's own.
 * @module
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../e2e/agent-process.ts";
import { succeed } from "../machines/command.ts";
import { installInto } from "../machines/deb.ts";
import { play } from "../machines/story.ts";
import { NODE_PACKAGES, baseTree, copyOfTree, reasonNotToRun } from "../machines/trees.ts";
import { quantile, round, type Bench, type Row } from "./table.ts";

const STARTS = 9;
/** Memory is read once the agent has had this long with nothing to do. */
const REST_S = 30;
const BUILD_SECONDS = 1_200;
const ARCHS = ["arm64", "amd64"] as const;

export const bench: Bench = {
  name: "package",
  run: async () => {
    const out = await mkdtemp(join(tmpdir(), "caye-bench-package-"));
    try {
      const rows: Row[] = [];
      for (const arch of ARCHS) rows.push(await size(arch, out));
      return [...rows, ...(await starts(debOf("amd64", out)))];
    } finally {
      await rm(out, { recursive: true, force: true });
    }
  },
};

/** Built as `npm run package` builds it. */
async function size(arch: (typeof ARCHS)[number], out: string): Promise<Row> {
  const build = [
    "--disable-warning=ExperimentalWarning",
    "provisioning/package/build.ts",
    "--arch",
    arch,
    "--out",
    out,
  ];
  await succeed([process.execPath, ...build], { seconds: BUILD_SECONDS, cwd: ROOT });
  const deb = debOf(arch, out);
  const installedKb = Number(await succeed(["dpkg-deb", "--field", deb, "Installed-Size"], { seconds: 60 }));
  return {
    case: `${arch}: package`,
    ".deb MB": round((await stat(deb)).size / 1e6),
    "installed MB": round((installedKb * 1024) / 1e6),
  };
}

function debOf(arch: string, out: string): string {
  const { version }: { version: string } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return join(out, `caye_${version}_${arch}.deb`);
}

async function starts(deb: string): Promise<readonly Row[]> {
  const reason = reasonNotToRun();
  if (reason !== undefined) return [{ case: `amd64: under its unit: skipped, ${reason}` }];
  await using tree = await copyOfTree(await baseTree("trixie", "amd64", NODE_PACKAGES));
  await installInto(tree.path, deb, "systemctl disable caye.service");
  const step = await play(tree.path, STEPS, { seconds: 300 });
  const rss = (name: "rest" | "village"): number => {
    const kb = /^VmRSS:\s+(\d+) kB$/m.exec(step(name).output)?.[1];
    return round((Number(kb) * 1024) / 1e6);
  };
  const later = times(step("later").output);
  return [
    { case: "amd64: first start", n: 1, "ready ms": times(step("first").output).at(0) ?? Number.NaN },
    {
      case: "amd64: later starts",
      n: later.length,
      "ready ms": round(quantile(later, 0.5)),
      "ready p90": round(quantile(later, 0.9)),
      "RSS at rest MB": rss("rest"),
    },
    { case: "amd64: with the simulated village", n: 1, "RSS at rest MB": rss("village") },
  ];
}

const TIMES = `systemctl show caye.service -p ExecMainStartTimestampMonotonic -p ActiveEnterTimestampMonotonic`;
const RSS = `sleep ${REST_S}; grep VmRSS "/proc/$(systemctl show caye.service -p MainPID --value)/status"`;
const STEPS = {
  radio: `systemd-run --unit=radios --setenv=HOME=/root /usr/bin/caye radios --count 1 --port 4403
sed -i 's|^\\[radio\\]$|[radio]\\nmodem = "tcp://127.0.0.1:4403"|' /etc/caye/caye.toml`,
  first: `systemctl start caye.service; ${TIMES}; caye health --wait 60 --radio >&2`,
  later: `for start in $(seq ${STARTS}); do systemctl restart caye.service; ${TIMES}; systemctl reset-failed caye.service; done`,
  rest: `caye health --wait 60 --radio >&2; ${RSS}`,
  village: `sed -i 's|^modem = .*|modem = "sim:"|' /etc/caye/caye.toml; systemctl restart caye.service; caye health --wait 60 >&2; ${RSS}`,
} as const;

/** From the start of the process to its word that it is ready, in ms. */
function times(text: string): readonly number[] {
  const all = (name: string): number[] =>
    [...text.matchAll(new RegExp(`^${name}TimestampMonotonic=(\\d+)$`, "gm"))].map(([, us]) => Number(us));
  const ready = all("ActiveEnter");
  return all("ExecMainStart").map((startedUs, i) => round(((ready[i] ?? Number.NaN) - startedUs) / 1000));
}
