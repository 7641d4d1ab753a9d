import { answer, safeFor } from "../../completion/answer.ts";
import { completionScript } from "../../completion/scripts.ts";
import { SHELLS } from "../../completion/sources.ts";
import { oneOf } from "../../options.ts";
import type { Verb } from "../../verb.ts";

/** `varve completions`. */
export const completions: Verb = {
  usage: "completions <shell> [words...]",
  withoutStore: "unused",
  summary: "print the script that completes varve's command line in bash, zsh or fish",
  help:
    `The script calls varve at each TAB. varve completes verbs, options, names of images and keys of snapshots.
With WORDS, the answer to such a call is printed: how the last word can be completed.

JSON: {"shell","script"}; with WORDS {"candidates":[{"value","description"}],"files"}

Examples:
  source <(varve completions bash)
  varve completions zsh > "\${fpath[1]}/_varve"
  varve completions fish > ~/.config/fish/completions/varve.fish
  varve completions bash -- squash deb`,
  passesOn: 1,
  async run(context, [name = "", ...words]) {
    const shell = oneOf("a shell", name, SHELLS);
    if (words.length === 0) {
      const script = completionScript(shell);
      return { json: { shell, script }, text: script };
    }
    const found = await answer(await context.commandLine(), words, context.options.root);
    const json = safeFor(shell, found);
    const lines = json.candidates.map(({ value, description }) => `${value}\t${description}\n`);
    return { json, text: [...lines, `:${json.files}\n`] };
  },
};
