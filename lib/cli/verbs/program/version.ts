import config from "../../../../deno.json" with { type: "json" };
import type { Verb } from "../../verb.ts";

/** The version of varve, from deno.json. */
export const VERSION: string = config.version;

/** `varve version`. */
export const version: Verb = {
  usage: "version",
  withoutStore: "unused",
  summary: "print the version",
  help: `JSON: {"version","deno","os","arch"}

Example:
  varve version --format '{{.version}}'`,
  run() {
    const json = {
      version: VERSION,
      deno: Deno.version.deno,
      os: Deno.build.os,
      arch: Deno.build.arch,
    };
    return Promise.resolve({
      json,
      text: `varve ${VERSION} (deno ${json.deno}, ${json.os}/${json.arch})\n`,
    });
  },
};
