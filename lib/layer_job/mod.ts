/**
 * The job that every layer goes through: bytes come in, a proved layer comes out, in one pass.
 *
 * @module
 */
export type { LayerJobOutput, LayerTarget } from "./contract.ts";
export type { InflaterName } from "./inflater_choice.ts";
export type { LayerRules } from "./rules.ts";
