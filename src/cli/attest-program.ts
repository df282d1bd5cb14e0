/** The command line of `caye attest`. @module */
import { type Command, Option } from "commander";
import {
  type ChallengeOptions,
  enrolAnswer,
  enrolChallenge,
  enrolFinish,
  enrolHere,
  type EnrolOptions,
  enrolRequest,
  type FinishOptions,
  showEnrolment,
} from "./commands/attest-enrol.ts";
import {
  type ApproveOptions,
  approveState,
  reference,
  type ReferenceOptions,
  showPolicy,
  type SignOptions,
  signPolicy,
} from "./commands/attest-policy.ts";
import { quoteNode, type QuoteOptions, verifyQuote, type VerifyOptions, watchNeighbour } from "./commands/attest.ts";
import type { CliIo } from "./io.ts";
import { wholeNumber } from "./typed.ts";

interface Json {
  readonly json?: boolean;
}

interface Out extends Json {
  readonly out?: string;
}

const VERIFY_EXAMPLE = 'caye attest verify --nonce "$NONCE" --enrolment clinic.enrolment quote';

export function addAttestCommands(program: Command, io: CliIo): void {
  const attest = program
    .command("attest")
    .description("Prove what runs on a node, by the word of its TPM, to somebody who is not that node.")
    .helpCommand(false)
    .enablePositionalOptions()
    .addHelpText("after", `\nExample:\n  ${VERIFY_EXAMPLE}`);
  addEnrol(attest, io);
  addQuotes(attest, io);
  addPolicy(attest, io);
}

function addQuotes(attest: Command, io: CliIo): void {
  command(
    attest,
    "quote",
    "Let this node's TPM sign a nonce and its registers, with the logs that explain them.",
    'caye attest quote --nonce "$NONCE" --out quote',
  )
    .requiredOption("--nonce <hex>", "the verifier's nonce, 16 to 32 bytes, used once")
    .requiredOption("-o, --out <dir>", "where the files go; the first four are what tpm2_checkquote reads")
    .addOption(new Option("--key <kind>", "which attestation key").choices(["ecc", "rsa"]).default("ecc"))
    .action((options: QuoteOptions) => quoteNode(io, options));
  command(attest, "verify", "Judge a quote: exit code 0 or 1, and the reason first. Needs no agent.", VERIFY_EXAMPLE)
    .argument("<dir>", "what caye attest quote wrote; or ak.pub and three files of tpm2_quote")
    .requiredOption("--nonce <hex>", "the nonce that the quote was asked for with")
    .requiredOption("--enrolment <file>", "what is known of the node; its counters are brought up to date")
    .option("--policy <file>", "which states are right, by the authority's word; else the state at enrolment")
    .option("--authority <hex>", "with --policy: whose word, 128 hex digits")
    .addOption(
      new Option("--reboots <n>", "restarts of the machine since the last verification that you know of")
        .default(0)
        .argParser(wholeNumber(0, 1_000_000)),
    )
    .option("--quote-only", "judge key, signature, nonce, registers and counters only: for quotes of other tools")
    .option("--dry-run", "leave the enrolment's counters as they are")
    .action((directory: string, options: VerifyOptions) => verifyQuote(io, directory, options));
  command(
    attest,
    "watch",
    "Let this node ask a neighbour for its quote, over the radio.",
    "caye attest watch school.enrolment",
  )
    .argument("<file>", "that neighbour's enrolment")
    .action((file: string, options: Json) => watchNeighbour(io, file, options));
}

function addEnrol(attest: Command, io: CliIo): void {
  const here = command(
    attest,
    "enrol",
    "Get to know a node's TPM: here, with the agent of this machine; or by files, in the four steps below.",
    "caye attest enrol --roots /etc/caye/tpm-roots --out clinic.enrolment",
  )
    .option("-o, --out <file>", "where to keep the enrolment; never overwrites another one")
    .option("--from-ak <ak.pub>", "make it from the public key of other tools alone; for verify --quote-only");
  here.enablePositionalOptions();
  withCertificate(withTrust(here)).action((options: EnrolOptions) => enrolHere(io, options));
  addEnrolSteps(here, io);
}

function addEnrolSteps(enrol: Command, io: CliIo): void {
  command(
    enrol,
    "request",
    "Step 1, on the node: write down its keys.",
    "caye attest enrol request --out /media/stick/clinic.attest-request",
  )
    .option("-o, --out <file>", "else ./ID.attest-request")
    .action((options: Out) => enrolRequest(io, options));
  withTrust(
    command(
      enrol,
      "challenge",
      "Step 2, at the verifier: write a secret that only that TPM can open.",
      "caye attest enrol challenge clinic.attest-request --pin",
    ),
  )
    .argument("<request>", "what step 1 wrote")
    .option("-o, --out <file>", "else REQUEST with .challenge; its secret stays beside it, with .pending")
    .option("--again", "make a new one, though one is there: an answer to the old one is then worth nothing")
    .action((file: string, options: ChallengeOptions) => enrolChallenge(io, file, options));
  command(enrol, "answer", "Step 3, on the node: open it.", "caye attest enrol answer clinic.challenge")
    .argument("<challenge>", "what step 2 wrote")
    .option("-o, --out <file>", "else CHALLENGE with .answer")
    .action((file: string, options: Out) => enrolAnswer(io, file, options));
  withCertificate(
    command(
      enrol,
      "finish",
      "Step 4, at the verifier: write the enrolment, and with --authority the node's certificate.",
      "caye attest enrol finish clinic.answer --pending clinic.pending --out clinic.enrolment",
    ),
  )
    .argument("<answer>", "what step 3 wrote")
    .requiredOption("--pending <file>", "the secret of step 2")
    .requiredOption("-o, --out <file>", "where to keep the enrolment; never overwrites another one")
    .action((file: string, options: FinishOptions) => enrolFinish(io, file, options));
  command(enrol, "show", "Print what an enrolment says.", "caye attest enrol show clinic.enrolment")
    .argument("<file>", "an enrolment")
    .action((file: string, options: Json) => showEnrolment(io, file, options));
}

function addPolicy(attest: Command, io: CliIo): void {
  const policy = attest
    .command("policy")
    .description("Say which states of a node are right, in the name of the village's authority.")
    .helpCommand(false)
    .addHelpText("after", "\nExample:\n  caye attest policy show village.policy");
  withSigner(
    command(
      policy,
      "sign",
      "Sign a policy.",
      "caye attest policy sign policy.json --authority village.authority --out village.policy",
    ),
  )
    .argument("<policy.json>", "as docs/attestation.md describes it")
    .requiredOption("-o, --out <file>", "where to write it (overwrites)")
    .action((file: string, options: SignOptions) => signPolicy(io, file, options));
  command(policy, "show", "Print what a policy says, and who signed it.", "caye attest policy show village.policy")
    .argument("<file>", "a signed policy")
    .option("--authority <hex>", "check that this authority signed it, 128 hex digits; else exit code 1")
    .action((file: string, options: Json & { authority?: string }) => showPolicy(io, file, options));
  withState(
    command(
      policy,
      "reference",
      "Print the digests of what the agent measures: of what runs, or of what is to run.",
      "caye attest policy reference --code /opt/caye-next --json",
    ),
  ).action((options: ReferenceOptions) => reference(io, options));
  withState(
    withSigner(
      command(
        policy,
        "approve",
        "Approve a state that one node will be in: its store then opens in that one, too.",
        "caye attest policy approve --enrolment clinic.enrolment --reference next.json --authority village.authority --out clinic.approval",
      ),
    ),
  )
    .requiredOption("--enrolment <file>", "of the node that it is for")
    .option("--reference <file>", "the state, as caye attest policy reference --json printed it")
    .option("--digest <hex>", "the state, as caye doctor names it on a node that is shut")
    .requiredOption("-o, --out <file>", "where to write it (overwrites)")
    .action((options: ApproveOptions) => approveState(io, options));
}

function withTrust(made: Command): Command {
  return made
    .option("--roots <place...>", "files or directories with the certificates of chip makers")
    .option("--pin", "there is no certificate: take the key that answers now on your word");
}

function withCertificate(made: Command): Command {
  return made
    .option("--authority <file>", "the authority's secret file: writes the node's certificate, too")
    .option("--passphrase-file <file>", "the file with the passphrase that closes it")
    .option("--until <date>", "with --authority: the last day of the certificate, for example 2027-12-31");
}

function withSigner(made: Command): Command {
  return made
    .requiredOption("--authority <file>", "the authority's secret file")
    .option("--passphrase-file <file>", "the file with the passphrase that closes it");
}

function withState(made: Command): Command {
  return made
    .option("--code <dir>", "the directory of the Caye that will run")
    .option("--config <file>", "the configuration that it will run with")
    .option("--policy <file>", "the policy that it will run with");
}

function command(parent: Command, name: string, description: string, example: string): Command {
  return parent
    .command(name)
    .description(description)
    .option("--json", "print the result as JSON")
    .addHelpText("after", `\nExample:\n  ${example}`);
}
