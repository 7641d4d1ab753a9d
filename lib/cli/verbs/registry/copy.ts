import { VarveError } from "../../../errors.ts";
import { copyImage } from "../../../registry/mod.ts";
import { parseConcurrency, registryClient, remoteReference } from "../../registry.ts";
import { stringOption, type Verb } from "../../verb.ts";
import { pushProgressOf, pushReport } from "./push.ts";
import { isPlainHttp, PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve copy`. */
export const copy: Verb = {
  usage: "copy <source> <destination>",
  withoutStore: "unused",
  summary: "copy an image from registry to registry, without the store",
  help:
    `All platforms of an index are copied. Manifests are copied byte for byte. If both names are in the same registry,
blobs are mounted instead of sent.

Blobs are streamed through memory and verified on the way. After a broken connection a blob continues where
it stopped.

JSON: as in push

Example:
  varve copy debian:12 localhost:5000/debian:12`,
  configure(command) {
    command
      .option(...PLAIN_HTTP_OPTION)
      .option("--concurrency <n>", "number of blobs to copy at once (default 4)");
  },
  async run(context, [from = "", to = ""], options) {
    const concurrency = parseConcurrency(stringOption(options, "concurrency"));
    const source = remoteReference(from, "copy");
    const destination = remoteReference(to, "copy to", source);
    if (destination.digest !== undefined) {
      throw new VarveError("E_USAGE", `Cannot copy to ${to}: give a tag, not a digest`);
    }
    const settings = { plainHttp: isPlainHttp(options) };
    using reader = await registryClient(context, source, settings);
    using writer = await registryClient(context, destination, settings);
    const copied = await copyImage(
      { client: reader, reference: source },
      { client: writer, reference: destination },
      {
        signal: context.signal,
        onProgress: pushProgressOf(context),
        onWarning: (message) => context.warn(message),
        concurrency,
      },
    );
    return pushReport(copied);
  },
};
