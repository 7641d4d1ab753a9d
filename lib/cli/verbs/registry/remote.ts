import { escapeText } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { registryClient, remoteReference } from "../../registry.ts";
import type { Verb } from "../../verb.ts";
import { registryName } from "./login.ts";
import { isPlainHttp, PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve catalog`. */
export const catalog: Verb = {
  usage: "catalog <registry>",
  withoutStore: "unused",
  summary: "list the repositories of a registry",
  help: `Many public registries refuse this.

JSON: {"registry","repositories":[NAME]}

Example:
  varve catalog localhost:5000`,
  configure: (command) => void command.option(...PLAIN_HTTP_OPTION),
  async run(context, [argument = ""], options) {
    const registry = registryName(argument);
    using client = await registryClient(context, { registry }, {
      plainHttp: isPlainHttp(options),
    });
    const repositories = await Array.fromAsync(client.catalog(context.signal));
    return {
      json: { registry, repositories },
      text: repositories.map((name) => `${escapeText(name)}\n`).join(""),
    };
  },
};

/** `varve delete`. */
export const deleteVerb: Verb = {
  usage: "delete <ref>",
  withoutStore: "unused",
  summary: "delete a tag or a manifest in its registry",
  help:
    `REF must have a tag or a digest. With a tag, only the tag is deleted; with a digest, the manifest and all of
its tags. Many registries delete only by digest, or not at all. 'varve rmi' removes names of the store.

JSON: {"deleted"}

Examples:
  varve delete localhost:5000/app:1
  varve delete localhost:5000/app@$(varve digest localhost:5000/app:1)`,
  configure: (command) => void command.option(...PLAIN_HTTP_OPTION),
  async run(context, [argument = ""], options) {
    const name = remoteReference(argument, "delete");
    const { digest, tag } = name;
    if (digest === undefined && !argument.endsWith(`:${tag}`)) {
      throw new VarveError("E_USAGE", `Cannot delete ${argument}: it has no tag and no digest`, {
        hint: `write ${argument}:TAG`,
      });
    }
    using client = await registryClient(context, name, {
      plainHttp: isPlainHttp(options),
    });
    await client.deleteManifest(name, context.signal);
    return { json: { deleted: argument }, text: `${escapeText(argument)}\n` };
  },
};
