/** A word that can complete the word at the cursor. */
export interface Candidate {
  readonly value: string;
  /** One line of explanation; may be empty. */
  readonly description: string;
}
