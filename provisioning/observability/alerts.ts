/**
 * What an operator is woken for, and how each alert is rehearsed. `write.ts` renders Prometheus' rules and their unit tests
 * from this table; what to do about each stands in `docs/runbook-alarms.md` under its name.
 * @module
 */

export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** For how long it must hold, in minutes. */
  readonly forMinutes: number;
  /** `critical`: somebody should come; `warning`: look at it by day. */
  readonly severity: "critical" | "warning";
  /** One line; `{{ $labels.x }}` stands for a label. */
  readonly summary: string;
  readonly description: string;
  readonly drill: Drill;
}

/** Series that are well first, then ill, then well again. */
export interface Drill {
  readonly series: readonly DrillSeries[];
  /** What the alert carries besides `severity`, `job` and `instance`. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface DrillSeries {
  readonly metric: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly well: Course;
  readonly ill: Course;
}

/** The value in a minute of the rehearsal; undefined: there is none. */
export type Course = (minute: number) => number | undefined;

const always =
  (value: number): Course =>
  () =>
    value;
const never: Course = () => undefined;

/** A figure of one series that is one number when well and another when ill. */
function drill(metric: string, well: number, ill: number, labels?: Readonly<Record<string, string>>): Drill {
  const series = { metric, well: always(well), ill: always(ill) };
  return labels === undefined ? { series: [series] } : { series: [{ ...series, labels }], labels };
}

/** A step of the boot, which fails in the state of that name. */
function stepDrill(step: string, wellState: string, illState: string): Drill {
  const metric = "caye_boot_step_ok";
  return {
    series: [
      { metric, labels: { step, state: wellState }, well: always(1), ill: never },
      { metric, labels: { step, state: illState }, well: never, ill: always(0) },
    ],
    labels: { step, state: illState },
  };
}

const MIB = 1_048_576;

const NODE: readonly Alert[] = [
  {
    name: "CayeAgentDown",
    expr: 'up{job="caye"} == 0 or caye_up == 0',
    forMinutes: 2,
    severity: "critical",
    summary: "{{ $labels.instance }}: the agent does not answer",
    description: "Prometheus can't read the node's figures: the agent, the machine or the way to it is down.",
    drill: drill("up", 1, 0),
  },
  {
    name: "CayeQuarantine",
    expr: 'caye_trust_state{state="quarantine"} == 1',
    forMinutes: 1,
    severity: "critical",
    summary: "{{ $labels.instance }}: in quarantine, data and radio are shut",
    description: "A boot step failed under trust.mode = enforce; caye doctor names it.",
    drill: drill("caye_trust_state", 0, 1, { state: "quarantine" }),
  },
  {
    name: "CayeSelfTestFailed",
    expr: 'caye_boot_step_ok{step="selftest"} == 0',
    forMinutes: 1,
    severity: "critical",
    summary: "{{ $labels.instance }}: its cryptography gives wrong answers",
    description: "The known-answer tests of the start failed: memory, processor or installation is broken.",
    drill: stepDrill("selftest", "tested", "selftest-failed"),
  },
  {
    name: "CayeStoreDamaged",
    expr: 'caye_boot_step_ok{step="store"} == 0',
    forMinutes: 1,
    severity: "critical",
    summary: "{{ $labels.instance }}: the disk has lost a part of the store",
    description: "The store opened without a part of it, or not at all; files may be missing.",
    drill: stepDrill("store", "open", "damaged"),
  },
  {
    name: "CayeDiskFull",
    expr: `caye_disk_free_bytes < ${16 * MIB}`,
    forMinutes: 1,
    severity: "critical",
    summary: "{{ $labels.instance }}: less than 16 MiB of disk left",
    description: "The store may fail at any moment; what is acknowledged stays.",
    drill: drill("caye_disk_free_bytes", 8e9, 4e6),
  },
  {
    name: "CayeDiskLow",
    expr: `caye_disk_free_bytes < ${256 * MIB} or caye_disk_free_bytes / caye_disk_size_bytes < 0.05`,
    forMinutes: 10,
    severity: "warning",
    summary: "{{ $labels.instance }}: the disk is nearly full",
    description: "Less than 256 MiB, or less than a twentieth of the disk, is left.",
    drill: {
      series: [
        { metric: "caye_disk_free_bytes", well: always(8e9), ill: always(1e9) },
        { metric: "caye_disk_size_bytes", well: always(30e9), ill: always(30e9) },
      ],
    },
  },
  {
    name: "CayeHot",
    expr: "caye_temperature_celsius > 80",
    forMinutes: 5,
    severity: "warning",
    summary: "{{ $labels.instance }}: sensor {{ $labels.sensor }} is above 80 degrees",
    description: "A Pi 5 slows down from 80 degrees on, and more from 85 on.",
    drill: drill("caye_temperature_celsius", 51, 84, { sensor: "0:cpu-thermal" }),
  },
  {
    name: "CayeClockUnset",
    expr: "caye_clock_set == 0",
    forMinutes: 10,
    severity: "warning",
    summary: "{{ $labels.instance }}: nothing has told it the time",
    description:
      "Its clock stands before 2025: dates on what it signs are wrong, and no policy or certificate is judged by them.",
    drill: drill("caye_clock_set", 1, 0),
  },
  {
    name: "CayeClockWrong",
    expr: "abs(caye_clock_seconds - timestamp(caye_clock_seconds)) > 60",
    forMinutes: 5,
    severity: "warning",
    summary: "{{ $labels.instance }}: its clock is more than a minute off",
    description: "Compared with the clock of the machine that runs Prometheus: either may be the wrong one.",
    drill: {
      series: [{ metric: "caye_clock_seconds", well: (minute) => minute * 60, ill: (minute) => minute * 60 + 3_600 }],
    },
  },
  {
    name: "CayeBackupOld",
    expr: "time() - caye_backup_timestamp_seconds > 259200",
    forMinutes: 30,
    severity: "warning",
    summary: "{{ $labels.instance }}: no backup for three days",
    description:
      "The stick is full, gone or not mounted; or the timer does not run. A node that was never backed up tells so, too.",
    drill: {
      series: [{ metric: "caye_backup_timestamp_seconds", well: (minute) => minute * 60, ill: always(-300_000) }],
    },
  },
  {
    name: "CayeUpdateFailed",
    expr: 'caye_update_step{step=~"failed|rolled-back"} == 1',
    forMinutes: 5,
    severity: "warning",
    summary: "{{ $labels.instance }}: the latest update ended as {{ $labels.step }}",
    description: "The node runs the version from before, or waits for somebody; it is not lost.",
    drill: {
      series: [
        { metric: "caye_update_step", labels: { step: "confirmed" }, well: always(1), ill: never },
        { metric: "caye_update_step", labels: { step: "rolled-back" }, well: never, ill: always(1) },
      ],
      labels: { step: "rolled-back" },
    },
  },
  {
    name: "CayeTamper",
    expr: "caye_board_tamper_opened == 1",
    forMinutes: 1,
    severity: "critical",
    summary: "{{ $labels.instance }}: its case was opened",
    description: "The tamper contact opened, and nobody has said since that it was seen to.",
    drill: drill("caye_board_tamper_opened", 0, 1),
  },
  {
    name: "CayeBoardLineFault",
    expr: "caye_board_line_ok == 0",
    forMinutes: 5,
    severity: "warning",
    summary: "{{ $labels.instance }}: line {{ $labels.line }} of the board can't be used",
    description:
      "A line that the configuration names is not there, or another program holds it. The node works without it.",
    drill: drill("caye_board_line_ok", 1, 0, { line: "siren" }),
  },
  {
    name: "CayeMemoryHigh",
    expr: 'process_resident_memory_bytes{job="caye"} > 400000000',
    forMinutes: 15,
    severity: "warning",
    summary: "{{ $labels.instance }}: the agent uses more than 400 MB of memory",
    description: "The unit ends it at 512 MB. An assessment of entropy takes 350 MB for a minute; this lasts longer.",
    drill: drill("process_resident_memory_bytes", 110e6, 450e6),
  },
  {
    name: "CayeEventLoopSlow",
    expr: "min_over_time(caye_event_loop_lag_seconds[5m]) > 0.5",
    forMinutes: 5,
    severity: "warning",
    summary: "{{ $labels.instance }}: the agent answers late",
    description: "Its event loop came round more than half a second late at every scrape of the last minutes.",
    drill: drill("caye_event_loop_lag_seconds", 0.001, 2),
  },
  {
    name: "CayeWatchdogSilent",
    expr: "increase(caye_watchdog_beats_total[5m]) == 0",
    forMinutes: 1,
    severity: "critical",
    summary: "{{ $labels.instance }}: it gives systemd no signs of life",
    description: "Its store does not answer; systemd is about to restart it.",
    drill: {
      series: [
        {
          metric: "caye_watchdog_beats_total",
          well: (minute) => 10 * Math.min(minute, 10) + 10 * Math.max(0, minute - 30),
          ill: always(100),
        },
      ],
    },
  },
  {
    name: "CayeQueueDrops",
    expr: "increase(caye_queue_dropped_total[15m]) > 10",
    forMinutes: 5,
    severity: "warning",
    summary: "{{ $labels.instance }}: the queue {{ $labels.queue }} is full",
    description: "More than ten of what it should hold were dropped in a quarter of an hour.",
    drill: {
      series: [
        {
          metric: "caye_queue_dropped_total",
          labels: { queue: "to_send" },
          well: (minute) => (minute < 10 ? 0 : 200),
          ill: (minute) => (minute - 9) * 5,
        },
      ],
      labels: { queue: "to_send" },
    },
  },
];

const TRUST: readonly Alert[] = [
  {
    name: "CayeAttestationMismatch",
    expr: "caye_neighbour_attestation_failed == 1",
    forMinutes: 1,
    severity: "critical",
    summary: "{{ $labels.instance }}: the attestation of {{ $labels.author }} fails: {{ $labels.reason }}",
    description: "A neighbour's quote does not show the software that the village accepts.",
    drill: {
      series: [
        {
          metric: "caye_neighbour_attestation_failed",
          labels: { author: "school (00112233aabbccdd)", reason: "drift" },
          well: never,
          ill: always(1),
        },
      ],
      labels: { author: "school (00112233aabbccdd)", reason: "drift" },
    },
  },
  {
    name: "CayeBootTrustFailed",
    expr: 'caye_boot_step_ok{step=~"measure|attest|unseal|settle|watch|policy"} == 0',
    forMinutes: 1,
    severity: "critical",
    summary: "{{ $labels.instance }}: step {{ $labels.step }} of its own boot trust failed: {{ $labels.state }}",
    description: "The node could not show to itself that it is what it was; or its TPM has changed since.",
    drill: stepDrill("attest", "attested", "mismatch"),
  },
  {
    name: "CayeEntropyBelowThreshold",
    expr: "caye_entropy_assessed < caye_entropy_threshold",
    forMinutes: 2,
    severity: "critical",
    summary: "{{ $labels.instance }}: {{ $labels.source }} gives too little entropy",
    description: "The latest ten thousand samples were assessed below the least that this source must reach.",
    drill: {
      series: [
        {
          metric: "caye_entropy_assessed",
          labels: { source: "qrng:onerng:/dev/qrng" },
          well: always(5.6),
          ill: always(3.1),
        },
        {
          metric: "caye_entropy_threshold",
          labels: { source: "qrng:onerng:/dev/qrng" },
          well: always(4.9),
          ill: always(4.9),
        },
      ],
      labels: { source: "qrng:onerng:/dev/qrng" },
    },
  },
  {
    name: "CayeEntropySourceFailing",
    expr: 'caye_entropy_source_ok{required="true"} == 0',
    forMinutes: 2,
    severity: "critical",
    summary: "{{ $labels.instance }}: {{ $labels.source }} fails: {{ $labels.state }}",
    description: "A source of entropy that the configuration asks for fails; the generator lives on the others.",
    drill: {
      series: [
        {
          metric: "caye_entropy_source_ok",
          labels: { source: "kernel", state: "healthy", required: "true" },
          well: always(1),
          ill: never,
        },
        {
          metric: "caye_entropy_source_ok",
          labels: { source: "kernel", state: "unhealthy", required: "true" },
          well: never,
          ill: always(0),
        },
      ],
      labels: { source: "kernel", state: "unhealthy", required: "true" },
    },
  },
];

const RADIO: readonly Alert[] = [
  {
    name: "CayeRadioDown",
    expr: 'caye_radio_link{link="ready"} == 0 unless on (instance) caye_trust_state{state="quarantine"} == 1',
    forMinutes: 5,
    severity: "critical",
    summary: "{{ $labels.instance }}: no link to its radio",
    description:
      "The radio is unplugged, off, or does not answer. In quarantine the radio is shut, and this is silent.",
    drill: drill("caye_radio_link", 1, 0, { link: "ready" }),
  },
  {
    name: "CayeRadioSilent",
    expr: "caye_radio_heard_seconds > 7200",
    forMinutes: 5,
    severity: "warning",
    summary: "{{ $labels.instance }}: nothing was heard by radio for two hours",
    description:
      "The link to the radio stands or not, but no packet of anybody came: antenna, channel, preset; or nobody is there.",
    drill: drill("caye_radio_heard_seconds", 60, 9_000),
  },
  {
    name: "CayeNeighbourLost",
    expr: "caye_neighbour_heard_seconds > 14400",
    forMinutes: 5,
    severity: "warning",
    summary: "{{ $labels.instance }}: {{ $labels.author }} was not heard for four hours",
    description: "A neighbour that was heard since the start is silent.",
    drill: drill("caye_neighbour_heard_seconds", 60, 20_000, { author: "school (00112233aabbccdd)" }),
  },
  {
    name: "CayeAirtimeOverBudget",
    expr: "caye_air_used_seconds >= 0.98 * caye_air_budget_seconds and caye_air_law_seconds > 0",
    forMinutes: 10,
    severity: "warning",
    summary: "{{ $labels.instance }}: its airtime of the hour is used up",
    description: "What it may send in an hour is spent: alerts still go out as the hour passes, files wait.",
    drill: {
      series: [
        { metric: "caye_air_used_seconds", well: always(10), ill: always(1_799) },
        { metric: "caye_air_budget_seconds", well: always(1_800), ill: always(1_800) },
        { metric: "caye_air_law_seconds", well: always(3_600), ill: always(3_600) },
      ],
    },
  },
  {
    name: "CayeAirtimeOverLaw",
    expr: "caye_air_used_seconds + caye_air_others_seconds > caye_air_law_seconds and caye_air_law_seconds > 0",
    forMinutes: 1,
    severity: "critical",
    summary: "{{ $labels.instance }}: its radio was on air for longer than the law allows",
    description: "Ours and what the radio sent for others, in the rolling hour, exceed the duty cycle of the region.",
    drill: {
      series: [
        { metric: "caye_air_used_seconds", well: always(10), ill: always(20) },
        { metric: "caye_air_others_seconds", well: always(10), ill: always(20) },
        { metric: "caye_air_law_seconds", well: always(36), ill: always(36) },
      ],
    },
  },
  {
    name: "CayeChannelBusy",
    expr: "caye_channel_use > 0.5",
    forMinutes: 30,
    severity: "warning",
    summary: "{{ $labels.instance }}: the channel is crowded",
    description: "More than half of the air was in use for half an hour: another slot, or a faster preset.",
    drill: drill("caye_channel_use", 0.1, 0.7),
  },
  {
    name: "CayeTunnelDown",
    expr: "caye_tunnel_up == 0",
    forMinutes: 2,
    severity: "warning",
    summary: "{{ $labels.instance }}: the {{ $labels.kind }} link to {{ $labels.peer }} is down",
    description: "The village goes on by radio; what is for the online world waits.",
    drill: drill("caye_tunnel_up", 1, 0, { kind: "mqtt", peer: "b" }),
  },
];

/** By group, as Prometheus evaluates them. */
export const ALERT_GROUPS: Readonly<Record<string, readonly Alert[]>> = {
  "caye-node": NODE,
  "caye-trust": TRUST,
  "caye-radio": RADIO,
};

export const ALERTS: readonly Alert[] = Object.values(ALERT_GROUPS).flat();
