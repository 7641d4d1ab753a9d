/** The project's lint plug-in: it judges what the module graph cannot show. */
import { effects } from "./rule_effects.ts";
import { exitCodes } from "./rule_exit_codes.ts";
import { modReexports } from "./rule_mod_reexports.ts";
import { pure } from "./rule_pure.ts";

const plugin: Deno.lint.Plugin = {
  name: "varve",
  rules: { pure, effects, "exit-codes": exitCodes, "mod-reexports": modReexports },
};

export default plugin;
