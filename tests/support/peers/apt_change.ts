/** Changes a root file system as an installation of packages does, with everything that a layer can hold. */
import { asByteString, type ByteString, fromText, timestamp } from "../../../lib/bytes/mod.ts";
import {
  chmodAt,
  chownAt,
  CWD,
  linkAt,
  mkdirAt,
  mknodAt,
  Open,
  openAt,
  openDirectoryAt,
  ownFd,
  removeTree,
  setXattrAt,
  symlinkAt,
  truncateFd,
  utimensAt,
  writeFd,
} from "../../../lib/linux/mod.ts";
import { CAPABILITY } from "../images/sample_image.ts";
import { prng } from "../prng.ts";

/** How much is changed. */
export interface AptChange {
  /** Files that are made. */
  readonly files: number;
  /** Logical size of one sparse file. */
  readonly sparse: number;
  /** Whether devices are made. */
  readonly devices?: boolean;
}

/** An ACL (`linux/posix_acl_xattr.h`): owner rw, user 1000 r, group r, mask r, others nothing. */
const ACL = "\x02\0\0\0" + "\x01\0\x06\0\xff\xff\xff\xff" + "\x02\0\x04\0\xe8\x03\0\0" +
  "\x04\0\x04\0\xff\xff\xff\xff" + "\x10\0\x04\0\xff\xff\xff\xff" + "\x20\0\0\0\xff\xff\xff\xff";

/** Number of files in a package. */
const PACKAGE = 30;

/** Changes a root: it must have `etc/` and `usr/`, and may have anything in them. */
export function aptChange(root: string, { files, sparse, devices = true }: AptChange): void {
  const random = prng(17);
  const at = (path: string) => asByteString(`${fromText(root)}/${path}`);
  const directory = (path: string) => {
    let made = fromText(root) as string;
    for (const part of path.split("/")) {
      made += `/${part}`;
      try {
        mkdirAt(CWD, made as ByteString, 0o755);
      } catch {
        // It is there.
      }
    }
  };
  const write = (path: string, size: number) => {
    using file = ownFd(
      openAt(CWD, at(path), Open.WRITE | Open.CREATE | Open.TRUNCATE | Open.NO_FOLLOW, 0o644),
    );
    writeFd(file.fd, random.bytes(size));
  };
  const time = (path: string, seconds: number) =>
    utimensAt(CWD, at(path), timestamp(seconds, random.int(1, 1e9)));
  const packages = Math.ceil(files / PACKAGE);
  const made: string[] = [];
  for (let i = 0; i < packages; i++) {
    const base = `usr/lib/package-${i}`;
    for (const part of ["bin", "share/doc"]) directory(`${base}/${part}`);
    for (let k = 0; k < PACKAGE && made.length < files; k++) {
      const path = `${base}/${random.pick(["bin", "share", "share/doc"])}/file-${k}`;
      made.push(path);
      if (k === 1 && i > 0) {
        // A hard link to a file of another package.
        linkAt(CWD, at(made[made.length - PACKAGE] as string), CWD, at(path));
        continue;
      }
      if (k === 2) {
        symlinkAt(
          asByteString(random.pick(["../bin/file-0", "/etc/passwd", "nowhere"])),
          CWD,
          at(path),
        );
      } else {
        write(path, random.pick([0, 300, 4000, 20_000, 70_000]));
        chmodAt(CWD, at(path), random.pick([0o644, 0o755, 0o4755]));
        chownAt(CWD, at(path), random.pick([0, 1000]), 0);
        if (k % 10 === 3) {
          setXattrAt(CWD, at(path), asByteString("user.origin"), asByteString("a\0b"));
        }
        if (k % 10 === 4) {
          const value = asByteString(String.fromCharCode(...CAPABILITY));
          setXattrAt(CWD, at(path), asByteString("security.capability"), value);
        }
        if (k % 10 === 5) {
          const acl = asByteString("system.posix_acl_access");
          setXattrAt(CWD, at(path), acl, asByteString(ACL));
        }
      }
      time(path, random.pick([-3, 1_500_000_000, 1_700_000_000]));
    }
    time(`${base}/share`, 1_600_000_000 + i);
    setXattrAt(CWD, at(`${base}/bin`), asByteString("user.package"), asByteString(`${i}`));
  }
  directory("usr/odd");
  mknodAt(CWD, at("usr/odd/fifo"), "fifo", 0o640);
  if (devices) mknodAt(CWD, at("usr/odd/null"), "char", 0o666, 1, 3);
  for (const name of ["\xff\xfe", "line\nbreak", "caf\xc3\xa9", "n".repeat(255)]) {
    write(`usr/odd/${name}`, 10);
  }
  hollow(at("usr/odd/sparse"), sparse);
  time("usr/odd", 1_650_000_000);
  write("etc/package.conf", 100);
  using etc = ownFd(openDirectoryAt(CWD, at("etc")));
  for (const name of ["removed", "removed.d"]) removeTree(etc.fd, asByteString(name));
}

/** A large file with data in the middle and at its end. */
function hollow(path: ByteString, size: number): void {
  using file = ownFd(openAt(CWD, path, Open.WRITE | Open.CREATE, 0o600));
  truncateFd(file.fd, size);
  const data = new Uint8Array(5000).fill(7);
  writeFd(file.fd, data, Math.floor(size / 2));
  writeFd(file.fd, data, size - data.length);
}
