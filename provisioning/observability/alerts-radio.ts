/** Alarms about the radio, the air and links. @module */
import { always, drill, type Alert } from "./drill.ts";

export const RADIO: readonly Alert[] = [
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
