/**
 * Phrases in hints and warnings of the library, and the verbs and options of the command line that replace them. The
 * library says only what to do. It does not know which verb or option does it.
 */
const WORDS: readonly (readonly [library: RegExp, command: string])[] = [
  [/\bthe (erofs|overlay|native) driver\b/, "--driver $1"],
  [/\bthe runtime (runc|crun|chroot)\b/, "--runtime $1"],
  [/^unmount (\S+)$/, "varve umount $1"],
  [/\bunmount (\S+) again\b/, "run 'varve umount $1' again"],
  [/\bdetach it lazily$/, "detach it with --lazy"],
  [/\bremove the snapshot first$/, "remove it with 'varve snapshot rm'"],
  [
    /\bcheck the store to see it, rebuild its database to get it back$/,
    "'varve fsck' shows it, 'varve fsck --rebuild' gets it back",
  ],
  [
    /\badopt directory (\S+) to get it back$/,
    "'varve snapshot adopt $1' makes it a snapshot again, 'varve mount IMAGE DIR --rw KEY' mounts it then",
  ],
  [/^make it again from the files\b/, "'varve fsck --rebuild' makes it again from the files"],
  [/^list the lost directories$/, "'varve snapshot adopt' lists them"],
  [/^name the image below it, or say that there is none$/, "give it with --image, or --no-image"],
  [/\bkeep the snapshot at the end$/, "keep it at the end: leave --rm out"],
  [/\blog in (again )?to (\S+)$/, "log in $1to it: varve login $2"],
  [/^push only a platform that the store has$/, "$&, with --platform"],
  [/^save only one of its platforms\b/, "save only one of its platforms with --platform"],
  [/^choose a platform that the store has$/, "'varve images' shows the platforms that are here"],
  [
    /^unpack the image, or read its tree\b.*/,
    "'varve unpack', 'varve ls' and 'varve cat' need no privileges",
  ],
  [/^unpack the image\b.*/, "'varve unpack' makes plain files without privileges"],
  [/^list the containers$/, "'varve ps' lists the containers"],
  [/^run an image on another key$/, "'varve run --name KEY IMAGE' makes a container"],
  [/^run (\S+) on this key again$/, "'varve run --name KEY $1 COMMAND' runs it"],
  [
    /^get (\S+) again, or read the files of the snapshot$/,
    "get $1 again with 'varve pull' or 'varve load', or its files with 'varve export KEY'",
  ],
  [/^run it without a terminal$/, "run it without --tty, or start it with --no-tty"],
  [/^make an index of images$/, "'varve index create' makes an index of images"],
  [/^list the manifests of (\S+)$/, "'varve index ls $1' lists them"],
  [/^remove the name (\S+)$/, "varve rmi $1"],
  [/\binto its hosts\.toml$/, "$&, see 'varve pull --help'"],
  [/; give the image a name$/, "; use --name to give it a name"],
  [/; load it as an archive$/, "; use 'varve load' to load an archive"],
  [
    /Give the image another name, then remove (\S+)$/,
    "Keep the image with 'varve tag $1 NEWNAME', then remove the name with 'varve rmi $1'",
  ],
];

/** Replaces the phrases of the library in a text by verbs and options of the command line. */
export function inCommandWords(text: string): string {
  return WORDS.reduce((words, [library, command]) => words.replace(library, command), text);
}
