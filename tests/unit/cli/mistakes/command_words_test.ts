import { assertEquals, assertStringIncludes } from "@std/assert";
import { inCommandWords } from "../../../../lib/cli/mistakes/command_words.ts";

/** Where the library has a text, the text, and what a user of the command reads. `%` stands for a value. */
const TEXTS: readonly (readonly [file: string, library: string, command: string])[] = [
  ["snapshot/drivers/native.ts", "use the overlay driver", "use --driver overlay"],
  ["snapshot/drivers/overlay.ts", "use the native driver", "use --driver native"],
  ["compose/compose_chain.ts", "use the overlay driver", "use --driver overlay"],
  [
    "directory/extract/attribute_writer.ts",
    "use another file system, or mount by the erofs driver",
    "use another file system, or mount by --driver erofs",
  ],
  [
    "container/runtime/find.ts",
    "install runc or crun, or util-linux for the runtime chroot",
    "install runc or crun, or util-linux for --runtime chroot",
  ],
  ["container/make_bundle.ts", "use the runtime runc or crun", "use --runtime runc or crun"],
  [
    "container/terminal.ts",
    "run it without a terminal",
    "run it without --tty, or start it with --no-tty",
  ],
  ["container/start.ts", "list the containers", "'varve ps' lists the containers"],
  [
    "container/start.ts",
    "run an image on another key",
    "'varve run --name KEY IMAGE' makes a container",
  ],
  [
    "container/start.ts",
    "run % on this key again",
    "'varve run --name KEY % COMMAND' runs it",
  ],
  [
    "container/start.ts",
    "get % again, or read the files of the snapshot",
    "get % again with 'varve pull' or 'varve load', or its files with 'varve export KEY'",
  ],
  [
    "container/container_snapshot.ts",
    "choose another key, or keep the snapshot at the end",
    "choose another key, or keep it at the end: leave --rm out",
  ],
  [
    "container/run.ts",
    "unpack the image, or read its tree: both need no privileges",
    "'varve unpack', 'varve ls' and 'varve cat' need no privileges",
  ],
  [
    "mount/mount_image.ts",
    "unpack the image: plain files need no privileges",
    "'varve unpack' makes plain files without privileges",
  ],
  ["mount/mount_image.ts", "unmount %", "varve umount %"],
  ["snapshot/mount_leases.ts", "unmount %", "varve umount %"],
  [
    "mount/unmount_image.ts",
    "nothing is mounted there any more: unmount % again to repair the store",
    "nothing is mounted there any more: run 'varve umount %' again to repair the store",
  ],
  [
    "linux/mount/perform_unmount.ts",
    "end the processes that use it, or detach it lazily",
    "end the processes that use it, or detach it with --lazy",
  ],
  [
    "snapshot/writable_snapshot.ts",
    "choose another key, or remove the snapshot first",
    "choose another key, or remove it with 'varve snapshot rm'",
  ],
  [
    "registry/auth/denied_hint.ts",
    "if it exists, log in to %",
    "if it exists, log in to it: varve login %",
  ],
  [
    "registry/auth/denied_hint.ts",
    "the credentials are not accepted, log in again to %",
    "the credentials are not accepted, log in again to it: varve login %",
  ],
  [
    "registry/transfer/push.ts",
    "push only a platform that the store has",
    "push only a platform that the store has, with --platform",
  ],
  [
    "registry/http/tls_hint.ts",
    "into its hosts.toml",
    "into its hosts.toml, see 'varve pull --help'",
  ],
  [
    "archive/save.ts",
    "save only one of its platforms, or load all of them first",
    "save only one of its platforms with --platform, or load all of them first",
  ],
  ["archive/oci_images.ts", "; give the image a name", "; use --name to give it a name"],
  ["image/import_image.ts", "; load it as an archive", "; use 'varve load' to load an archive"],
  [
    "store/image_lookup.ts",
    "choose a platform that the store has",
    "'varve images' shows the platforms that are here",
  ],
  [
    "image/index/stored_index.ts",
    "make an index of images",
    "'varve index create' makes an index of images",
  ],
  [
    "image/index/entries_named.ts",
    "list the manifests of %",
    "'varve index ls %' lists them",
  ],
  ["image/index/edit_index.ts", "remove the name %", "varve rmi %"],
  [
    "store/disk/database/digest_like_names.ts",
    "Give the image another name, then remove %",
    "Keep the image with 'varve tag % NEWNAME', then remove the name with 'varve rmi %'",
  ],
];

Deno.test("hints of the library are read with the verbs and options of the command", async () => {
  for (const [file, library, command] of TEXTS) {
    const source = await Deno.readTextFile(new URL(`../../../../lib/${file}`, import.meta.url));
    for (const part of library.split("%")) assertStringIncludes(source, part, file);
    const [value, path] = ["localhost:5000", "/mnt/a"];
    const filled = (text: string) => text.replaceAll("%", text.includes("mount") ? path : value);
    assertEquals(inCommandWords(filled(library)), filled(command), file);
  }
});

Deno.test("a text of the command line itself stays as it is", () => {
  const text = "there is none ('varve images' lists them); use --driver overlay";
  assertEquals(inCommandWords(text), text);
});
