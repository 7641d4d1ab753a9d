import { digestToBytes, hexOf } from "../../../digest/mod.ts";
import {
  BLOCK,
  BLOCK_BITS,
  COMPAT_MTIME,
  INCOMPAT_CHUNKED,
  INCOMPAT_DEVICES,
  MAGIC,
  SLOT_BYTES,
  SUPER_BYTES,
  SUPER_OFFSET,
  TAG_BYTES,
} from "../format.ts";
import type { ErofsPlan } from "./plan_erofs.ts";

/**
 * Encodes everything before the inodes: the superblock and the device table. The superblock has no
 * checksum, because erofs-utils (1.8.6) computes the checksummed length wrongly for blocks of 512
 * bytes, and crashes.
 */
export function encodeSuperblock(plan: ErofsPlan): Uint8Array {
  const bytes = new Uint8Array(plan.inodesAt);
  const view = new DataView(bytes.buffer, SUPER_OFFSET);
  const { devices, survey: { epoch } } = plan;
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, COMPAT_MTIME, true);
  view.setUint8(12, BLOCK_BITS);
  view.setUint16(14, plan.nids[0] as number, true);
  view.setBigUint64(16, BigInt(plan.inodes), true);
  view.setUint32(24, epoch.lo, true);
  view.setUint32(32, epoch.ns, true);
  view.setUint32(36, plan.size / BLOCK, true);
  view.setUint32(44, plan.sharedAt / BLOCK, true);
  bytes.set(uuidOf(plan), SUPER_OFFSET + 48);
  bytes.set(new TextEncoder().encode("varve"), SUPER_OFFSET + 64);
  view.setUint32(80, INCOMPAT_CHUNKED | (devices.length > 0 ? INCOMPAT_DEVICES : 0), true);
  view.setUint16(86, devices.length, true);
  const table = SUPER_OFFSET + SUPER_BYTES;
  view.setUint16(88, devices.length > 0 ? table / SLOT_BYTES : 0, true);
  for (const [i, { source, blocks }] of devices.entries()) {
    const slot = table + i * SLOT_BYTES;
    // The tag has room for exactly a SHA-256. For a digest of another algorithm the tag stays
    // empty.
    const hex = hexOf(source);
    if (hex.length === TAG_BYTES) bytes.set(new TextEncoder().encode(hex), slot);
    view.setUint32(slot + TAG_BYTES - SUPER_OFFSET, blocks, true);
  }
  return bytes;
}

/** A UUID of version 8 (RFC 9562), made from the digest of the tree. */
function uuidOf({ tree }: ErofsPlan): Uint8Array {
  const uuid = digestToBytes(tree.digest).slice(0, 16);
  uuid[6] = (uuid[6] as number) & 0x0f | 0x80;
  uuid[8] = (uuid[8] as number) & 0x3f | 0x80;
  return uuid;
}
