/** Alarms about a node, its machine and its board. @module */
import { always, drill, never, stepDrill, type Alert } from "./drill.ts";

const MIB = 1_048_576;

export const NODE: readonly Alert[] = [
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
