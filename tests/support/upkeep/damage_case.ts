/** What a case of damage is. */
import { NAME, type SickStore } from "./sick_store.ts";

/** A kind of damage, and how a check finds it. */
export interface DamageCase {
  readonly title: string;
  /** Whether only a deep check finds it. */
  readonly deep: boolean;
  /** Makes the damage. */
  make(store: SickStore): Promise<void> | void;
  /** The kind of the finding. */
  readonly kind: string;
  /** Found in `what` of the finding. */
  readonly what: RegExp;
  /** What heals it. */
  readonly by: "--repair" | "--from" | "--rebuild" | "hand";
  /** One of those that the finding affects; absent when it affects nothing. */
  readonly affects?: string;
}

/** How a finding names the image of the store. */
export const IMAGE: string = `image ${NAME}`;
