import { type ByteString, fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { CWD, type Fd, openAt, type OwnedFd, ownFd } from "../files/fd.ts";
import { check } from "../libc/call.ts";
import { isErrno } from "../libc/errno.ts";
import { libc } from "../libc/libc.ts";
import { Open } from "../libc/numbers.ts";

// linux/loop.h
const LOOP_CTL_GET_FREE = 0x4c82;
const LOOP_CONFIGURE = 0x4c0a;
const LO_FLAGS_READ_ONLY = 1, LO_FLAGS_AUTOCLEAR = 4;
/**
 * struct loop_config: u32 fd, u32 block size, struct loop_info64
 * (232 bytes, flags at 52), 64 bytes reserved.
 */
const CONFIG_BYTES = 304;
const INFO = 8;
/** Limit of retries. Another process may take a free device first. */
const MAX_RETRIES = 64;

/** A read-only block device over a file. The kernel removes it when its last user closes it. */
export interface LoopDevice extends Disposable {
  /** Path of the device, such as `/dev/loop7`. */
  readonly path: ByteString;
}

/**
 * Makes a read-only block device over a file (loop(4), Linux 5.8). Disposing it closes this
 * process's descriptor of the device. A mounted device stays until the unmount.
 *
 * @throws {VarveError} `E_UNSUPPORTED` without loop devices, `E_SYSCALL`
 */
export function attachLoop(file: ByteString): LoopDevice {
  using backing = ownFd(openAt(CWD, file, Open.READ | Open.NO_FOLLOW));
  using control = openControl();
  for (let i = 0;; i++) {
    const number = check(
      () => libc().ioctl(control.fd, LOOP_CTL_GET_FREE, null),
      "ioctl",
      "" as ByteString,
    );
    const path = fromText(`/dev/loop${number}`);
    const device = ownFd(openAt(CWD, path, Open.READ));
    try {
      configure(device.fd, backing.fd, path);
      return { path, [Symbol.dispose]: () => device[Symbol.dispose]() };
    } catch (error) {
      device[Symbol.dispose]();
      if (!isErrno(error, "EBUSY") || i >= MAX_RETRIES) throw error;
    }
  }
}

function openControl(): OwnedFd {
  try {
    return ownFd(openAt(CWD, fromText("/dev/loop-control"), Open.READ_WRITE));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "EACCES", "EPERM", "ENODEV", "ENXIO")) throw error;
    throw new VarveError("E_UNSUPPORTED", "Cannot make a loop device: this machine has none", {
      hint:
        "keep the store on a file system whose files the kernel mounts itself, such as ext4, xfs or btrfs",
    }, { cause: error });
  }
}

function configure(device: Fd, backing: Fd, path: ByteString): void {
  const config = new Uint8Array(CONFIG_BYTES);
  const view = new DataView(config.buffer);
  view.setUint32(0, backing, true);
  view.setUint32(4, 512, true);
  view.setUint32(INFO + 52, LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR, true);
  check(() => libc().ioctl(device, LOOP_CONFIGURE, config), "ioctl", path);
}
