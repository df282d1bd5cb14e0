/** Alarms about trust and entropy. @module */
import { always, never, stepDrill, type Alert } from "./drill.ts";

export const TRUST: readonly Alert[] = [
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
