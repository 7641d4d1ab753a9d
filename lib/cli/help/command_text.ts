import type { Command } from "commander";

/** Flags and descriptions of the options of a command, its own ones before those of every verb. */
export function visibleOptions(
  command: Command,
): readonly (readonly [flags: string, about: string])[] {
  const help = command.createHelp();
  const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
  return options.map((option) => [option.flags, help.optionDescription(option)]);
}

/** The help of a command, as `--help` prints it. */
export function helpTextOf(command: Command): string {
  let out = "";
  command.configureOutput({
    writeOut: (text) => out += text,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return out;
}
