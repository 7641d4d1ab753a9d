/** The lint plug-in of the project: what the module graph cannot show. */
import { pure } from "./rule_pure.ts";
import { modReexports } from "./rule_mod_reexports.ts";
import { effects } from "./rule_effects.ts";

const plugin: Deno.lint.Plugin = {
  name: "varve",
  rules: { pure, effects, "mod-reexports": modReexports },
};

export default plugin;
