/** Takes out of a database what schema 8 has added: what a test writes then is migrated from an older schema. */
export const WITHOUT_PARTS: readonly string[] = [
  ...["part_insert", "part_delete", "part_update", "blob_parts_number", "blob_delete"],
  ...["image_due", "snapshot_due", "lease_due"],
].map((name) => `DROP TRIGGER ${name}`).concat([
  "DROP TABLE part",
  "DROP INDEX blob_parts",
  "ALTER TABLE blob DROP COLUMN parts",
  "DROP INDEX image_digest",
  "DROP INDEX image_digest_like",
  "DELETE FROM state WHERE key = 'due'",
]);
