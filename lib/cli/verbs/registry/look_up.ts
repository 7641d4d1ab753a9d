import { VarveError } from "../../../errors.ts";
import { parseReference } from "../../../oci/mod.ts";
import { printable } from "../../display/printable.ts";
import { registryClient } from "../../registry.ts";
import { STREAMED, type Verb } from "../../verb.ts";

const PLAIN_HTTP = ["--plain-http", "speak to the registry without TLS"] as const;

/** `varve tags`. */
export const tags: Verb = {
  usage: "tags <repository>",
  summary: "list the tags of a repository in its registry",
  help: `JSON: {"repository","tags":[TAG]}

Example:
  varve tags ghcr.io/owner/app`,
  configure: (command) => void command.option(...PLAIN_HTTP),
  async run(context, [repository = ""], options) {
    const name = parseReference(repository);
    if (name.digest !== undefined || repository.endsWith(`:${name.tag}`)) {
      throw new VarveError("E_USAGE", `Cannot list the tags of ${repository}: name a repository`);
    }
    using client = await registryClient(context, name, {
      plainHttp: options["plainHttp"] === true,
    });
    const found = await client.tags(name.repository, context.signal);
    const json = { repository: `${name.registry}/${name.repository}`, tags: found };
    return { json, text: found.map((tag) => `${printable(tag)}\n`).join("") };
  },
};

/** `varve digest`. */
export const digest: Verb = {
  usage: "digest <ref>",
  summary: "print the digest that a name has in its registry",
  help: `The digest is computed from the manifest or index that the registry gives.

JSON: {"name","digest","mediaType","size"}`,
  configure: (command) => void command.option(...PLAIN_HTTP),
  async run(context, [reference = ""], options) {
    const name = parseReference(reference);
    using client = await registryClient(context, name, {
      plainHttp: options["plainHttp"] === true,
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
  summary: "print the manifest or index that a name has in its registry",
  help:
    `The bytes go to standard output exactly as they are in the registry, whatever --format says.

Example:
  varve manifest debian:12 | sha256sum`,
  configure: (command) => void command.option(...PLAIN_HTTP),
  async run(context, [reference = ""], options) {
    const name = parseReference(reference);
    using client = await registryClient(context, name, {
      plainHttp: options["plainHttp"] === true,
    });
    const { bytes } = await client.manifest(name, { signal: context.signal });
    await context.io.stdout(bytes);
    return STREAMED;
  },
};
