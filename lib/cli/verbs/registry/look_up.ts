import { escapeText } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { writeForeign } from "../../display/output.ts";
import { registryClient, remoteReference } from "../../registry.ts";
import { STREAMED, type Verb } from "../../verb.ts";
import { isPlainHttp, PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve tags`. */
export const tags: Verb = {
  usage: "tags <repository>",
  withoutStore: "unused",
  summary: "list the tags of a repository in its registry",
  help: `JSON: {"repository","tags":[TAG]}

Example:
  varve tags ghcr.io/owner/app`,
  configure: (command) => void command.option(...PLAIN_HTTP_OPTION),
  async run(context, [repository = ""], options) {
    const name = remoteReference(repository, "list the tags of");
    if (name.digest !== undefined || repository.endsWith(`:${name.tag}`)) {
      throw new VarveError(
        "E_USAGE",
        `Cannot list the tags of ${repository}: give a repository without a tag or digest`,
      );
    }
    using client = await registryClient(context, name, {
      plainHttp: isPlainHttp(options),
    });
    const found = await client.tags(name.repository, context.signal);
    const json = { repository: `${name.registry}/${name.repository}`, tags: found };
    return { json, text: found.map((tag) => `${escapeText(tag)}\n`).join("") };
  },
};

/** `varve digest`. */
export const digest: Verb = {
  usage: "digest <ref>",
  withoutStore: "unused",
  summary: "print the digest of an image in its registry",
  help: `varve computes the digest from the manifest or index that the registry returns.

JSON: {"name","digest","mediaType","size"}

Example:
  varve digest debian:12`,
  configure: (command) => void command.option(...PLAIN_HTTP_OPTION),
  async run(context, [reference = ""], options) {
    const name = remoteReference(reference, "look up");
    using client = await registryClient(context, name, {
      plainHttp: isPlainHttp(options),
    });
    const fetched = await client.manifest(name, { signal: context.signal });
    const { bytes, digest, contentType = null } = fetched;
    return {
      json: { name: reference, digest, mediaType: contentType, size: bytes.length },
      text: `${digest}\n`,
    };
  },
};

/** `varve manifest`. */
export const manifest: Verb = {
  usage: "manifest <ref>",
  withoutStore: "unused",
  summary: "print the manifest or index of an image in its registry",
  help:
    `The bytes are printed exactly as they are in the registry, but on a terminal characters that could
control it are escaped. --format has no effect.

Example:
  varve manifest debian:12 | sha256sum`,
  configure: (command) => void command.option(...PLAIN_HTTP_OPTION),
  async run(context, [reference = ""], options) {
    const name = remoteReference(reference, "look up");
    using client = await registryClient(context, name, {
      plainHttp: isPlainHttp(options),
    });
    const { bytes } = await client.manifest(name, { signal: context.signal });
    await writeForeign(context.io, [bytes]);
    return STREAMED;
  },
};
