import { VarveError } from "../../../errors.ts";
import { writeForeign } from "../../display/output.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import { openPath } from "../../files/open_files.ts";
import { writeTar } from "../../files/write_tar.ts";
import { STREAMED, type Verb } from "../../verb.ts";
import { PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

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
    command.option(...PLATFORM_OPTION).option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [argument = ""], options) {
    await using target = await openPath(context, argument, true, options);
    const { files, path, node } = target;
    switch (node.type) {
      case "file":
        await writeForeign(context.io, files.contents.read(path, node));
        return STREAMED;
      case "directory":
        await writeTar(context, files, () => files.tree(), path);
        return STREAMED;
    }
    throw new VarveError(
      "E_USAGE",
      `Cannot print ${argument}: it is a ${node.type}, not a file or directory`,
    );
  },
};
