import type { Command, CommanderError } from "commander";
import { VarveError } from "../../errors.ts";
import { optionHint } from "./peer_options.ts";
import { peerHint } from "./peer_words.ts";

/** How a verb is called, as a hint. For the program and for a group: where the verbs are listed. */
export function usageHint(command: Command): string {
  const usage = command.createHelp().commandUsage(command);
  const path = usage.split(/ [[<]/, 1)[0] as string;
  return command.commands.length > 0
    ? `'${path} --help' lists the verbs, '${path} VERB --help' explains one`
    : `usage: ${usage}; '${path} --help' explains it`;
}

/** The error for a command line that commander refused, in the words of varve. */
export function usageError({ code, message }: CommanderError, command: Command): VarveError {
  const text = message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ").trim();
  const isVerb = code === "commander.unknownCommand" && command.parent === null;
  // Some groups of Docker have the name of a verb, `manifest create`, and some verbs of crane that of a group, `config`.
  const isGroup = ["commander.excessArguments", "commander.unknownCommand"].includes(code) &&
    command.parent?.parent === null;
  const instead = isVerb
    ? peerHint(command.args)
    : isGroup
    ? peerHint([command.name(), ...command.args])
    : optionOf(code, text, command);
  // A verb with a similar name is no help for a word that means something else.
  const reason = instead === undefined ? text : text.replace(/ \(Did you mean [^)]*\)$/, "");
  return new VarveError("E_USAGE", `Cannot read the command line: ${reason}`, {
    hint: instead ?? usageHint(command),
  });
}

/** What to do in place of an option that the verb does not have. */
function optionOf(code: string, text: string, command: Command): string | undefined {
  const [, option] = /^unknown option '(-[^']*)'/.exec(text) ?? [];
  if (code !== "commander.unknownOption" || option === undefined) return undefined;
  return optionHint(command.name(), option);
}
