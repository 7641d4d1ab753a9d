import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, dockerFiles } from "../support/images/images.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

/** More layers than the process may have open files. */
const LAYERS = 160;
const OPEN_FILES = 110;

Deno.test("an image of many layers is loaded and unpacked with few open files", async () => {
  await using temp = await tempDir();
  const layers = Array.from({ length: LAYERS }, (_, at) => [{ name: `f${at}`, content: "x" }]);
  const image = buildImage({ name: "example.org/many:1", layers, packing: "none" });
  await Deno.writeFile(temp.join("a.tar"), archiveTar(dockerFiles([image])));
  const cli = new Cli(temp.join("store"));
  const few = async (...args: string[]) => {
    const limited = ["bash", "-c", `ulimit -n ${OPEN_FILES} && exec "$@"`, "bash"];
    await run([...limited, ...cli.command(args)], {
      env: { VARVE_ROOT: temp.join("store"), VARVE_DURABILITY: "none" },
    });
  };
  await few("load", temp.join("a.tar"));
  await few("unpack", "example.org/many:1", temp.join("files"));
  const names = await Array.fromAsync(Deno.readDir(temp.join("files")));
  if (names.length !== LAYERS) throw new Error(`there are ${names.length} files`);
});
