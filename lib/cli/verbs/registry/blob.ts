import { writeFile } from "../../../archive/mod.ts";
import { formatBytes } from "../../../bytes/mod.ts";
import { verifyStream } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import { writeForeign } from "../../display/output.ts";
import { registryClient, remoteReference } from "../../registry.ts";
import { isPlainHttp, PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";
import { outputOption, STREAMED, type Verb } from "../../verb.ts";

/** `varve blob`. */
export const blob: Verb = {
  usage: "blob <ref>",
  withoutStore: "unused",
  summary: "write a blob of a repository in its registry, such as a config or a layer",
  help:
    `REF is REPOSITORY@DIGEST. The bytes are written as they are, and verified. With -o the file appears only when they
are right; on standard output the exit code says it at the end.

JSON (with -o): {"digest","size","to"}

Examples:
  varve blob debian@sha256:0123… | jq .config
  varve blob localhost:5000/app@sha256:0123… -o layer.tar.gz`,
  configure(command) {
    command
      .option("-o, --output <file>", "write to a file; - is standard output")
      .option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [argument = ""], options) {
    const { digest, ...name } = remoteReference(argument, "read a blob of");
    if (digest === undefined) {
      throw new VarveError("E_USAGE", `Cannot read a blob of ${argument}: it has no digest`, {
        hint: `write ${argument}@sha256:…`,
      });
    }
    const { signal } = context;
    const output = outputOption(options);
    using client = await registryClient(context, name, {
      plainHttp: isPlainHttp(options),
    });
    const size = await client.blobSize(name.repository, digest, signal);
    const item = context.progress.start("reading", size);
    let read = 0;
    const copied = async function* () {
      for await (const chunk of client.blob(name.repository, { digest, size }, signal)) {
        item.update(read += chunk.length);
        // A chunk is valid until the next one is asked for, and a stream asks ahead.
        yield chunk.slice();
      }
    };
    const bytes = ReadableStream.from(copied()).pipeThrough(verifyStream({ digest, size }));
    if (output === undefined) await writeForeign(context.io, bytes);
    else await writeFile(output, bytes, "full");
    item.done(formatBytes(size));
    if (output === undefined) return STREAMED;
    return { json: { digest, size, to: output }, text: `${output}\n` };
  },
};
