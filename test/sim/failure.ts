/** What a checker throws: which one, and a sentence. */
export class Failure extends Error {
  readonly checker: string;

  constructor(checker: string, message: string) {
    super(message);
    this.checker = checker;
  }
}

/** Throws a failure of one checker; the world adds who and when. */
export type Fail = (what: string) => never;
