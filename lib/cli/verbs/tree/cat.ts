import { writeTree } from "../../../codec/tar/mod.ts";
import { VarveError } from "../../../errors.ts";
import { TreeContents } from "../../../image/mod.ts";
import type { Context } from "../../context.ts";
import { writeForeign } from "../../display/output.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import { STREAMED, type Verb } from "../../verb.ts";
import { openPath, type Target } from "./tree.ts";

/** `varve cat`. */
export const cat: Verb = {
  usage: "cat <ref:/path>",
  withoutStore: "refuses",
  summary: "print a file of an image, or a directory as a tar",
  onlyReads: true,
  help: `Nothing is mounted: the bytes come from the layer's tar. A directory is written as a tar of
everything in it, with paths relative to it. What ustar cannot hold, such as long names, xattrs and
nanoseconds, is in PAX headers.

On a terminal, characters of a file that could control the terminal are escaped. Elsewhere all bytes are as they are.

Examples:
  varve cat debian:/etc/os-release
  varve cat debian:/etc | tar t`,
  configure(command) {
    command.option(...PLATFORM_OPTION);
  },
  async run(context, [argument = ""], options) {
    const store = await context.store();
    const target = await openPath(context, argument, true, options);
    using contents = new TreeContents(store.layers.reader.bind(store.layers));
    switch (target.node.type) {
      case "file":
        await writeForeign(context.io, contents.read(target.path, target.node));
        return STREAMED;
      case "directory":
        await writeTar(context, contents, target);
        return STREAMED;
    }
    throw new VarveError(
      "E_USAGE",
      `Cannot print ${argument}: it is a ${target.node.type}, not a file or directory`,
    );
  },
};

async function writeTar(context: Context, contents: TreeContents, target: Target): Promise<void> {
  if (context.io.isTerminal("stdout")) {
    throw new VarveError("E_USAGE", "Cannot write a tar to a terminal: use a pipe");
  }
  const read = contents.read.bind(contents);
  const tar = writeTree(await target.tree(), read, { under: target.path, signal: context.signal });
  for await (const chunk of tar) await context.io.stdout(chunk);
}
